"""The recorder stage: every record of every recorded topic becomes rows in ClickHouse (DESIGN 9).

Offsets are committed after the insert is acknowledged. A crash in between writes the same rows again; they have the
same key, so reading with FINAL sees them once: exactly-once on read, at-least-once on write.
"""

import gc
import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from analytics.blocks import group
from analytics.rows import UNPARSED, Row, rows_for, type_in_events
from analytics.store import Store
from schemas.topics import DEAD_LETTER_SOURCES, TOPICS
from streams.kafka_clients import consumer, to_record
from streams.ready import announce_ready
from streams.settings import Settings
from streams.sql_door import SqlDoor

GROUP: Final = "recorder"
BATCH_RECORDS: Final = 5_000
BATCH_SECONDS: Final = 0.5
"""A batch is inserted when it has so many records or is so old: an insert costs milliseconds, whatever its size."""

_REPORT_SECONDS: Final = 60.0
_NOT_OURS: Final = frozenset(
    {KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID}
)
"""Answers to a commit after the partitions went to another recorder, which records the batch again."""
_PASSING: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - the client's public constant
        KafkaError._TRANSPORT,  # noqa: SLF001 - as above
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - as above; the next poll joins again
    }
)
log = structlog.get_logger()


class TooManyRecordersError(RuntimeError):
    """chDB belongs to one process."""


def recorded_topics() -> tuple[str, ...]:
    """Return the logical names of the recorded topics and of all dead-letter topics."""
    return (
        *(topic.name for topic in TOPICS if topic.recorded),
        *(topic.dead_letters for topic in DEAD_LETTER_SOURCES),
    )


Offsets = dict[tuple[str, int], int]
"""Next offset by the broker's topic and partition."""


@dataclass(frozen=True, slots=True)
class _Inserting:
    """A batch on its way: the insert, and the offsets to commit when it is acknowledged."""

    done: Future[None]
    next_offsets: Offsets


class Recorder:
    """Reads a batch, inserts its rows table by table, commits its offsets; and again.

    While one batch is inserted, mostly outside of Python, the next one is read and taken apart.
    """

    def __init__(self, settings: Settings, store: Store, reader: Consumer) -> None:
        self._settings = settings
        self._store = store
        self._reader = reader
        self._writer = ThreadPoolExecutor(1, "insert")
        self._inserting: _Inserting | None = None
        self._assigned: set[tuple[str, int]] = set()
        self._records = 0
        self._unparsed = 0
        self._reported = monotonic()

    def run(self, stop: threading.Event) -> None:
        """Record until ``stop``; what was read is inserted and committed before it returns."""
        topics = [self._settings.topic(name) for name in recorded_topics()]
        self._reader.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        announce_ready()
        with self._writer, _collecting_between_batches():
            while not stop.is_set():
                self._take(self._reader.consume(BATCH_RECORDS, BATCH_SECONDS))
                self._report()
            self._finish()

    def _take(self, messages: list[Message]) -> None:
        """Take the messages apart, wait for the batch before, begin to insert this one."""
        rows: list[Row] = []
        next_offsets: Offsets = {}
        for message in messages:
            error = message.error()
            if error is not None:
                self._judge(error)
                continue
            next_offsets[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
            found = rows_for(to_record(message, self._settings))
            self._unparsed += type_in_events(found) == UNPARSED
            rows += found
        self._finish()
        if next_offsets:
            self._records += len(messages)
            self._inserting = _Inserting(self._writer.submit(self._insert, rows), next_offsets)

    def _insert(self, rows: list[Row]) -> None:
        for table, values in group(rows).items():
            self._store.insert(table, values)

    def _finish(self) -> None:
        """Wait for the insert under way, if any, and commit what it made safe."""
        if self._inserting is not None:
            batch, self._inserting = self._inserting, None
            batch.done.result()
            self._commit(batch.next_offsets)

    def _commit(self, next_offsets: Offsets) -> None:
        offsets = [
            TopicPartition(topic, partition, offset)
            for (topic, partition), offset in next_offsets.items()
            if (topic, partition) in self._assigned
        ]
        if not offsets:
            return
        try:
            self._reader.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            cause = error.args[0]
            if cause.fatal() or cause.code() not in _NOT_OURS:
                raise
            log.warning("offsets not committed: the partitions went to another recorder", reason=cause.name())

    def _judge(self, error: KafkaError) -> None:
        if error.fatal() or not (error.retriable() or error.code() in _PASSING):
            raise KafkaException(error)
        log.warning("Kafka", problem=error.str())

    def _on_assign(self, _reader: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned |= {(place.topic, place.partition) for place in partitions}
        log.info("partitions assigned", count=len(self._assigned))

    def _on_revoke(self, reader: Consumer, partitions: list[TopicPartition]) -> None:
        """Commit while the partitions are still ours; the messages of this very call are the next owner's too."""
        self._finish()
        self._on_lost(reader, partitions)

    def _on_lost(self, _reader: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned -= {(place.topic, place.partition) for place in partitions}

    def _report(self) -> None:
        now = monotonic()
        if now - self._reported < _REPORT_SECONDS or not self._records:
            return
        gc.collect()
        log.info("recorded", records=self._records, unparsed=self._unparsed, seconds=round(now - self._reported))
        self._records, self._unparsed, self._reported = 0, 0, now


@contextmanager
def _collecting_between_batches() -> Generator[None]:
    """Keep the garbage collector from walking a batch's many small lists over and over: it doubles the cost of a row.

    They have no cycles and go with the batch; what else there is to collect waits for the report.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def open_reader(settings: Settings, slot: int) -> Consumer:
    """Return the consumer of this slot: a static member, so that a restart does not move partitions."""
    return consumer(
        settings,
        GROUP,
        **{
            "group.instance.id": f"{settings.prefix}{GROUP}-{slot}",
            # Nobody waits for the recorder by the millisecond: larger, rarer fetches leave the cores to the others.
            "fetch.min.bytes": 65_536,
            "fetch.wait.max.ms": 100,
        },
    )


def run(settings: Settings, slot: int, stop: threading.Event) -> None:
    """Run the recorder of this slot until ``stop``; any doubt raises, and the process must end."""
    if slot and not settings.clickhouse:
        raise TooManyRecordersError(
            "chDB belongs to one process: run one recorder, or name a ClickHouse server in POINTSMAN_CLICKHOUSE"
        )
    with ExitStack() as stack:
        store = stack.enter_context(Store(settings))
        if store.migrated:
            log.info("ClickHouse schema applied", scripts=len(store.migrated))
        if not settings.clickhouse:
            stack.enter_context(SqlDoor(settings))
        reader = open_reader(settings, slot)
        stack.callback(reader.close)
        Recorder(settings, store, reader).run(stop)
