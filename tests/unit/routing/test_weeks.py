"""Weeks and what they are worth."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.weeks import WEEKS, added, week_of, worth


def test_a_week_begins_on_monday_at_midnight_utc() -> None:
    """The week changes between Sunday and Monday, UTC, whatever the zone an instant is written in."""
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    assert week_of(monday) == week_of(monday + timedelta(days=6, hours=23)) == week_of(monday - timedelta(days=7)) + 1
    assert week_of(monday.astimezone(timezone(timedelta(hours=-11)))) == week_of(monday)
    assert week_of(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))) == -1


@pytest.mark.parametrize("half_life_days", [1, 7, 30, 45, 90])
def test_after_a_half_life_half_is_left(half_life_days: int) -> None:
    """What a week is worth follows 2 ** (-age / half-life) to seven places, and depends on integers alone."""
    values = worth(half_life_days)
    assert len(values) == WEEKS
    assert values == pytest.approx([2 ** (-7 * age / half_life_days) for age in range(WEEKS)], abs=1e-7)
    assert worth(7)[:3] == (1.0, 0.5, 0.25)


amounts = st.dictionaries(st.sampled_from(["ratings", "rating_sum", "kept"]), st.floats(0, 1000), max_size=3)


@given(st.permutations(range(6)), st.lists(amounts, min_size=6, max_size=6))
def test_sums_do_not_depend_on_order(order: list[int], counts: list[dict[str, float]]) -> None:
    """Amounts added in any order give the same bytes."""

    def total(numbers: list[int]) -> dict[str, float]:
        found: dict[str, float] = {}
        for number in numbers:
            found = added(found, counts[number])  # type: ignore[arg-type, assignment] # names of signals as text
        return dict(sorted(found.items()))

    assert total(order) == total(list(range(6)))
