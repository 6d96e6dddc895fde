"""The exactly-once loop: inputs -> pure core -> one Kafka transaction with outputs, state changes and input offsets.

A transaction is of one partition; several are under way at once, so that one partition is applied while others commit.

Order on assignment (measured: any other order can restore a state that lacks a committing transaction):
first the committed offsets, then the restore, then the assignment at those offsets (DESIGN 6.3).
Any doubt ends the process; the supervisor restarts it and the log tells what happened.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.record import Output, Record
from streams.kafka_clients import consumer as new_consumer
from streams.kafka_clients import to_record
from streams.settings import Settings
from streams.transaction_lane import Lane

log = structlog.get_logger()
LANES: Final = 2
"""Transactions under way at once: committing waits for the broker, so a second one uses the time (ADR 0014)."""
_MOST_WAITING: Final = 10_000


class Doubt(Exception):  # noqa: N818 - the process must end, whatever is known
    """A state of affairs in which going on could lose or repeat something."""


@dataclass(slots=True)
class Pending:
    """What was read of one partition and is not yet applied, by topic, in offset order."""

    records: dict[str, list[Record]] = field(default_factory=dict[str, list[Record]])
    positions: dict[str, int] = field(default_factory=dict[str, int])
    """Topic -> next offset after the last record read."""
    arrived: float = 0.0
    """When the oldest of them was read, by the monotonic clock."""
    since: float | None = None
    """Since when records wait for company, by the same clock."""

    def waiting(self, topics: Sequence[str]) -> int:
        """Return how many records of these topics wait."""
        return sum(len(self.records.get(name, ())) for name in topics)


class Processor(Protocol):
    """The stage: keeps the state of its partitions and turns inputs into outputs."""

    def restore(self, committed: Mapping[int, Mapping[str, int]]) -> Mapping[int, Mapping[str, int]]:
        """Make the assigned partitions' states current and return the offsets to read on from, by topic."""
        ...

    def release(self, partition: int) -> None:
        """The partition went to another member."""
        ...

    def refresh(self) -> bool:
        """Freeze the global inputs for the next transaction; return whether a partition must write because of them."""
        ...

    def apply(
        self, partition: int, records: Mapping[str, Sequence[Record]], next_offsets: Mapping[str, int]
    ) -> Iterable[Output]:
        """Return what a batch of one partition writes."""
        ...

    def may_wait(self, records: Mapping[str, Sequence[Record]], waited_s: float) -> bool:
        """Return whether records of one partition may wait on for others to share their transaction."""
        ...

    def has_room(self, partition: int) -> bool:
        """Return whether the partition's state may take more of the last topic; else its records wait in the log."""
        ...

    def wants_batch(self, partition: int) -> bool:
        """Return whether the partition must write a batch without inputs (a new config)."""
        ...


class TransactionalLoop:
    """Runs a processor over co-partitioned topics with a transaction for each batch of a partition.

    ``topics`` are in the order in which the processor applies them; the **last** one waits until all the others have
    been read up to the end seen at the poll, so that nothing is decided on an older account than the log has.
    A partition's next batch is applied only when its last one is committed.
    """

    def __init__(self, settings: Settings, name: str, slot: int, topics: Sequence[str], processor: Processor) -> None:
        """Open the consumer and the fenced producer of this slot."""
        self._settings = settings
        self._topics = tuple(topics)
        self._broker_topics = {settings.topic(name_): name_ for name_ in topics}
        self._processor = processor
        self._pending: dict[int, Pending] = {}
        self._identity = f"{settings.prefix}{name}-{slot}"
        self._pool = ThreadPoolExecutor(LANES, "commit")
        self._lanes = [Lane(settings, f"{self._identity}-{lane}", self._pool, self._on_error) for lane in range(LANES)]
        self._consumer: Consumer = new_consumer(
            settings, name, **{"group.instance.id": self._identity, "error_cb": self._on_error}
        )
        self._fatal: KafkaError | None = None
        self._paused: set[int] = set()

    def run(self, stop: Event, on_round: Callable[[], None] | None = None) -> None:
        """Read, apply and commit until ``stop`` is set; raises Doubt or KafkaException when it must not go on."""
        for lane in self._lanes:
            lane.start()
        self._consumer.subscribe(
            list(self._broker_topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        try:
            while not stop.is_set():
                self._round()
                if on_round is not None:
                    on_round()
        finally:
            self._consumer.close()
            self._pool.shutdown()

    # One round ---------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._settle(wait=False)
        self._read()
        if self._fatal is not None:
            message = f"fatal client error: {self._fatal.str()}"
            raise Doubt(message)
        refreshed = self._processor.refresh()
        free = [lane for lane in self._lanes if lane.partition is None]
        for partition in self._idle():
            if not free:
                break
            taken = self._take(partition, self._pending[partition])
            if taken or (refreshed and self._processor.wants_batch(partition)):
                self._begin(free.pop(), partition, taken)

    def _settle(self, *, wait: bool) -> None:
        for lane in self._lanes:
            lane.settle(wait=wait)

    def _idle(self) -> list[int]:
        """Return the partitions without a transaction under way, those whose records wait longest first."""
        busy = {lane.partition for lane in self._lanes}
        return sorted(self._pending.keys() - busy, key=lambda partition: (self._pending[partition].arrived, partition))

    def _read(self) -> None:
        busy = {lane.partition for lane in self._lanes if lane.partition is not None}
        full = len(busy) == LANES
        if any(pending.waiting(self._topics[:-1]) >= _MOST_WAITING for pending in self._pending.values()):
            # What was read is enough to go on with, as soon as a lane or a partition is free; the log keeps the rest.
            self._settle(wait=full or all(at in busy for at, pending in self._pending.items() if pending.records))
            return
        waiting = any(
            pending.records and (full or at in busy or self._topics[-1] in pending.records)
            for at, pending in self._pending.items()
        )
        message = self._consumer.poll(0.001 if waiting else 0.02)
        if message is None:
            return
        self._sort(message)
        for more in self._consumer.consume(self._settings.batch_size, 0):
            self._sort(more)

    def _sort(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001
                raise Doubt(error.str())
            log.warning("consumer_error", error=error.str())
            return
        record = to_record(message, self._settings)
        pending = self._pending.get(record.partition)
        if pending is None or record.offset < pending.positions.get(record.topic, 0):
            return
        if not pending.records:
            pending.arrived = monotonic()
        pending.records.setdefault(record.topic, []).append(record)
        pending.positions[record.topic] = record.offset + 1

    def _take(self, partition: int, pending: Pending) -> dict[str, list[Record]]:
        """Return the records of the next batch; the last topic's only once all of the others is in it and read.

        Of each topic at most ``batch_size``: a transaction that takes too long is aborted by the broker.
        """
        last, most = self._topics[-1], self._settings.batch_size
        taken = {name: found[:most] for name in self._topics[:-1] if (found := pending.records.get(name))}
        waiting = pending.records.get(last, [])
        whole = all(len(pending.records[name]) <= most for name in taken)
        if waiting and whole and self._processor.has_room(partition) and self._caught_up(partition, pending):
            taken[last] = waiting[:most]
        self._hold_back(partition, len(waiting) - len(taken.get(last, ())))
        now = monotonic()
        if taken and whole and self._processor.may_wait(taken, now - (pending.since or now)):
            pending.since = pending.since or now
            return {}
        pending.since = None
        for name, found in taken.items():
            del pending.records[name][: len(found)]
            if not pending.records[name]:
                del pending.records[name]
        if taken:
            pending.arrived = now
        return taken

    def _hold_back(self, partition: int, waiting: int) -> None:
        """Stop fetching a partition's last topic while many of its records wait; the log keeps the rest."""
        place = TopicPartition(self._settings.topic(self._topics[-1]), partition)
        if waiting >= _MOST_WAITING and partition not in self._paused:
            self._consumer.pause([place])
            self._paused.add(partition)
        elif waiting < _MOST_WAITING and partition in self._paused:
            self._consumer.resume([place])
            self._paused.discard(partition)

    def _caught_up(self, partition: int, pending: Pending) -> bool:
        for name in self._topics[:-1]:
            at = TopicPartition(self._settings.topic(name), partition)
            _, high = self._consumer.get_watermark_offsets(at, cached=True)
            if high < 0:  # no answer from the broker yet: the end is not known
                return False
            if high > pending.positions.get(name, 0) and self._position(at) < high:
                return False
        return True

    def _position(self, at: TopicPartition) -> int:
        """Return the consumer's position: it passes control records, which ``positions`` cannot."""
        return self._consumer.position([at])[0].offset

    def _begin(self, lane: Lane, partition: int, taken: Mapping[str, Sequence[Record]]) -> None:
        pending = self._pending[partition]
        following = {name: self._following(pending, name) for name in self._topics}
        offsets = [TopicPartition(self._settings.topic(name), partition, offset) for name, offset in following.items()]
        outputs = self._processor.apply(partition, taken, following)
        lane.begin(partition, outputs, offsets, self._consumer.consumer_group_metadata())

    @staticmethod
    def _following(pending: Pending, name: str) -> int:
        waiting = pending.records.get(name)
        return waiting[0].offset if waiting else pending.positions.get(name, 0)

    # Assignment --------------------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        committed = consumer.committed(assigned, timeout=30.0)
        by_partition: dict[int, dict[str, int]] = {}
        for at in committed:
            if at.error is not None:
                raise KafkaException(at.error)
            by_partition.setdefault(at.partition, {})[self._broker_topics[at.topic]] = max(at.offset, 0)
        start: list[TopicPartition] = []
        for partition, read_from in sorted(self._processor.restore(by_partition).items()):
            self._pending[partition] = Pending(positions=dict(read_from))
            start.extend(
                TopicPartition(self._settings.topic(name), partition, offset) for name, offset in read_from.items()
            )
        consumer.assign(start)
        log.info("assigned", partitions=sorted(by_partition), identity=self._identity)

    def _on_revoke(self, _: Consumer, revoked: list[TopicPartition]) -> None:
        self._settle(wait=True)
        for partition in {at.partition for at in revoked}:
            self._pending.pop(partition, None)
            self._paused.discard(partition)
            self._processor.release(partition)
        log.info("revoked", partitions=sorted({at.partition for at in revoked}), identity=self._identity)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        else:
            log.warning("kafka_error", error=error.str())
