import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analytics.door_client import DoorClosedError, QueryError, query
from analytics.place import door_path
from schemas import topics as t
from schemas.record import Output, Record
from schemas.topics import DEAD_LETTER_SOURCES, TOPICS
from streams.log_reader import read_range
from streams.recorder import recorded_topics
from streams.settings import Settings
from streams.topology import create_topics
from tests.recorded_flow import Flow, Log
from tests.stage import Stage, publish, running
from tests.waiting import eventually

POISON = (
    Output(t.REQUESTS, "acme", b"not json", ()),
    Output(t.REQUESTS, "acme", b"", ()),
    Output(t.REQUESTS, "acme", None, ()),
    Output(t.REQUESTS, "acme", b"[1, 2]", ()),
    Output(t.REQUESTS, "acme", b"\xff\xfe", ()),
    Output(t.REQUESTS, "acme", b'{"type": "pointsman.nothing.v1"}', ()),
    Output(t.OVERRIDES, "acme", b'{"id": 7, "type": "pointsman.override.requested.v1"}', ()),
    Output(t.DECISIONS, "acme", b"[" * 5_000, ()),
    Output(t.OUTCOMES, "acme", b'{"tenant": 1e999}', ()),
    Output(t.LEDGER, "acme", b'{"a": "\\ud800"}', ()),
)


@pytest.fixture
def prepared(settings: Settings) -> Settings:
    """A deployment whose topics exist."""
    create_topics(settings)
    return settings


def answered(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    """The rows of a query through the door; nothing while the recorder starts."""
    try:
        return query(settings, sql).rows
    except (DoorClosedError, QueryError):
        return []


def count(settings: Settings) -> int:
    """How many events ClickHouse shows."""
    rows = answered(settings, "SELECT count() FROM events")
    return int(str(rows[0][0])) if rows else 0


def await_events(settings: Settings, wanted: int) -> None:
    eventually(lambda: count(settings) >= wanted, f"{wanted} events in ClickHouse", 60)
    assert count(settings) == wanted


def positions(settings: Settings) -> Counter[tuple[str, int, int]]:
    """The positions that ClickHouse names, with how often."""
    rows = answered(settings, "SELECT src_topic, src_partition, src_offset FROM events")
    return Counter((str(topic), int(str(partition)), int(str(offset))) for topic, partition, offset in rows)


def recorded(settings: Settings) -> list[Record]:
    """Every committed record of every recorded topic."""
    counts = {topic.name: topic.partitions or settings.partitions for topic in TOPICS}
    places = {(name, place): 0 for name in recorded_topics() for place in range(counts.get(name, 1))}
    return list(read_range(settings, places))


def whole_flows(log: Log, number: int) -> list[Output]:
    """Outputs of ``number`` answered requests of a few tenants."""
    before = len(log.outputs)
    for index in range(number):
        Flow(log, number=before + index, tenant=f"tenant-{index % 5}").whole()
    return log.outputs[before:]


def test_every_record_becomes_one_row(prepared: Settings) -> None:
    """Each record of each recorded topic, poison and dead letters included, is exactly one event in ClickHouse (A1)."""
    log = Log()
    outputs = [*whole_flows(log, 40), *POISON]
    outputs += [Output(source.dead_letters, "acme", b"{}", ()) for source in DEAD_LETTER_SOURCES]
    outputs.append(Output(t.PREFERENCES, "acme|ann", None, ()))
    with running(prepared, prepared.run_dir, "recorder"):
        publish(prepared, outputs)
        await_events(prepared, len(outputs))
        expected = Counter((record.topic, record.partition, record.offset) for record in recorded(prepared))
        assert positions(prepared) == expected
        by_fault = answered(prepared, "SELECT fault, sum(records) FROM v_data_quality GROUP BY fault")
        faults = {str(fault): records for fault, records in by_fault}
        assert faults["not_json"] == 5
        assert faults["tombstone"] == faults["empty"] == 1
        assert answered(prepared, "SELECT count() FROM events WHERE type = 'tombstone'") == [(1,)]
        # Tables are written one after the other, the events first.
        ask = "SELECT count(), uniqExact(request_id) FROM routing_decisions"
        eventually(lambda: answered(prepared, ask) == [(40, 40)], "every decision")


def test_prompts_lie_in_bodies_only(prepared: Settings) -> None:
    """A prompt is found in event_bodies, and in no other table and not in the recorder's log."""
    log = Log()
    Flow(log, prompt="my-secret-prompt", answer="my-secret-answer").whole()
    with running(prepared, prepared.run_dir, "recorder"):
        publish(prepared, log.outputs)
        await_events(prepared, len(log.outputs))
        tables = [
            str(name) for (name,) in answered(prepared, "SELECT name FROM system.tables WHERE engine LIKE 'Repl%'")
        ]
        assert len(tables) > 15
        found = {table for table in tables if "my-secret" in str(answered(prepared, f"SELECT * FROM {table}"))}
        assert found == {"event_bodies"}
    assert "my-secret" not in (prepared.run_dir / "recorder-0.log").read_text()


def test_kill_9_at_any_time_loses_and_doubles_nothing(prepared: Settings) -> None:
    """Killed while it inserts, again and again, the recorder ends with every event exactly once."""
    log = Log()
    publish(prepared, whole_flows(log, 200))
    for _ in range(3):
        stage = Stage(prepared, prepared.run_dir, "recorder")
        before = count(prepared)
        publish(prepared, whole_flows(log, 100))
        eventually(lambda seen=before: count(prepared) > seen, "some progress", 60)  # type: ignore[misc]
        stage.kill()
        stage.stop()
    with running(prepared, prepared.run_dir, "recorder"):
        await_events(prepared, len(log.outputs))
        assert positions(prepared) == Counter((r.topic, r.partition, r.offset) for r in recorded(prepared))
        spent = answered(prepared, "SELECT sum(cost) FROM cost_tracking")
        assert str(spent[0][0]) == "1"


CRASH_BEFORE_COMMIT = """
import os, threading
from streams import recorder
from streams.settings import Settings

def die(self, offsets):
    os.kill(os.getpid(), 9)

recorder.Recorder._commit = die
recorder.run(Settings(), 0, threading.Event())
"""


@contextmanager
def dying_recorder(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A recorder that kills itself after its first insert, before it commits the offsets."""
    environment = {
        **os.environ,
        "POINTSMAN_BOOTSTRAP": settings.bootstrap,
        "POINTSMAN_PREFIX": settings.prefix,
        "POINTSMAN_RUN_DIR": str(settings.run_dir),
    }
    process = subprocess.Popen([sys.executable, "-c", CRASH_BEFORE_COMMIT], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def test_a_crash_between_insert_and_commit_doubles_nothing(prepared: Settings) -> None:
    """Rows that were inserted but not committed are inserted again, and read once."""
    log = Log()
    publish(prepared, whole_flows(log, 50))
    with dying_recorder(prepared) as process:
        assert process.wait(60) == -signal.SIGKILL
    with running(prepared, prepared.run_dir, "recorder"):
        await_events(prepared, len(log.outputs))
        assert set(positions(prepared).values()) == {1}
        again = answered(prepared, "SELECT count() FROM ledger_entries WHERE kind = 'settled'")
        assert again == [(50,)]


def test_an_event_written_twice_is_one_row_and_the_first_wins(prepared: Settings) -> None:
    """Of two records with one event id the earlier one is shown, in whatever batch the later one comes."""
    log = Log()
    Flow(log, answer="first").whole()
    second = Log()
    Flow(second, answer="second", cost=9_000_000_000).whole()
    with running(prepared, prepared.run_dir, "recorder"):
        publish(prepared, log.outputs)
        await_events(prepared, len(log.outputs))
        publish(prepared, second.outputs)
        publish(prepared, [Output(t.REQUESTS, "acme", b"end", ())])
        await_events(prepared, len(log.outputs) + 1)
        calls = answered(prepared, "SELECT cost FROM provider_calls WHERE kind = 'finished'")
        assert [str(cost) for (cost,) in calls] == ["0.002"]


def test_sigterm_inserts_and_commits_what_was_read(prepared: Settings) -> None:
    """An orderly end leaves no door behind, and the next start reads nothing twice."""
    log = Log()
    publish(prepared, whole_flows(log, 20))
    with running(prepared, prepared.run_dir, "recorder") as stages:
        await_events(prepared, len(log.outputs))
        assert stages["recorder"].stop() == 0
    assert not door_path(prepared).exists()
    with running(prepared, prepared.run_dir, "recorder"):
        publish(prepared, [Output(t.REQUESTS, "acme", b"end", ())])
        await_events(prepared, len(log.outputs) + 1)
        # Unmerged parts would still show a row that was inserted a second time.
        assert answered(prepared, "SELECT sum(rows) FROM system.parts WHERE active AND table = 'events'") == [
            (len(log.outputs) + 1,)
        ]


def test_a_second_recorder_on_chdb_is_refused(prepared: Settings, tmp_path: Path) -> None:
    """chDB belongs to one process: slot 1 ends with the status for a restart and says why."""
    stage = Stage(prepared, tmp_path / "second", "recorder", 1)
    stage.process.wait(60)
    assert stage.stop() == 70
    assert "chDB belongs to one process" in (tmp_path / "second" / "recorder-1.log").read_text()


def test_the_door_answers_while_rows_come_in(prepared: Settings) -> None:
    """Queries and inserts run beside each other: sums seen through the door only grow, and end exact."""
    log = Log()
    seen: list[int] = []
    with running(prepared, prepared.run_dir, "recorder"):
        for _ in range(5):
            publish(prepared, whole_flows(log, 60))
            seen.append(count(prepared))
        await_events(prepared, len(log.outputs))
    assert seen == sorted(seen)
