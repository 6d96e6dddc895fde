"""From answers to abilities: drawn from the catalog's figures to what was seen, the more the more was seen (R16)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.probe_abilities import STRENGTH, probed_abilities
from schemas.classification import TaskType
from schemas.control_catalog import Capabilities
from tests.brain import shipped

CATALOG = Capabilities(coding=80, reasoning=70, creative=60, speed=50, context_handling=40, instruction=90)
NEEDS = shipped().taxonomy_of("atelier").needs
RESULTS = st.lists(st.tuples(st.sampled_from([kind.value for kind in TaskType]), st.booleans()), max_size=60)


@given(RESULTS)
def test_abilities_lie_between_the_catalog_and_what_was_seen(results: list[tuple[str, bool]]) -> None:
    """No ability leaves 0 to 100, speed is left alone, and one without evidence is not spoken of."""
    found = probed_abilities(CATALOG, results, NEEDS)
    assert "speed" not in {one.name for one in found}
    for one in found:
        assert 0 <= one.after <= 100
        assert one.before == getattr(CATALOG, one.name)
    if not results:
        assert found == []


@given(RESULTS, st.sampled_from([kind.value for kind in TaskType]))
def test_another_good_answer_never_lowers_an_ability(results: list[tuple[str, bool]], kind: str) -> None:
    """Passing one probe more raises or keeps every ability; failing it lowers or keeps them."""
    before = {one.name: one.after for one in probed_abilities(CATALOG, results, NEEDS)}
    better = {one.name: one.after for one in probed_abilities(CATALOG, [*results, (kind, True)], NEEDS)}
    worse = {one.name: one.after for one in probed_abilities(CATALOG, [*results, (kind, False)], NEEDS)}
    for name, after in before.items():
        assert worse[name] <= after <= better[name]


def test_the_formula() -> None:
    """Eight probes that speak of one ability alone weigh as much as the catalog."""
    (coding,) = probed_abilities(CATALOG, [("a", True)] * 8, {"a": {"coding": 1.0}})
    assert (coding.after, coding.evidence, STRENGTH) == (90.0, 8.0, 8.0)
    (coding,) = probed_abilities(CATALOG, [("a", False)] * 8, {"a": {"coding": 1.0}})
    assert coding.after == pytest.approx(40)
