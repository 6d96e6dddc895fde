"""Following the log without a group: from the beginning, the end, an offset or a time, in as many topics as wanted."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.envelope import to_ms
from schemas.record import Record
from streams.kafka_clients import consumer, to_record
from streams.log_reader import Place
from streams.settings import Settings

_TIMEOUT = 10.0
_BATCH = 500
_LATEST, _EARLIEST = -1, -2
"""Times that Kafka's ListOffsets understands as the end and the beginning."""


class LogUnreachableError(RuntimeError):
    """Kafka does not answer, or lacks a topic; the message says what was asked and what to do."""


class LogReader:
    """A reader of committed records that belongs to no group and commits nothing.

    `assign` it to places, then `poll` it; `at_end` tells whether all places were read to what was their end.
    """

    def __init__(self, settings: Settings, *, batch: int = _BATCH) -> None:
        self._settings = settings
        self._batch = batch
        self._consumer: Consumer = consumer(
            settings, "reader", **{"enable.partition.eof": True, "auto.offset.reset": "earliest"}
        )
        self._open: set[Place] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; raise `LogUnreachableError` when it does not exist."""
        name = self._settings.topic(topic)
        try:
            found = self._consumer.list_topics(name, timeout=_TIMEOUT).topics[name]
        except KafkaException as error:
            raise _unreachable(self._settings, error.args[0]) from error
        if found.error is not None or not found.partitions:
            raise LogUnreachableError(
                f"Kafka at {self._settings.bootstrap} has no topic {name}. Create the topics: pointsman up"
            )
        return len(found.partitions)

    def places(self, *topics: str) -> list[Place]:
        """Return every partition of the topics."""
        return [(topic, partition) for topic in topics for partition in range(self.partitions(topic))]

    def watermarks(self, place: Place) -> tuple[int, int]:
        """Return the first offset kept and the offset after the last committed record."""
        try:
            return self._consumer.get_watermark_offsets(self._native(place), timeout=_TIMEOUT)
        except KafkaException as error:
            raise _unreachable(self._settings, error.args[0]) from error

    def ends(self, places: list[Place]) -> dict[Place, int]:
        """Return the offset after the last committed record of each place."""
        return self._offsets(places, _LATEST)

    def beginnings(self, places: list[Place]) -> dict[Place, int]:
        """Return the first offset kept of each place."""
        return self._offsets(places, _EARLIEST)

    def offsets_at(self, places: list[Place], instant: datetime) -> dict[Place, int]:
        """Return the first offset written at or after an instant; the end where there is none."""
        found = self._offsets(places, to_ms(instant))
        later = [place for place, offset in found.items() if offset < 0]
        return {**found, **(self.ends(later) if later else {})}

    def _offsets(self, places: list[Place], time_ms: int) -> dict[Place, int]:
        """Ask for all places in one request; -1 (OFFSET_END) where nothing is as late as ``time_ms``."""
        asked = [self._native(place, time_ms) for place in places]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=_TIMEOUT)
        except KafkaException as error:
            raise _unreachable(self._settings, error.args[0]) from error
        for item in found:
            if item.error is not None:
                raise _unreachable(self._settings, item.error)
        return {(self._settings.logical(item.topic), item.partition): item.offset for item in found}

    def assign(self, starts: Mapping[Place, int]) -> None:
        """Read from these offsets from now on, and nothing else."""
        self._consumer.assign([self._native(place, offset) for place, offset in starts.items()])
        self._open = set(starts)

    @property
    def at_end(self) -> bool:
        """Whether every place was read to its end since it was assigned; new records may follow."""
        return not self._open

    def poll(self, timeout: float) -> list[Record]:
        """Return what arrived, at most after ``timeout`` seconds; not in any order across places."""
        first = self._consumer.poll(timeout)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(self._batch, 0)]
        return [to_record(message, self._settings) for message in messages if self._is_record(message)]

    def until_end(self, idle: float = 10.0) -> Iterator[Record]:
        """Yield records until every place was read to its end; raise when nothing at all comes for ``idle`` seconds."""
        while not self.at_end:
            before = len(self._open)
            records = self.poll(idle)
            if not records and len(self._open) == before:
                raise LogUnreachableError(
                    f"Kafka at {self._settings.bootstrap} sent nothing for {idle:.0f} s. Is it up? pointsman status"
                )
            yield from records

    def read_one(self, topic: str, partition: int, offset: int) -> Record | None:
        """Return the record at a position, or None when it is gone (retention) or no record."""
        low, high = self.watermarks((topic, partition))
        if not low <= offset < high:
            return None
        self.assign({(topic, partition): offset})
        for record in self.until_end():
            return record if record.offset == offset else None
        return None

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the name confluent_kafka gives this constant
            self._open.discard((self._settings.logical(message.topic() or ""), message.partition() or 0))
            return False
        if error.retriable() or error.code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):  # noqa: SLF001
            return False
        raise _unreachable(self._settings, error)

    def _native(self, place: Place, offset: int | None = None) -> TopicPartition:
        topic, partition = place
        name = self._settings.topic(topic)
        return TopicPartition(name, partition) if offset is None else TopicPartition(name, partition, offset)


def _unreachable(settings: Settings, error: KafkaError) -> LogUnreachableError:
    return LogUnreachableError(
        f"Kafka at {settings.bootstrap} does not answer: {error.str()}. See it: pointsman status"
    )
