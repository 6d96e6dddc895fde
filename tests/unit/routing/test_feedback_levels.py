"""Levels in the feedback core: keys, spaces, resets, and exact shared rows through crashes at any point."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.feedback import SHARED_RATINGS, Changes, FeedbackBatch, Tables
from schemas.envelope import Event, to_ms
from schemas.feedback import PreferenceState
from schemas.partition import partition_for
from schemas.record import Record
from schemas.statistics import preference_key
from schemas.topics import OUTCOMES, OVERRIDES, PROVIDER_CALLS
from tests.unit.routing.preference_events import (
    LATER,
    WEEK,
    finished,
    inferred,
    override,
    rated,
    reset,
)

PARTITIONS = 8
HOME = partition_for("acme", PARTITIONS)
TOPICS = (OVERRIDES, OUTCOMES, PROVIDER_CALLS)
ORGANISATION = preference_key("acme", "organisation")
PRESS = preference_key("acme", "space", "press")
BATCH = 7


def at(topic: str, offset: int, event: Event) -> Record:
    """Return the record of an event, with ids of its own."""
    update: dict[str, Any] = {"id": f"{topic}-{offset}"}
    if topic == PROVIDER_CALLS:
        update["attempt_id"] = f"a-{offset}"
    output = event.model_copy(update=update).to_output(topic)
    return Record(topic, HOME, offset, to_ms(LATER), b"acme", output.value, output.headers)


class Stage:
    """One partition of the stage: rows as they lie on the topic, committed offsets, and batches that may be cut off."""

    def __init__(self, logs: dict[str, list[Record]]) -> None:
        self.logs = logs
        self.rows: dict[str, PreferenceState] = {}
        self.committed = dict.fromkeys(TOPICS, 0)

    def changes(self, records: Sequence[Record]) -> Changes:
        batch = FeedbackBatch(HOME, PARTITIONS, Tables(self.rows.get, lambda _: None))
        for record in records:
            batch.apply(record)
        return batch.finish()

    def batch(self, topic: str, size: int, written: int | None = None) -> None:
        """Take a batch; with ``written`` the process dies after that many of its rows, and nothing is committed."""
        start = self.committed[topic]
        records = self.logs[topic][start : start + size]
        changes = self.changes(records)
        rows = [*changes.preferences.items(), *changes.shared.items()]
        for key, row in rows if written is None else rows[:written]:
            self.rows[key] = row
        if written is None:
            self.committed[topic] = start + len(records)

    def drain(self) -> None:
        while any(self.committed[topic] < len(self.logs[topic]) for topic in TOPICS):
            for topic in TOPICS:
                self.batch(topic, BATCH)

    def evidence(self) -> dict[str, Any]:
        return {key: row.evidence for key, row in sorted(self.rows.items())}


users = st.sampled_from(["ana", "ben", "cleo"])
places = st.sampled_from([None, "press"])
models = st.sampled_from(["m1", "m2"])
days = st.integers(0, 30)
overrides = st.lists(st.builds(override, models, user=users, space=places, day=days), max_size=25)
outcomes = st.lists(
    st.one_of(
        st.builds(rated, st.floats(0, 1), models, user=users, space=places, day=days),
        st.builds(inferred, st.just("regenerated"), st.just(1), models, user=users, space=places, day=days),
    ),
    max_size=25,
)
resets = st.builds(reset, st.sampled_from([None, "m1"]), user=users, day=days)
answers = st.lists(st.builds(finished, models, user=users, space=places, day=days), max_size=25)
steps = st.lists(
    st.tuples(st.sampled_from(TOPICS), st.integers(1, 9), st.one_of(st.none(), st.integers(0, 6))), max_size=30
)


def logs(*events: Sequence[Event]) -> dict[str, list[Record]]:
    return {
        topic: [at(topic, offset, event) for offset, event in enumerate(of)]
        for topic, of in zip(TOPICS, events, strict=True)
    }


@settings(max_examples=300)
@given(overrides, outcomes, answers, steps)
def test_crashes_anywhere_leave_exact_rows(
    said: list[Event], outcome: list[Event], answered: list[Event], run: list[tuple[str, int, int | None]]
) -> None:
    """Killed between any two rows of any batch, with topics read in any interleaving, all rows end the same.

    The rows of spaces and of the organisation too, though they are written after those of the users.
    """
    found = logs(said, outcome, answered)
    quiet, crashed = Stage(found), Stage(found)
    quiet.drain()
    for topic, size, written in run:
        crashed.batch(topic, size, written)
    crashed.drain()
    assert crashed.evidence() == quiet.evidence()


def test_two_crashes_in_a_row_lose_nothing() -> None:
    """What one crash left over and what came since are both made up for after a second crash."""
    stage = Stage(logs([override("m1"), override("m2")], [], []))
    stage.batch(OVERRIDES, 1, 1)
    stage.batch(OVERRIDES, 2, 1)
    assert ORGANISATION not in stage.rows
    stage.drain()
    assert stage.rows[ORGANISATION].evidence[""] == {
        "m1": {WEEK: {"overrides_to": 0.5}},
        "m2": {WEEK: {"overrides_to": 0.5}},
    }


@settings(max_examples=150)
@given(
    overrides,
    st.lists(st.one_of(resets, outcomes.filter(bool).map(lambda of: of[0])), max_size=20),
    answers,
    steps,
)
def test_after_everybody_has_reset_nothing_is_left_whatever_crashed(
    said: list[Event], outcome: list[Event], answered: list[Event], run: list[tuple[str, int, int | None]]
) -> None:
    """Resets and crashes in any order: when all users have reset, no row says anything (R7)."""
    stage = Stage(logs(said, outcome, answered))
    for topic, size, written in run:
        stage.batch(topic, size, written)
    stage.drain()
    last = [reset(user=user, day=100) for user in ("ana", "ben", "cleo")]
    stage.logs[OUTCOMES] += [at(OUTCOMES, len(stage.logs[OUTCOMES]) + number, one) for number, one in enumerate(last)]
    stage.batch(OUTCOMES, 2, 3)
    stage.drain()
    assert all(evidence == {} for evidence in stage.evidence().values())


def applied(*records: Record) -> Stage:
    stage = Stage(logs([], [], []))
    changes = stage.changes(records)
    stage.rows |= changes.preferences | changes.shared
    return stage


def test_an_event_moves_user_space_and_organisation() -> None:
    """Rows of three levels, told apart by key and level; where no space is known only two move (R7)."""
    stage = applied(
        at(OVERRIDES, 0, override("m1", space="press")),
        at(PROVIDER_CALLS, 0, finished("m1", user="ben", space="press")),
        at(OUTCOMES, 0, rated(1.0, user="ben")),
    )
    assert {key: row.level for key, row in stage.rows.items()} == {
        "acme|ana": "user",
        "acme|ben": "user",
        "acme||space|press": "space",
        "acme||organisation": "organisation",
    }
    assert stage.rows[PRESS].evidence[""]["m1"][WEEK] == {"overrides_to": 1, "kept": 1}
    assert stage.rows[ORGANISATION].evidence[""]["m1"][WEEK] == {
        "overrides_to": 1,
        "kept": 1,
        "ratings": 1,
        "rating_sum": 1,
    }


@pytest.mark.parametrize("user", ["organisation", "space", "a/b", "x:y", "o@p"])
def test_no_user_has_the_key_of_another_level(user: str) -> None:
    """A user may have any id that is allowed: the keys of the other levels begin with a bar where the user stands."""
    keys = {preference_key("acme", "user", user), preference_key("acme", "user"), ORGANISATION, PRESS}
    assert len(keys) == 4


def test_ratings_without_a_user_are_one_persons() -> None:
    """Leaving the name out gives nobody more than one vote."""
    stage = applied(*[at(OUTCOMES, number, rated(1.0, user=None)) for number in range(30)])
    assert stage.rows[ORGANISATION].evidence[""]["m1"][WEEK] == {"ratings": 1, "rating_sum": 1}


def test_a_reset_gives_no_more_say_in_the_shared_statistics() -> None:
    """Ratings that went to the statistics before a reset still count against the limit of one user."""
    stage = applied(
        *[at(OUTCOMES, number, rated(1.0)) for number in range(SHARED_RATINGS)], at(OUTCOMES, 90, reset(day=1))
    )
    changes = stage.changes([at(OUTCOMES, 91, rated(1.0, day=2))])
    assert changes.statistics == {}
    assert changes.preferences["acme|ana"].models["m1"].ratings == 1


def test_an_event_published_twice_counts_once_in_all_rows() -> None:
    """A second record with the same id adds nothing, in the rows of others either."""
    once = at(OVERRIDES, 0, override())
    stage = applied(once, replace(once, offset=1))
    assert stage.rows[ORGANISATION].evidence[""]["m1"][WEEK] == {"overrides_to": 1}
    assert stage.rows["acme|ana"].observations == 1


def test_the_space_of_a_conversation_goes_with_its_length() -> None:
    """The outcome that tells the length of a conversation names the space it was in (U2)."""
    stage = Stage(logs([], [], []))
    calls = [
        finished("m1", day=day, space="press").model_copy(
            update={"conversation_id": "c", "occurred_at": finished(day=day).occurred_at + timedelta(minutes=day)}
        )
        for day in (0, 1)
    ]
    (found,) = stage.changes([at(PROVIDER_CALLS, number, call) for number, call in enumerate(calls)]).inferred
    assert (found.signal, found.space) == ("conversation_length", "press")
