import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outcome import OutcomeRated
from schemas.topics import EVENT_TYPES
from schemas.upcasting import UPCASTERS, upcast

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
RATED_V0 = {
    "id": "o-1",
    "type": "pointsman.outcome.rated.v0",
    "occurred_at": "2026-01-05T10:00:00Z",
    "tenant": "acme",
    "request_id": "r-1",
    "model": "m-1",
    "stars": 4,
}


@pytest.mark.parametrize(("stars", "rating"), [(1, 0.0), (3, 0.5), (4, 0.75), (5, 1.0)])
def test_stars_become_a_rating(stars: int, rating: float) -> None:
    """Version 0 of a rating had one to five stars; read today it is a valid rating of 0 to 1 (F6)."""
    event = OutcomeRated.model_validate(upcast({**RATED_V0, "stars": stars}))
    assert event.rating == rating
    assert event.type == OutcomeRated.TYPE


@pytest.mark.parametrize("type_", sorted(UPCASTERS))
def test_every_old_version_leads_to_a_current_one(type_: str) -> None:
    """The steps of each old type end at a type that is known today, one version up at a time."""
    assert upcast({"type": type_})["type"] in EVENT_TYPES
    assert int(UPCASTERS[type_]({"type": type_})["type"].rsplit(".v", 1)[1]) == int(type_.rsplit(".v", 1)[1]) + 1


@given(
    st.sampled_from([*UPCASTERS, *EVENT_TYPES, "unheard.of.v9"]), st.dictionaries(st.text(max_size=8), JSON, max_size=4)
)
def test_upcasting_is_pure_and_settles(type_: str, fields: dict[str, Any]) -> None:
    """Upcasting never changes its argument, leaves current and unknown types as they are, and twice is once."""
    value = {**fields, "type": type_}
    before = copy.deepcopy(value)
    once = upcast(value)
    assert value == before
    assert upcast(once) == once
    if type_ not in UPCASTERS:
        assert once == before
