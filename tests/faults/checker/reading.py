"""Read everything of a deployment that is committed: topics by prefix, the bill, and what was sent."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.faults.checker.facts import BillLine, Record, pico

IDLE_SECONDS = 60.0
SKIPPED = {"router-state", "result-chunks", "preferences", "config", "provider-health"}
"""Topics no rule looks at."""


def read(bootstrap: str, prefix: str) -> Iterator[Record]:
    """Yield all committed records of the topics with ``prefix``, to their ends as they are now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "checker",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        topics = consumer.list_topics(timeout=30).topics
        places = [
            TopicPartition(name, partition, 0)
            for name, topic in topics.items()
            if name.startswith(prefix) and not name.startswith("__") and name[len(prefix) :] not in SKIPPED
            for partition in topic.partitions
        ]
        yield from _read_places(consumer, places, prefix)
    finally:
        consumer.close()


def _read_places(consumer: Consumer, places: list[TopicPartition], prefix: str) -> Iterator[Record]:
    """Yield what lies at the places, each in its order, until each has been seen to end."""
    consumer.assign(places)
    unread = {(place.topic, place.partition) for place in places}
    heard = time.monotonic()
    while unread:
        messages = consumer.consume(5000, 0.1)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > IDLE_SECONDS:
            raise TimeoutError(f"no answer for {IDLE_SECONDS:.0f} s while reading {min(unread)}")
        for message in messages:
            error = message.error()
            if error is None:
                yield _record(message, prefix)
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard((message.topic() or "", message.partition() or 0))
            elif not error.retriable() and error.code() != KafkaError._TRANSPORT:
                raise KafkaException(error)


def _record(message: Message, prefix: str) -> Record:
    pairs: Any = message.headers() or ()
    headers = {name: (raw or b"").decode(errors="replace") for name, raw in pairs}
    topic, key, value = (message.topic() or "")[len(prefix) :], message.key(), message.value()
    assert not isinstance(key, str)
    assert not isinstance(value, str)
    return Record(topic, message.partition() or 0, message.offset() or 0, key, value, headers)


def read_bill(path: Path) -> list[BillLine]:
    """Return the lines of a bill (JSON lines with ``attempt``, ``cost`` in dollars, ``outcome``)."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [BillLine(line["attempt"], pico(line["cost"]), line["outcome"]) for line in lines]


def read_sent(path: Path) -> set[tuple[str, str]]:
    """Return tenant and request id of every acknowledged request (JSON lines of pairs)."""
    pairs = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {(tenant, request_id) for tenant, request_id in pairs}
