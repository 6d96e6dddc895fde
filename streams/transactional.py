"""The exactly-once loop: inputs -> pure core -> one Kafka transaction with outputs, state changes and input offsets.

Order on assignment (measured: any other order can restore a state that lacks a committing transaction):
first the committed offsets, then the restore, then the assignment at those offsets (DESIGN 6.3).
Any doubt ends the process; the supervisor restarts it and the log tells what happened.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Final, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.record import Output, Record
from streams.kafka_clients import consumer as new_consumer
from streams.kafka_clients import producer as new_producer
from streams.kafka_clients import to_record
from streams.settings import Settings

log = structlog.get_logger()
_BY_KEY: Final = -1
_MOST_WAITING: Final = 10_000


class Doubt(Exception):  # noqa: N818 - the process must end, whatever is known
    """A state of affairs in which going on could lose or repeat something."""


@dataclass(slots=True)
class Pending:
    """What was read of one partition and is not yet applied, by topic, in offset order."""

    records: dict[str, list[Record]] = field(default_factory=dict[str, list[Record]])
    positions: dict[str, int] = field(default_factory=dict[str, int])
    """Topic -> next offset after the last record read."""
    since: float | None = None
    """Since when records wait for company, by the monotonic clock."""


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
    """Runs a processor over co-partitioned topics with one transaction per round.

    ``topics`` are in the order in which the processor applies them; the **last** one waits until all the others have
    been read up to the end seen at the poll, so that nothing is decided on an older account than the log has.
    """

    def __init__(self, settings: Settings, name: str, slot: int, topics: Sequence[str], processor: Processor) -> None:
        """Open the consumer and the fenced producer of this slot."""
        self._settings = settings
        self._topics = tuple(topics)
        self._broker_topics = {settings.topic(name_): name_ for name_ in topics}
        self._processor = processor
        self._pending: dict[int, Pending] = {}
        self._identity = f"{settings.prefix}{name}-{slot}"
        self._producer = new_producer(
            settings,
            **{"transactional.id": self._identity, "transaction.timeout.ms": 10_000, "error_cb": self._on_error},
        )
        self._consumer: Consumer = new_consumer(
            settings, name, **{"group.instance.id": self._identity, "error_cb": self._on_error}
        )
        self._fatal: KafkaError | None = None
        self._paused: set[int] = set()
        self._rounds = 0

    def run(self, stop: Event, on_round: Callable[[], None] | None = None) -> None:
        """Read, apply and commit until ``stop`` is set; raises Doubt or KafkaException when it must not go on."""
        self._producer.init_transactions(30.0)
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

    # One round ---------------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self._read(0.02)
        if self._fatal is not None:
            message = f"fatal client error: {self._fatal.str()}"
            raise Doubt(message)
        refreshed = self._processor.refresh()
        ready = [
            (partition, taken)
            for partition, pending in sorted(self._pending.items())
            if (taken := self._take(partition, pending)) or (refreshed and self._processor.wants_batch(partition))
        ]
        if ready:
            self._commit(ready)

    def _read(self, wait_s: float) -> None:
        waiting = any(pending.records.get(self._topics[-1]) for pending in self._pending.values())
        message = self._consumer.poll(0.001 if waiting else wait_s)
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
        pending.records.setdefault(record.topic, []).append(record)
        pending.positions[record.topic] = record.offset + 1

    def _take(self, partition: int, pending: Pending) -> dict[str, list[Record]]:
        """Return the records of this round; the last topic's only once the others are read to their known ends."""
        last = self._topics[-1]
        taken = {name: found for name in self._topics[:-1] if (found := pending.records.get(name))}
        waiting = pending.records.get(last)
        if waiting and self._processor.has_room(partition) and self._caught_up(partition, pending):
            taken[last] = waiting
            waiting = None
        self._hold_back(partition, len(waiting or ()))
        now = monotonic()
        if taken and self._processor.may_wait(taken, now - (pending.since or now)):
            pending.since = pending.since or now
            return {}
        pending.since = None
        for name in taken:
            del pending.records[name]
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

    def _commit(self, ready: Sequence[tuple[int, dict[str, list[Record]]]]) -> None:
        producer = self._producer
        producer.begin_transaction()
        offsets: list[TopicPartition] = []
        for partition, taken in ready:
            pending = self._pending[partition]
            following = {
                name: (taken[name][-1].offset + 1 if name in taken else self._applied(pending, name))
                for name in self._topics
            }
            for output in self._processor.apply(partition, taken, following):
                self._produce(output)
            offsets.extend(
                TopicPartition(self._settings.topic(name), partition, offset) for name, offset in following.items()
            )
        producer.send_offsets_to_transaction(offsets, self._consumer.consumer_group_metadata(), 10.0)
        producer.commit_transaction(10.0)
        self._rounds += 1

    @staticmethod
    def _applied(pending: Pending, name: str) -> int:
        waiting = pending.records.get(name)
        return waiting[0].offset if waiting else pending.positions.get(name, 0)

    def _produce(self, output: Output) -> None:
        topic = self._settings.topic(output.topic)
        partition = _BY_KEY if output.partition is None else output.partition
        while True:
            try:
                self._producer.produce(topic, output.value, output.key, partition, headers=list(output.headers))
            except BufferError:
                self._producer.poll(0.01)
            else:
                return

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
