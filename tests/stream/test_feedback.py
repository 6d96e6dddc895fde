"""The feedback stage on the real broker: events in, rows out, exactly, whatever happens to its processes."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
import pytest

from routing.preference_sharing import changed, shared_changes
from routing.statistics_view import merge
from schemas.dead_letter import DeadLetter
from schemas.feedback import PreferenceState, StatisticsState
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.partition import partition_for
from schemas.preference import PreferenceReset
from schemas.provider_call import CallFinished
from schemas.record import Output
from schemas.statistics import ModelPreference, preference_key
from schemas.topics import MODEL_STATS, OUTCOMES, OVERRIDES, PREFERENCES, PROVIDER_CALLS
from schemas.usage import Usage
from streams.kafka_clients import producer
from streams.log_reader import read_range
from streams.settings import Settings
from streams.topology import create_topics
from tests.stage import Stage, everything, publish
from tests.waiting import eventually

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE_SECONDS = 240.0
"""A group that stands still is noticed after a minute; then the worker ends and is started again."""
pytestmark = pytest.mark.timeout(600)
TENANTS = [f"tenant-{number}" for number in range(12)]
DEAD_LETTERS = f"{OUTCOMES}.dlq"
T = TypeVar("T")


@pytest.fixture
def deployment(settings: Settings) -> Settings:
    create_topics(settings)
    return settings


@contextmanager
def worker(settings: Settings, slot: int = 0) -> Generator[Stage]:
    """Run one feedback process as the supervisor would; it is killed at the end, unless it was stopped before."""
    stage = Stage(settings, Path(settings.run_dir), "feedback", slot)
    try:
        yield stage
    finally:
        stage.kill()
        stage.stop()


def until(stage: Stage, question: Callable[[], T], what: str) -> T:
    """Wait for an answer while the worker lives; one that ends in doubt is started again, as the supervisor does."""

    def ask() -> T:
        status = stage.process.poll()
        if status == 70:
            stage.again()
            status = None
        assert status is None, f"the worker ended with status {status}"
        return question()

    return eventually(ask, what, PATIENCE_SECONDS)


def rows(settings: Settings, topic: str) -> dict[str, dict[str, Any]]:
    """Return the rows as a reader keeps them: the highest version of each key."""
    newest: dict[str, dict[str, Any]] = {}
    for record in everything(settings, topic):
        key, row = (record.key or b"").decode(), orjson.loads(record.value or b"")
        if row["version"] > newest.get(key, {"version": -1})["version"]:
            newest[key] = row
    return newest


def preferences(settings: Settings) -> dict[str, PreferenceState]:
    return {key: PreferenceState.model_validate(row) for key, row in rows(settings, PREFERENCES).items()}


def statistics(settings: Settings) -> dict[str, StatisticsState]:
    return {key: StatisticsState.model_validate(row) for key, row in rows(settings, MODEL_STATS).items()}


def finished(number: int, tenant: str = TENANTS[0], **changes: Any) -> Output:
    facts: dict[str, Any] = {
        "occurred_at": NOW,
        "user": "ana",
        "model": "m1",
        "conversation_id": None,
        "forced_by": None,
        **changes,
    }
    event = CallFinished(
        **facts,
        id=f"call-{number}",
        tenant=tenant,
        request_id=f"r-{number}",
        decision_id=f"d-{number}",
        attempt=1,
        attempt_id=f"a-{number}",
        instance="executor-0",
        incarnation=1,
        provider="p",
        task_type="debugging",
        tier=2,
        usage=Usage(input_tokens=10, output_tokens=5),
        cost=3,
        latency_ms=100,
    )
    return event.to_output(PROVIDER_CALLS)


def rated(
    number: int, tenant: str = TENANTS[0], rating: float = 1.0, user: str = "ana", id_: str | None = None
) -> Output:
    return OutcomeRated(
        id=id_ or f"rating-{number}",
        occurred_at=NOW,
        tenant=tenant,
        user=user,
        request_id=f"r-{number}",
        model="m1",
        task_type="debugging",
        rating=rating,
    ).to_output(OUTCOMES)


def overridden(number: int, tenant: str = TENANTS[0]) -> Output:
    return OverrideRequested(
        id=f"override-{number}",
        occurred_at=NOW,
        tenant=tenant,
        user="ana",
        request_id=f"r-{number}",
        scope="request",
        model="m2",
        from_model="m1",
    ).to_output(OVERRIDES)


def chosen(number: int, tenant: str, user: str) -> Output:
    """A request in a space whose model the user replaced by hand."""
    return OverrideRequested(
        id=f"chosen-{number}",
        occurred_at=NOW,
        tenant=tenant,
        user=user,
        space="press",
        request_id=f"r-{number}",
        scope="request",
        model="m2",
        from_model="m1",
    ).to_output(OVERRIDES)


def test_events_become_rows(deployment: Settings) -> None:
    """Overrides, ratings, calls become preference scores and model statistics, on their source partition (R7, U2)."""
    tenant = TENANTS[0]
    publish(deployment, [finished(number) for number in range(5)])
    publish(deployment, [overridden(number) for number in range(5)])
    publish(deployment, [rated(1), rated(2, rating=0.5), rated(9, id_="rating-1")])
    key = f"{tenant}|ana"
    with worker(deployment) as stage:
        until(stage, lambda: versions(deployment, key) == 12, "the user's row")
        until(stage, lambda: counted(deployment) == 7, "statistics")
    row = preferences(deployment)[key]
    assert row.observations == 10
    assert row.models["m2"].score == pytest.approx(0.65)
    assert row.models["m1"].score < 0.5
    assert (row.models["m1"].answers, row.models["m1"].ratings, row.models["m1"].overrides_from) == (5, 2, 5)
    place = partition_for(tenant, deployment.partitions)
    records = [*everything(deployment, PREFERENCES), *everything(deployment, MODEL_STATS)]
    assert {record.partition for record in records} == {place}
    view = merge(statistics(deployment).values())
    assert (view.calls, view.success_rate, view.rating) == (5, 1.0, 0.75)
    assert list(statistics(deployment)) == [f"{place}|m1|debugging"]


def versions(settings: Settings, key: str) -> int:
    row = preferences(settings).get(key)
    return 0 if row is None else row.version


def shared_evidence(settings: Settings) -> dict[str, Any]:
    """Return what the rows of spaces and organisations hold."""
    return {key: row.evidence for key, row in sorted(preferences(settings).items()) if row.level != "user"}


def votes_of_all_users(settings: Settings) -> dict[str, Any]:
    """Return what those rows must hold: each user's row as a change from nothing, added up."""
    found: dict[str, PreferenceState] = {}
    for row in preferences(settings).values():
        if row.level != "user":
            continue
        nothing = row.model_copy(update={"evidence": {}})
        for target, changes in shared_changes(nothing, row).items():
            key = preference_key(row.tenant, "space" if target else "organisation", target)
            found[key] = changed(found.get(key, nothing), changes, NOW)
    return {key: row.evidence for key, row in sorted(found.items())}


def models(settings: Settings) -> list[ModelPreference]:
    return [model for row in preferences(settings).values() for model in row.models.values()]


def answers(settings: Settings) -> int:
    return sum(model.answers for model in models(settings))


def counted(settings: Settings) -> int:
    return sum(row.calls + row.ratings for row in statistics(settings).values())


def stream_of_events(count: int) -> list[Output]:
    """Two thirds calls, a third ratings: 20 ratings of a user at most, so that all count."""
    events: list[Output] = []
    for number in range(count):
        tenant, user = TENANTS[number % len(TENANTS)], f"user-{number // 60}"
        events.append(rated(number, tenant, user=user) if number % 3 == 0 else finished(number, tenant, user=user))
    return events


def test_kill_9_under_traffic_counts_nothing_twice_and_loses_nothing(deployment: Settings) -> None:
    """Killed again and again while events keep coming, the stage ends with exactly the sums of the log (DESIGN 9)."""
    events = stream_of_events(2400)
    calls = sum(event.topic == PROVIDER_CALLS for event in events)
    ended = threading.Event()

    def traffic() -> None:
        for first in range(0, len(events), 50):
            publish(deployment, events[first : first + 50])
            ended.wait(0.1)

    writer = threading.Thread(target=traffic)
    writer.start()
    try:
        for goal in (1, 600, 1400):
            with worker(deployment) as stage:
                until(stage, lambda: counted(deployment) >= goal, f"{goal} events")  # noqa: B023 - used at once
        with worker(deployment) as stage:
            until(stage, lambda: counted(deployment) >= len(events), "all statistics")
            until(stage, lambda: answers(deployment) >= calls, "all preferences")
    finally:
        ended.set()
        writer.join()
    assert counted(deployment) == len(events)
    assert answers(deployment) == calls
    assert sum(model.ratings for model in models(deployment)) == len(events) - calls
    assert shared_evidence(deployment) == votes_of_all_users(deployment)


def test_compacted_changelogs_are_restored(deployment: Settings) -> None:
    """Gaps in the topics of rows (compaction makes them; here markers of a foreign writer do) hinder no start."""
    key = f"{TENANTS[0]}|ana"
    place = partition_for(TENANTS[0], deployment.partitions)
    rows_before = [
        PreferenceState(
            version=version,
            tenant=TENANTS[0],
            user="ana",
            observations=version,
            models={"m2": ModelPreference(overrides_to=version)},
            updated_at=NOW,
        )
        .model_dump_json()
        .encode()
        for version in (1, 2, 3, 4)
    ]
    writer = producer(deployment, **{"transactional.id": f"{deployment.prefix}gaps"})
    writer.init_transactions(30)
    for row in rows_before[:3]:
        writer.begin_transaction()
        writer.produce(deployment.topic(PREFERENCES), row, key.encode(), place)
        writer.commit_transaction(30)
    publish(deployment, [Output(PREFERENCES, key, rows_before[3], (), place), overridden(1)])
    with worker(deployment) as stage:
        until(stage, lambda: preferences(deployment)[key].version == 5, "the row goes on from the restored one")
    assert preferences(deployment)[key].models["m2"].overrides_to == 5


def test_poison_outcomes_end_in_the_dead_letters_once(deployment: Settings) -> None:
    """Each bad outcome lies once in the dead letters with reason and position; its neighbours count (promise 5)."""
    tenant = TENANTS[0]
    place = partition_for(tenant, deployment.partitions)
    good = rated(0).value or b""
    bad: list[tuple[str, bytes | None, str]] = [
        ("not_json", b"{not json", tenant),
        ("empty", b"", tenant),
        ("tombstone", None, tenant),
        ("not_an_object", b"[1]", tenant),
        ("not_utf8", b"\xff\xfe", tenant),
        ("not_finite", good.replace(b'"rating":1.0', b'"rating":NaN'), tenant),
        ("not_finite", good.replace(b'"rating":1.0', b'"rating":1e999'), tenant),
        ("too_deep", b'{"a":' * 400 + b"1" + b"}" * 400, tenant),
        ("duplicate_keys", good.replace(b'"rating":1.0', b'"rating":1.0,"rating":0.0'), tenant),
        ("invalid", good.replace(b'"rating":1.0', b'"rating":7'), tenant),
        ("invalid", good.replace(b'"rating":1.0', b'"rating":"high"'), tenant),
        ("unknown_type", good.replace(b"outcome.rated.v1", b"outcome.guessed.v1"), tenant),
        ("unknown_version", good.replace(b"outcome.rated.v1", b"outcome.rated.v9"), tenant),
        ("wrong_tenant", good, "somebody-else"),
        ("wrong_partition", good.replace(tenant.encode(), b"tenant-1"), "tenant-1"),
        ("too_large", b'"' + b"x" * 1_100_000 + b'"', tenant),
    ]
    assert partition_for("tenant-1", deployment.partitions) != place
    poison = [
        [Output(OUTCOMES, key, value, (), place), rated(number)] for number, (_, value, key) in enumerate(bad, start=1)
    ]
    publish(deployment, [output for pair in poison for output in pair])
    publish(deployment, [Output(OVERRIDES, tenant, b"{", ()), Output(PROVIDER_CALLS, tenant, b"{", ()), finished(1)])
    with worker(deployment) as stage:
        until(stage, lambda: counted(deployment) == len(bad) + 1, "the good ones")
    letters = [DeadLetter.model_validate_json(r.value or b"") for r in read_range(deployment, {(DEAD_LETTERS, 0): 0})]
    assert sorted(letter.code for letter in letters) == sorted(code for code, _, _ in bad)
    assert sorted(letter.position.offset for letter in letters) == list(range(0, 2 * len(bad), 2))
    assert {letter.position.partition for letter in letters} == {place}
    assert all(letter.reason for letter in letters)


def test_two_workers_share_the_work_and_take_over(deployment: Settings) -> None:
    """A second worker joins, the first is frozen and comes back, the second is killed: the sums stay exact."""
    events = stream_of_events(3000)
    calls = sum(event.topic == PROVIDER_CALLS for event in events)
    publish(deployment, events[:1000])
    with worker(deployment, slot=0) as first, worker(deployment, slot=1) as second:
        until(first, lambda: counted(deployment) >= 500, "the first events")
        first.pause()
        publish(deployment, events[1000:2000])
        until(second, lambda: counted(deployment) >= 2000, "the second worker takes over")
        first.resume()
        second.kill()
        publish(deployment, events[2000:])
        with worker(deployment, slot=2) as third:
            until(third, lambda: counted(deployment) >= 3000 and answers(deployment) >= calls, "all events")
    assert (counted(deployment), answers(deployment)) == (3000, calls)
    assert shared_evidence(deployment) == votes_of_all_users(deployment)


def test_the_length_of_a_conversation_is_inferred(deployment: Settings) -> None:
    """A conversation that has ended becomes an outcome, and a long one a preference for its model (R7, U2)."""
    tenant = TENANTS[3]
    publish(
        deployment,
        [
            finished(number, tenant, conversation_id="c-1", occurred_at=NOW + timedelta(minutes=number))
            for number in range(12)
        ],
    )
    publish(deployment, [finished(99, tenant, conversation_id="c-2", occurred_at=NOW + timedelta(hours=2))])
    with worker(deployment) as stage:
        until(stage, lambda: any(model.conversations for model in models(deployment)), "the outcome comes back")
    (counts,) = preferences(deployment)[f"{tenant}|ana"].evidence[""]["m1"].values()
    assert counts == {"kept": 13, "conversations": 1, "conversation_length_sum": 12, "long_conversations": 1}
    outcomes = [OutcomeInferred.model_validate_json(record.value or b"") for record in everything(deployment, OUTCOMES)]
    assert [(outcome.signal, outcome.value, outcome.request_id) for outcome in outcomes] == [
        ("conversation_length", 12, "r-11")
    ]


def test_levels_and_a_reset(deployment: Settings) -> None:
    """Users, spaces and the organisation have rows of their own; a reset holds in all of them (R7)."""
    tenant = TENANTS[5]
    people = [f"user-{number}" for number in range(6)]
    publish(deployment, [finished(n, tenant, user=user, space="press") for n, user in enumerate(people)])
    publish(deployment, [chosen(n, tenant, user) for n, user in enumerate(people)])
    space, organisation = preference_key(tenant, "space", "press"), preference_key(tenant, "organisation")
    with worker(deployment) as stage:
        until(stage, lambda: versions(deployment, space) == versions(deployment, organisation) == 12, "shared rows")
        found = preferences(deployment)
        assert found[organisation].models["m2"].evidence == pytest.approx(3)
        assert found[space].evidence == found[organisation].evidence
        assert shared_evidence(deployment) == votes_of_all_users(deployment)
        forgotten = PreferenceReset(id="reset-1", occurred_at=NOW + timedelta(minutes=1), tenant=tenant, user=people[0])
        publish(deployment, [forgotten.to_output(OUTCOMES)])
        until(stage, lambda: preferences(deployment)[organisation].version == 13, "the reset")
    found = preferences(deployment)
    assert found[f"{tenant}|{people[0]}"].models == {}
    assert found[organisation].models["m2"].evidence == pytest.approx(2.5)
    assert shared_evidence(deployment) == votes_of_all_users(deployment)


def test_a_stopped_worker_ends_in_order(deployment: Settings) -> None:
    """SIGTERM ends the stage with status 0, its offsets committed: the next one has nothing to do again."""
    publish(deployment, stream_of_events(300))
    with worker(deployment) as stage:
        until(stage, lambda: counted(deployment) >= 300, "all events")
        assert stage.stop() == 0
    before = len(everything(deployment, MODEL_STATS))
    publish(deployment, [rated(9_999, TENANTS[1], user="late")])
    with worker(deployment) as stage:
        until(stage, lambda: counted(deployment) == 301, "one more")
    assert len(everything(deployment, MODEL_STATS)) == before + 1
