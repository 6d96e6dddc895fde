"""Lanes: what the score needs of a model for a kind of task; unclear tasks are weighed by all that they may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.score import static_terms
from routing.type_shares import MOST_KINDS, in_parts, type_shares
from routing.words import TYPES
from schemas.classification import TaskDescriptor
from schemas.control_steering import COMPLEXITIES
from schemas.control_taxonomy import PARTS
from tests.brain import NOW, request, task, tenant

CONFIG = tenant()
POLICY = CONFIG.tenant("t")
CLEAR = task(request("hello"), CONFIG).model_copy(update={"type_shares": {}, "complexity_shares": {}})


@st.composite
def sixteenths(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, float]:
    """Return up to four of the names with shares that sum to 1."""
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
    cuts = sorted(
        draw(st.lists(st.integers(1, PARTS - 1), min_size=len(chosen) - 1, max_size=len(chosen) - 1, unique=True))
    )
    edges = [0, *cuts, PARTS]
    return {name: (edges[index + 1] - edges[index]) / PARTS for index, name in enumerate(chosen)}


def unclear(kinds: dict[str, float], degrees: dict[str, float]) -> TaskDescriptor:
    return CLEAR.model_copy(update={"type_shares": kinds, "complexity_shares": degrees})


@given(sixteenths(TYPES), sixteenths(COMPLEXITIES))
def test_an_unclear_task_has_the_expected_terms(kinds: dict[str, float], degrees: dict[str, float]) -> None:
    """Each term is the mean over all that the task may be, to nine decimals, however the lane is made (R8, R9)."""
    assert POLICY is not None
    asked = unclear(kinds, degrees)
    for lane in POLICY.lanes.of(asked, NOW)[:5]:
        assert POLICY.lanes.lane(lane.row, asked) == lane
        assert POLICY.lanes.few(["unheard-of", lane.model], asked, NOW) == [lane]
        for name in ("capability", "quality", "prior", "boost"):
            mean = sum(
                of_kind * of_degree * getattr(static_terms(lane.row.entry, kind, degree, POLICY.scoring), name)
                for kind, of_kind in kinds.items()
                for degree, of_degree in degrees.items()
            )
            assert getattr(lane, name) == pytest.approx(mean, abs=2e-9)


def test_a_clear_task_has_the_terms_of_its_kind() -> None:
    """Without shares the terms are those of the type and complexity, exactly (R9)."""
    assert POLICY is not None
    for lane in POLICY.lanes.of(CLEAR, NOW):
        terms = static_terms(lane.row.entry, str(CLEAR.type), CLEAR.complexity, POLICY.scoring)
        assert (lane.capability, lane.quality, lane.prior, lane.boost) == tuple(terms)


@given(st.lists(st.integers(0, 10**9), min_size=len(TYPES), max_size=len(TYPES)).filter(any))
def test_shares_of_types_sum_to_one(weights: list[int]) -> None:
    """Shares are sixteenths of the likeliest types, in their order, that sum to 1; a sure text has none (R8)."""
    total = sum(weights)
    found = type_shares([weight * 1_000_000_000 // total for weight in weights])
    if found:
        assert sum(found.values()) == 1
        assert 2 <= len(found) <= MOST_KINDS
        assert all(share * PARTS == int(share * PARTS) > 0 for share in found.values())
        assert sum(parts for _, parts in in_parts(found)) == PARTS


def test_a_sure_text_is_of_one_type() -> None:
    """From fifteen sixteenths on one type counts as all."""
    sure = [0] * len(TYPES)
    sure[0], sure[1] = 950_000_000, 50_000_000
    assert type_shares(sure) == {}
    sure[0], sure[1] = 700_000_000, 300_000_000
    assert type_shares(sure) == {TYPES[0]: 11 / 16, TYPES[1]: 5 / 16}
