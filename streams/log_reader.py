"""Read whole partitions, or their last records, without a group: for restore, replay and inspection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.record import Record
from streams.kafka_clients import consumer, to_record
from streams.settings import Settings

_IDLE_LIMIT_S: Final = 30.0
_TAIL: Final = 64
_DECIDED_POLL_S: Final = 0.05

Place = tuple[str, int]
"""Logical topic and partition."""


def _open(settings: Settings, places: Mapping[Place, int]) -> Consumer:
    reader = consumer(settings, "log-reader", **{"enable.partition.eof": True, "queued.max.messages.kbytes": 32_768})
    reader.assign(
        [TopicPartition(settings.topic(name), partition, offset) for (name, partition), offset in places.items()]
    )
    return reader


def read_range(
    settings: Settings, places: Mapping[Place, int], on_progress: Callable[[int], None] | None = None
) -> Iterator[Record]:
    """Yield the committed records of each place from an offset to its end; order holds within a place.

    Raises TimeoutError when nothing at all arrives for half a minute.
    """
    if not places:
        return
    reader = _open(settings, places)
    open_places = set(places)
    count = 0
    heard = monotonic()
    try:
        while open_places:
            first = reader.poll(0.1)  # comes back with the first message; consume() would wait its time out
            messages = [] if first is None else [first, *reader.consume(10_000, 0)]
            if messages:
                heard = monotonic()
            elif monotonic() - heard > _IDLE_LIMIT_S:
                raise TimeoutError(f"no answer for {_IDLE_LIMIT_S:.0f} s while reading {min(open_places)}")
            for message in messages:
                error = message.error()
                if error is None:
                    count += 1
                    yield to_record(message, settings)
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's public constant
                    open_places.discard((settings.logical(message.topic() or ""), message.partition() or 0))
                elif error.code() != KafkaError._TRANSPORT:  # noqa: SLF001
                    raise KafkaException(error)
            if on_progress is not None and messages:
                on_progress(count)
    finally:
        reader.close()


def last_records(settings: Settings, places: Sequence[Place]) -> dict[Place, Record]:
    """Return the newest committed record of each place; places without any are left out."""
    found: dict[Place, Record] = {}
    wanted = list(places)
    reach = _TAIL
    while wanted:
        probe = consumer(settings, "log-reader")
        try:
            bounds = {
                place: probe.get_watermark_offsets(TopicPartition(settings.topic(place[0]), place[1]), timeout=30.0)
                for place in wanted
            }
        finally:
            probe.close()
        start = {place: max(low, high - reach) for place, (low, high) in bounds.items() if high > low}
        for record in read_range(settings, start):
            found[record.topic, record.partition] = record
        wanted = [place for place, offset in start.items() if place not in found and offset > bounds[place][0]]
        reach *= 16
    return found


def await_decided(settings: Settings, places: Sequence[Place], limit_s: float = _IDLE_LIMIT_S) -> None:
    """Wait until no transaction of these places is undecided: readers of committed data then see all there is.

    A commit reaches partitions one by one. Raises TimeoutError after ``limit_s``, far beyond any transaction's timeout.
    """
    committed = consumer(settings, "log-reader")
    everything = consumer(settings, "log-reader", **{"isolation.level": "read_uncommitted"})
    give_up = monotonic() + limit_s
    try:
        for name, partition in places:
            at = TopicPartition(settings.topic(name), partition)
            while (
                committed.get_watermark_offsets(at, timeout=30.0)[1]
                < (everything.get_watermark_offsets(at, timeout=30.0)[1])
            ):
                if monotonic() > give_up:
                    message = f"a transaction on {name}[{partition}] is undecided for more than {limit_s:.0f} s"
                    raise TimeoutError(message)
                sleep(_DECIDED_POLL_S)
    finally:
        committed.close()
        everything.close()
