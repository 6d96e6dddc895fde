"""The feedback stage on the real broker: events in, rows out, exactly, whatever happens to its processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition

from routing.statistics_view import merge
from schemas.dead_letter import DeadLetter
from schemas.feedback import PreferenceState, StatisticsState
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.partition import partition_for
from schemas.provider_call import CallFinished, CallUnknown
from schemas.record import Output
from schemas.topics import MODEL_STATS, OUTCOMES, OVERRIDES, PREFERENCES, PROVIDER_CALLS
from schemas.usage import Usage
from streams.kafka_clients import common, producer
from streams.settings import Settings
from streams.topology import create_topics

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE_SECONDS = 90.0
TENANTS = [f"tenant-{number}" for number in range(12)]


@pytest.fixture
def deployment(settings: Settings) -> Settings:
    create_topics(settings)
    return settings.model_copy(update={"session_timeout_ms": 6000})


@contextmanager
def worker(settings: Settings, slot: int = 0) -> Generator[subprocess.Popen[bytes]]:
    """Run one feedback process as the supervisor would."""
    environment = {
        **os.environ,
        "POINTSMAN_BOOTSTRAP": settings.bootstrap,
        "POINTSMAN_PREFIX": settings.prefix,
        "POINTSMAN_SESSION_TIMEOUT_MS": str(settings.session_timeout_ms),
    }
    command = [sys.executable, "-P", "-m", "pointsman", "run", "feedback", "--slot", str(slot)]
    log = Path(settings.run_dir) / f"feedback-{slot}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=output, cwd=Path(__file__).parents[2]
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def publish(settings: Settings, outputs: Iterable[Output]) -> None:
    failures: list[object] = []
    writer = producer(settings, **{"linger.ms": 5})
    for output in outputs:
        writer.produce(
            settings.topic(output.topic),
            output.value,
            output.key.encode(),
            **({} if output.partition is None else {"partition": output.partition}),
            headers=list(output.headers),
            on_delivery=lambda error, _message: failures.append(error) if error else None,
        )
        writer.poll(0)
    assert writer.flush(60) == 0
    assert failures == []


def read_all(settings: Settings, topic: str) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """Yield partition, key and value of every record of a topic as it is now."""
    reader = Consumer({**common(settings), "group.id": "none", "enable.auto.commit": False})  # type: ignore[dict-item]
    try:
        name = settings.topic(topic)
        partitions = reader.list_topics(name, timeout=10).topics[name].partitions
        ends = {
            number: reader.get_watermark_offsets(TopicPartition(name, number), timeout=10)[1] for number in partitions
        }
        reader.assign([TopicPartition(name, number, 0) for number in partitions])
        left = sum(ends.values())
        while left:
            for message in reader.consume(1000, timeout=1.0):
                assert message.error() is None
                left -= 1
                yield message.partition() or 0, message.key(), message.value()  # type: ignore[misc]
    finally:
        reader.close()


def rows(settings: Settings, topic: str) -> dict[str, dict[str, Any]]:
    """Return the rows as a reader keeps them: the highest version of each key."""
    newest: dict[str, dict[str, Any]] = {}
    for _, key, value in read_all(settings, topic):
        assert key is not None
        assert value is not None
        row = orjson.loads(value)
        if row["version"] > newest.get(key.decode(), {"version": -1})["version"]:
            newest[key.decode()] = row
    return newest


def preferences(settings: Settings) -> dict[str, PreferenceState]:
    return {key: PreferenceState.model_validate(row) for key, row in rows(settings, PREFERENCES).items()}


def statistics(settings: Settings) -> dict[str, StatisticsState]:
    return {key: StatisticsState.model_validate(row) for key, row in rows(settings, MODEL_STATS).items()}


def eventually(condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process is None or process.poll() is None, f"the worker ended with status {process.returncode}"
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        time.sleep(0.2)


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


def test_events_become_rows(deployment: Settings) -> None:
    """Overrides, ratings and calls become preference scores and model statistics, on their source partition (R7, U2)."""
    tenant = TENANTS[0]
    publish(deployment, [finished(number) for number in range(5)])
    publish(deployment, [overridden(number) for number in range(5)])
    publish(deployment, [rated(1), rated(2, rating=0.5), rated(9, id_="rating-1")])
    key = f"{tenant}|ana"
    with worker(deployment) as process:
        eventually(
            lambda: preferences(deployment).get(key, PreferenceState.model_construct(version=0)).version == 12,
            "row",
            process,
        )
        eventually(
            lambda: sum(row.calls + row.ratings for row in statistics(deployment).values()) == 7, "statistics", process
        )
    row = preferences(deployment)[key]
    assert row.observations == 10
    assert row.models["m2"].score == pytest.approx(0.7)
    assert (row.models["m1"].answers, row.models["m1"].ratings, row.models["m1"].overrides_from) == (5, 2, 5)
    place = partition_for(tenant, deployment.partitions)
    assert {partition for topic in (PREFERENCES, MODEL_STATS) for partition, _, _ in read_all(deployment, topic)} == {
        place
    }
    view = merge(statistics(deployment).values())
    assert (view.calls, view.success_rate, view.rating) == (5, 1.0, 0.75)
    assert list(statistics(deployment)) == [f"{place}|m1|debugging"]
