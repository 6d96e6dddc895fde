"""The feedback core: records of one partition in, rows, dead letters and inferred outcomes out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from routing.feedback import SHARED_RATINGS, Changes, FeedbackBatch, Tables
from schemas.envelope import Event
from schemas.feedback import PreferenceState, StatisticsState
from schemas.outcome import OutcomeRated
from schemas.override import OverrideRequested
from schemas.partition import partition_for
from schemas.provider_call import CallFinished, CallUnknown
from schemas.record import Record
from schemas.topics import OUTCOMES, OVERRIDES, PROVIDER_CALLS
from schemas.usage import Usage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 8
HOME = partition_for("acme", PARTITIONS)
CALL: dict[str, Any] = {
    "occurred_at": NOW,
    "tenant": "acme",
    "user": "ana",
    "request_id": "r",
    "decision_id": "d",
    "attempt": 1,
    "instance": "x",
    "incarnation": 1,
    "model": "m1",
    "provider": "p",
    "task_type": "debugging",
    "tier": 2,
}


class Place:
    """A partition with its tables, as the stage keeps them between batches."""

    def __init__(self, *, room: bool = True) -> None:
        self.preferences: dict[str, PreferenceState] = {}
        self.statistics: dict[str, StatisticsState] = {}
        self.room = room

    def apply(self, records: Sequence[Record]) -> Changes:
        tables = Tables(self.preferences.get, self.statistics.get, self.room)
        batch = FeedbackBatch(HOME, PARTITIONS, tables)
        for record in records:
            batch.apply(record)
        changes = batch.finish()
        self.preferences |= changes.preferences | changes.shared
        self.statistics |= changes.statistics
        return changes


def at(topic: str, offset: int, event: Event) -> Record:
    output = event.to_output(topic)
    return Record(topic, HOME, offset, 1_772_366_400_000, b"acme", output.value, output.headers)


def finished(number: int) -> CallFinished:
    return CallFinished(**CALL, id=f"f-{number}", attempt_id=f"a-{number}", usage=Usage(), cost=1, latency_ms=5)


def unknown(number: int) -> CallUnknown:
    return CallUnknown(**CALL, id=f"u-{number}", attempt_id=f"a-{number}", reason="timeout")


def rated(number: int, user: str | None = "ana", model: str = "m1", task_type: str = "debugging") -> OutcomeRated:
    return OutcomeRated(
        id=f"o-{number}",
        occurred_at=NOW,
        tenant="acme",
        user=user,
        request_id="r",
        model=model,
        task_type=task_type,
        rating=1.0,
    )


def test_an_attempt_ends_once() -> None:
    """An attempt that was called unknown and then reported is one call in the statistics: the first report counts."""
    place = Place()
    place.apply(
        [at(PROVIDER_CALLS, 0, unknown(1)), at(PROVIDER_CALLS, 1, finished(1)), at(PROVIDER_CALLS, 2, finished(2))]
    )
    (row,) = place.statistics.values()
    assert (row.calls, row.unknowns, row.successes) == (2, 1, 1)


def test_redelivered_batches_change_nothing() -> None:
    """The same stretch of the log again, alone or with new records behind it, is counted once (DESIGN 9)."""
    place = Place()
    records = [at(PROVIDER_CALLS, number, finished(number)) for number in range(10)]
    place.apply(records[:6])
    assert place.apply(records[:6]).statistics == {}
    place.apply(records[3:])
    assert place.statistics[f"{HOME}|m1|debugging"].calls == 10
    assert place.preferences["acme|ana"].models["m1"].answers == 10


def test_one_user_cannot_shape_what_everybody_reads() -> None:
    """Of one user's ratings of a model only the first ones count in the shared statistics; all count for the user."""
    place = Place()
    count = SHARED_RATINGS + 15
    changes = place.apply([at(OUTCOMES, number, rated(number)) for number in range(count)])
    assert place.statistics[f"{HOME}|m1|debugging"].ratings == SHARED_RATINGS
    assert place.preferences["acme|ana"].models["m1"].ratings == count
    assert sum(changes.skipped.values()) == 15
    place.apply([at(OUTCOMES, count + number, rated(count + number, user=None)) for number in range(count)])
    assert place.statistics[f"{HOME}|m1|debugging"].ratings == 2 * SHARED_RATINGS


def test_clients_cannot_create_rows_without_end() -> None:
    """Ratings of invented models need room; invented task types are general."""
    full = Place(room=False)
    full.apply([at(OUTCOMES, 0, rated(0, model="invented"))])
    assert full.statistics == {}
    place = Place()
    place.apply([at(OUTCOMES, 0, rated(0, task_type="invented"))])
    assert list(place.statistics) == [f"{HOME}|m1|general"]


def test_invalid_records_are_dead_letters_where_feedback_validates() -> None:
    """A bad outcome is a dead letter with reason and position; a bad override is the router's to answer (promise 5)."""
    place = Place()
    bad = [Record(topic, HOME, 7, 0, b"acme", b"{", ()) for topic in (OUTCOMES, OVERRIDES, PROVIDER_CALLS)]
    changes = place.apply(bad)
    (letter,) = changes.dead_letters
    assert (letter.position.topic, letter.position.offset, letter.stage) == (OUTCOMES, 7, "feedback")
    assert sum(changes.skipped.values()) == 3


def test_an_override_counts_for_the_user_it_names() -> None:
    """An override with a user moves that user's row; one without (a space's) moves none (U1)."""
    place = Place()
    common: dict[str, Any] = {"occurred_at": NOW, "tenant": "acme", "model": "m2", "from_model": "m1"}
    place.apply([at(OVERRIDES, 0, OverrideRequested(**common, id="1", scope="space", space="press"))])
    assert place.preferences == {}
    place.apply([at(OVERRIDES, 1, OverrideRequested(**common, id="2", scope="always", user="ana"))])
    row = place.preferences["acme|ana"]
    assert (row.models["m2"].overrides_to, row.models["m1"].overrides_from) == (1, 1)
