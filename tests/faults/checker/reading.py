"""Read everything of a deployment that is committed: topics by prefix, the bill, and what was sent."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.faults.checker.facts import BillLine, Record, pico

IDLE_SECONDS = 60.0
SKIPPED = {"router-state", "result-chunks", "preferences", "config", "provider-health", "alerts"}
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
        for place in places:
            yield from _read_partition(consumer, place, prefix)
    finally:
        consumer.close()


def _read_partition(consumer: Consumer, place: TopicPartition, prefix: str) -> Iterator[Record]:
    consumer.assign([place])
    heard = time.monotonic()
    while True:
        messages = consumer.consume(2000, 0.05)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > IDLE_SECONDS:
            raise TimeoutError(f"no answer for {IDLE_SECONDS:.0f} s while reading {place.topic}[{place.partition}]")
        for message in messages:
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                if not error.retriable() and error.code() != KafkaError._TRANSPORT:
                    raise KafkaException(error)
                continue
            pairs: Any = message.headers() or ()
            headers = {name: (raw or b"").decode(errors="replace") for name, raw in pairs}
            yield Record(
                (message.topic() or "")[len(prefix) :],
                message.partition() or 0,
                message.offset() or 0,
                message.key(),
                message.value(),
                headers,
            )


def read_bill(path: Path) -> list[BillLine]:
    """Return the lines of a bill (JSON lines with ``attempt``, ``cost`` in dollars, ``outcome``)."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [BillLine(line["attempt"], pico(line["cost"]), line["outcome"]) for line in lines]


def read_sent(path: Path) -> set[tuple[str, str]]:
    """Return tenant and request id of every acknowledged request (JSON lines of pairs)."""
    pairs = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {(tenant, request_id) for tenant, request_id in pairs}
