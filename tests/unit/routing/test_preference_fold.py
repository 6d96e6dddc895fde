"""A user's row: sums that no order can change, bounded, and resets that hold."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.preference_fold import (
    MAX_MODELS,
    MAX_SPACES,
    PreferenceEvent,
    fold_preference,
    fold_reset,
)
from routing.weeks import WEEKS
from schemas.envelope import EPOCH
from schemas.statistics import Counts
from tests.unit.routing.preference_events import (
    LATER,
    MONDAY,
    WEEK,
    envelope,
    events,
    finished,
    folded,
    inferred,
    override,
    rated,
    reset,
    user_row,
)


def counts(event: PreferenceEvent, model: str = "m1") -> Counts:
    return folded([event]).evidence[""][model][WEEK]


@pytest.mark.parametrize(
    ("event", "added"),
    [
        (override("m1", "m2"), {"overrides_to": 1}),
        (rated(0.25), {"ratings": 1, "rating_sum": 0.25}),
        (inferred("regenerated", 1), {"regenerated": 1}),
        (inferred("abandoned", 1), {"abandoned": 1}),
        (inferred("edited", 0.4), {"edited": 1, "edited_sum": 0.4}),
        (inferred("edited", 7), {"edited": 1, "edited_sum": 1}),
        (inferred("tool_success", 0), {"tool_success": 1}),
        (inferred("tool_success", 1), {"tool_success": 1, "tool_success_sum": 1}),
        (inferred("conversation_length", 10), {"conversations": 1, "conversation_length_sum": 10}),
        (
            inferred("conversation_length", 5000),
            {"conversations": 1, "conversation_length_sum": 100, "long_conversations": 1},
        ),
        (finished(), {"kept": 1}),
    ],
)
def test_what_an_event_adds(event: PreferenceEvent, added: Counts) -> None:
    """Each kind of event adds to the counts of its model in the week it happened (R7, U2)."""
    assert counts(event) == added


def test_an_override_counts_for_one_model_and_against_another() -> None:
    """The model an override replaces is remembered as left (R7)."""
    assert counts(override("m1", "m2"), "m2") == {"overrides_from": 1}
    row = folded([override("m1", "m2"), finished("m3"), finished("m1", forced_by="override:request")])
    assert (row.observations, row.models["m1"].answers, row.models["m1"].overrides_to) == (2, 1, 1)
    assert list(row.evidence[""]["m1"][WEEK]) == ["overrides_to"]


def test_lifting_an_override_or_a_cancelled_call_is_no_preference() -> None:
    """An override to "auto" and a cancelled answer leave the row as it is (U1)."""
    row = user_row()
    assert fold_preference(row, override("auto"), LATER) is row
    assert fold_preference(row, finished(cancelled=True), LATER) is row


@given(st.lists(events, max_size=40), st.randoms(use_true_random=False))
def test_rows_do_not_depend_on_order(happened: list[PreferenceEvent], shuffler: random.Random) -> None:
    """The same events in any order, over a year and a half, give the same row."""
    shuffled = list(happened)
    shuffler.shuffle(shuffled)
    assert folded(happened) == folded(shuffled)


@given(st.lists(events, max_size=60))
def test_only_half_a_year_is_kept(happened: list[PreferenceEvent]) -> None:
    """No week is older than 26 weeks before the newest seen, and none is empty."""
    row = folded(happened)
    weeks = {
        week for by_model in row.evidence.values() for of in by_model.values() for week, found in of.items() if found
    }
    assert all(row.week - WEEKS < week <= row.week for week in weeks)
    assert all(of and all(of.values()) for by_model in row.evidence.values() for of in by_model.values())


def test_evidence_is_kept_apart_by_space() -> None:
    """What happened in a space lies under its name, the rest under none."""
    row = folded([override(space="press"), override(), rated(1.0, space="press")])
    assert row.evidence["press"]["m1"][WEEK] == {"overrides_to": 1, "ratings": 1, "rating_sum": 1}
    assert row.evidence[""]["m1"][WEEK] == {"overrides_to": 1}


def test_a_row_is_bounded() -> None:
    """A client that invents models or spaces cannot grow its row without end; further spaces count as none."""
    row = folded([override(f"m{number}", space=f"s{number}") for number in range(MAX_MODELS + 20)])
    assert len(row.models) == MAX_MODELS
    assert len(row.evidence) == MAX_SPACES + 2
    assert len(row.evidence[""]) == MAX_MODELS - MAX_SPACES - 1


def test_nothing_happens_after_it_was_written() -> None:
    """A clock that is years ahead cannot push out what was learned: an event is never later than its record."""
    ahead = override(day=4000)
    row = fold_preference(folded([override()]), ahead, MONDAY + timedelta(days=7))
    assert row.evidence[""]["m1"] == {WEEK: {"overrides_to": 1}, WEEK + 1: {"overrides_to": 1}}
    assert fold_preference(user_row(), ahead, EPOCH).week > WEEK + 500


def test_a_reset_forgets_everything() -> None:
    """After a reset the row says nothing (R7)."""
    row = folded([override(space="press"), rated(1.0), finished("m2"), reset(day=1)])
    assert (row.observations, row.models, row.evidence) == (0, {}, {})


def test_a_reset_of_one_model_leaves_the_others() -> None:
    """Only what was learned about that model goes."""
    row = folded([override("m1", "m2"), rated(1.0, "m3"), reset("m1", day=1)])
    assert set(row.models) == {"m2", "m3"}
    assert set(row.evidence[""]) == {"m2", "m3"}


def test_what_happened_before_a_reset_does_not_come_back() -> None:
    """An event that happened before the reset and is read after it, from another topic, does not count."""
    row = folded([reset(day=3)])
    assert fold_preference(row, override(day=2), LATER) is row
    assert folded([override(day=4)], row).models["m1"].overrides_to == 1
    one = folded([reset("m1", day=3)])
    assert fold_preference(one, override(day=2), LATER) is one
    assert folded([rated(1.0, "m2", day=2)], one).models["m2"].ratings == 1


@given(st.lists(events, max_size=30), st.integers(-100, 300), st.integers(0, 30))
def test_only_the_time_of_a_reset_counts(happened: list[PreferenceEvent], day: int, place: int) -> None:
    """Wherever a reset is read, what happened until then does not count; what is read and happened later does."""
    again = reset(day=day)
    row = folded([*happened[:place], again, *happened[place:]])
    later = [event for event in happened[place:] if event.occurred_at > again.occurred_at]
    alone = folded([again, *later])
    assert (row.models, row.observations) == (alone.models, alone.observations)


def test_a_reset_in_the_future_is_of_now() -> None:
    """A reset cannot forget what is still to come."""
    row = fold_reset(user_row(), reset(day=9000), MONDAY)
    assert row.resets == {"": MONDAY}


def test_ratings_of_before_a_reset_are_remembered_as_a_number() -> None:
    """How often a user rated a model survives resets: it bounds their say in the shared statistics."""
    row = folded([rated(1.0), rated(0.0), reset(day=1), rated(1.0, day=2), reset("m1", day=3)])
    assert row.rated_before == {"m1": 3}


def test_rows_of_before_are_read() -> None:
    """A row without weeks, as written before there were any, keeps its counts and goes on."""
    old = user_row().model_validate(
        {
            "version": 7,
            "tenant": "acme",
            "user": "ana",
            "observations": 4,
            "models": {"m1": {"score": 0.7, "overrides_to": 4}},
            "updated_at": MONDAY,
        }
    )
    row = folded([override()], old)
    assert (row.version, row.models["m1"].overrides_to, row.level) == (8, 5, "user")
    assert envelope()["user"] == row.user
