"""Kafka clients with the properties that were measured to be right (DESIGN 4 and 6.4)."""

from typing import Any

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient

from schemas.record import Headers, Record
from streams.settings import Settings


def common(settings: Settings) -> dict[str, Any]:
    """Return the properties all clients share."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "topic.metadata.refresh.interval.ms": 30_000,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 500,
        "log_level": 3,
        **settings.kafka,
    }


def admin(settings: Settings) -> AdminClient:
    """Return an admin client."""
    return AdminClient(common(settings))


def producer(settings: Settings, **extra: object) -> Producer:
    """Return an idempotent producer whose keys go where Java clients and Faust put them."""
    return Producer(
        {
            **common(settings),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            "retry.backoff.ms": 2,
            "retry.backoff.max.ms": 4,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 262_144,
            "message.max.bytes": 4_194_304,
            "compression.type": "lz4",
            **extra,
        }
    )


def consumer(settings: Settings, group: str, **extra: object) -> Consumer:
    """Return a read_committed consumer without automatic commits."""
    return Consumer(
        {
            **common(settings),
            "group.id": f"{settings.prefix}{group}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "partition.assignment.strategy": "range",
            "fetch.wait.max.ms": 5,
            "fetch.min.bytes": 1,
            "fetch.error.backoff.ms": 20,
            "queued.max.messages.kbytes": 65_536,
            "session.timeout.ms": settings.session_timeout_ms,
            "heartbeat.interval.ms": max(settings.session_timeout_ms // 5, 200),
            "max.poll.interval.ms": 300_000,
            **extra,
        }
    )


def to_record(message: Message, settings: Settings) -> Record:
    """Return a polled message (``error()`` is None) as a plain record."""
    raw: Any = message.headers() or ()
    headers: Headers = tuple((name, b"" if value is None else value) for name, value in raw)
    return Record(
        settings.logical(message.topic() or ""),
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers,
    )
