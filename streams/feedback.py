"""The feedback stage: Faust agents fold what people and providers did into preferences and model statistics.

Crash-only: any doubt about a write ends the process before an offset is committed (status 70); the supervisor starts it
again, the tables come back from ``preferences`` and ``model-stats``, which are the changelogs as well, and the fence in
each row keeps redelivered events from being counted twice.
"""

import asyncio
import logging
import os
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final, NoReturn, TypeVar

import structlog
import uvloop

from routing.dead_letters import dead_letter
from routing.feedback import STAGE, Changes, FeedbackBatch, Tables
from schemas.dead_letter import RejectionCode
from schemas.envelope import Event, Frozen, at_ms
from schemas.feedback import PreferenceState, StatisticsState
from schemas.inbound import Rejection, key_tenant
from schemas.record import Headers, Record
from schemas.topics import BY_NAME, MODEL_STATS, OUTCOMES, OVERRIDES, PREFERENCES, PROVIDER_CALLS, TOPICS
from streams.engine import engine_version
from streams.faust_app import create_app, guard_positions
from streams.progress_watch import ProgressWatch
from streams.ready import announce_ready
from streams.settings import Settings

SOURCES: Final = (OVERRIDES, OUTCOMES, PROVIDER_CALLS)
EX_SOFTWARE: Final = 70
_BATCH: Final = 500
_WITHIN_SECONDS: Final = 0.1
_STREAK: Final = 5
_MAX_ROWS: Final = 10_000
_TICK_SECONDS: Final = 0.1
_WATCH_SECONDS: Final = 10.0
_STUCK_SECONDS: Final = 60.0
_LOOKS_WITHOUT: Final = 2
_STOP_SECONDS: Final = 10.0

log = structlog.get_logger()
_T = TypeVar("_T", bound=Frozen)


class Feedback:
    """The agents and tables of one worker."""

    def __init__(self, settings: Settings, slot: int, engine: str = "") -> None:
        self._settings = settings
        self._engine = engine
        self._lock: asyncio.Lock | None = None
        self._failed_in_a_row = 0
        self.skipped: Counter[str] = Counter()
        self.app = create_app(settings, STAGE, slot)
        self._topics = {
            name: self.app.topic(
                settings.topic(name),
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
                allow_empty=True,
                acks=name in SOURCES,
                internal=name not in SOURCES,
            )
            for name in (*SOURCES, BY_NAME[OUTCOMES].dead_letters, PREFERENCES, MODEL_STATS)
        }
        self._preferences = self._table(PREFERENCES)
        self._statistics = self._table(MODEL_STATS)
        for name in SOURCES:
            self.app.agent(self._topics[name], name=f"{STAGE}-{name}", concurrency=1)(self._agent(name))

    def _table(self, name: str) -> Any:
        return self.app.Table(
            name,
            key_type=bytes,
            value_type=bytes,
            partitions=self._settings.partitions,
            changelog_topic=self._topics[name],
        )

    def _agent(self, name: str) -> Any:
        async def fold(stream: Any) -> None:
            async for events in stream.take_events(_BATCH, within=_WITHIN_SECONDS):
                work = asyncio.ensure_future(self._fold(name, events))
                try:
                    await asyncio.shield(work)
                except asyncio.CancelledError:
                    await work  # events are acknowledged when the loop is left: not before their rows are written
                    raise

        return fold

    async def _fold(self, name: str, events: Sequence[Any]) -> None:
        """Fold a batch and return when everything it says is written; end the process if that cannot be known."""
        self._lock = self._lock or asyncio.Lock()
        try:
            async with self._lock:
                by_partition: dict[int, list[Record]] = defaultdict(list)
                for event in events:
                    by_partition[event.message.partition].append(_record(name, event.message))
                await asyncio.gather(
                    *[
                        self._write(partition, self._changes(partition, records))
                        for partition, records in by_partition.items()
                    ]
                )
        except BaseException as error:  # noqa: BLE001 - the boundary of the process: Faust would commit and go on
            die("a batch could not be finished", error=f"{type(error).__name__}: {error}", topic=name)

    def _changes(self, partition: int, records: Iterable[Record]) -> Changes:
        tables = Tables(
            preference=lambda key: _decoded(PreferenceState, self._preferences.data.get(key.encode())),
            statistics=lambda key: _decoded(StatisticsState, self._statistics.data.get(key.encode())),
            room=len(self._statistics.data) < _MAX_ROWS,
        )
        batch = FeedbackBatch(partition, self._settings.partitions, tables, self._engine)
        for record in records:
            try:
                batch.apply(record)
                self._failed_in_a_row = 0
            except Exception as error:  # noqa: BLE001 - one event that the core cannot take does not stop the others
                self._refuse(record, error, batch.changes)
        for reason, count in batch.changes.skipped.items():
            if reason not in self.skipped:
                log.warning("skipped", reason=reason, partition=partition)
            self.skipped[reason] += count
        return batch.finish()

    def _refuse(self, record: Record, error: Exception, changes: Changes) -> None:
        """Dead-letter (or skip) an event the core failed on; stop when that is not about one event any more."""
        self._failed_in_a_row += 1
        if self._failed_in_a_row > _STREAK:
            die("the core failed on every event", error=type(error).__name__, topic=record.topic, offset=record.offset)
        reason = f"{type(error).__name__} inside the feedback stage"
        changes.skipped[f"{record.topic}: {reason}"] += 1
        if BY_NAME[record.topic].validated_by == STAGE:
            rejection = Rejection(RejectionCode.INTERNAL, reason, key_tenant(record))
            now = at_ms(max(record.timestamp_ms, 0))
            changes.dead_letters.append(dead_letter(record, rejection, STAGE, now, self._engine))

    async def _write(self, partition: int, changes: Changes) -> None:
        """Write events first, then rows: a row says that its events were dealt with."""
        letters = self._topics[BY_NAME[OUTCOMES].dead_letters]
        await _all_acknowledged(
            [
                *[_send_event(letters, letter, 0) for letter in changes.dead_letters],
                *[_send_event(self._topics[OUTCOMES], outcome, partition) for outcome in changes.inferred],
            ]
        )
        rows: list[tuple[Any, bytes, bytes]] = [
            *[(self._preferences, key.encode(), _encoded(row)) for key, row in changes.preferences.items()],
            *[(self._preferences, key.encode(), _encoded(row)) for key, row in changes.shared.items()],
            *[(self._statistics, key.encode(), _encoded(row)) for key, row in changes.statistics.items()],
        ]
        await _all_acknowledged(
            [table.changelog_topic.send(key=key, value=value, partition=partition) for table, key, value in rows]
        )
        for table, key, value in rows:
            table.data[key] = value


def _record(name: str, message: Any) -> Record:
    pairs = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    headers: Headers = tuple((key, value or b"") for key, value in pairs)
    stamp = message.timestamp
    return Record(
        name,
        message.partition,
        message.offset,
        -1 if stamp is None else round(stamp * 1000),
        message.key,
        message.value,
        headers,
    )


def _decoded(kind: type[_T], value: bytes | None) -> _T | None:
    return None if value is None else kind.model_validate_json(value)


def _encoded(row: Frozen) -> bytes:
    return row.model_dump_json().encode()


def _send_event(topic: Any, event: Event, partition: int) -> Awaitable[Any]:
    sent: Awaitable[Any] = topic.send(
        key=event.tenant.encode(), value=event.to_json(), partition=partition, headers=list(event.headers())
    )
    return sent


async def _all_acknowledged(sends: Sequence[Awaitable[Any]]) -> None:
    """Hand all records to the producer, in order, and wait until the broker has each; raises the first failure."""
    pending = [await send for send in sends]
    await asyncio.gather(*pending)


def die(message: str, **facts: object) -> NoReturn:
    """Log and end the process at once: an ordinary shutdown of Faust would commit what was not written."""
    log.critical(message, exit_status=EX_SOFTWARE, **facts)
    os._exit(EX_SOFTWARE)


def die_forgotten(message: str, session_ms: int, **facts: object) -> NoReturn:
    """Log, stop at once, and end when the group has forgotten this member, ``session_ms`` after its last heartbeat.

    A static member that comes back within its session is handed the assignment it had. Where that is what is wrong
    (none at all, made while the broker that started knew no topic yet), every new life of it would stand still as well.
    """
    log.critical(message, exit_status=EX_SOFTWARE, **facts)
    sys.stdout.flush()
    sys.stderr.flush()
    wait = f"import time; time.sleep({session_ms / 1000 + 1}); raise SystemExit({EX_SOFTWARE})"
    os.execv(sys.executable, [sys.executable, "-c", wait])  # noqa: S606 - ends all threads, with them the heartbeats


def _gap(topic: str, first: int, following: int) -> NoReturn:
    die("records were skipped", topic=topic, first=first, next=following)


def run(settings: Settings, slot: int, stop: threading.Event) -> None:
    """Serve until ``stop`` is set; ends the process with status 70 on any doubt."""
    logging.disable(logging.DEBUG)  # a quarter of Faust's speed
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # twenty lines a second while the broker is away
    uvloop.run(_serve(settings, slot, stop))


async def _serve(settings: Settings, slot: int, stop: threading.Event) -> None:
    feedback = Feedback(settings, slot, engine_version())
    app = feedback.app
    app.finalize()
    guard_positions(app, _gap, {settings.topic(topic.name) for topic in TOPICS if topic.compacted})
    await app.start()
    announce_ready()
    watching = asyncio.create_task(_watch(settings, app, slot))
    while not stop.is_set():
        await asyncio.sleep(_TICK_SECONDS)
        if app.should_stop or app.crashed:
            die("Faust stopped by itself")
    watching.cancel()
    try:
        await asyncio.wait_for(app.stop(), _STOP_SECONDS)
    except TimeoutError:
        die("Faust did not stop in time")


async def _watch(settings: Settings, app: Any, slot: int) -> None:
    """End the process when it is left without a partition, or when the group has stood still for a minute.

    Consumers were seen never to rejoin (aiokafka), and a group to keep an assignment of nothing (see above).
    """
    watch = ProgressWatch(settings, STAGE, SOURCES)
    looks_without = 0
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        looks_without = looks_without + 1 if app.unassigned and slot < settings.partitions else 0
        if looks_without == _LOOKS_WITHOUT:
            die_forgotten("no partition was assigned", settings.session_timeout_ms)
        seconds = await asyncio.to_thread(watch.stuck_seconds)
        if seconds > _STUCK_SECONDS:
            message = "the group stands still while records wait"
            die_forgotten(message, settings.session_timeout_ms, seconds=round(seconds))
