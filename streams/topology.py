"""The whole system on one screen: which stage reads and writes which topics, and the topics' creation."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.cimpl import NewTopic

from schemas import topics as t
from schemas.topics import DEAD_LETTER_SOURCES, TOPICS, Topic
from streams.kafka_clients import admin, consumer
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: pure ``core`` run by a shell, or an ``effect`` on the outside world; never both."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    follows: tuple[str, ...] = ()
    """Global topics read without a group."""
    core: str | None = None
    effect: str | None = None


STAGES: Final[tuple[Stage, ...]] = (
    Stage(
        "router",
        (t.PROVIDER_CALLS, t.OVERRIDES, t.REQUESTS),
        (
            t.CLASSIFICATIONS,
            t.DECISIONS,
            t.LEDGER,
            t.RESULTS,
            t.TECHNICAL_OUTCOMES,
            t.ALERTS,
            t.ROUTER_JOURNAL,
            t.ROUTER_STATE,
        ),
        (t.CONFIG, t.PREFERENCES, t.MODEL_STATS, t.PROVIDER_HEALTH),
        core="routing.desk",
    ),
    Stage(
        "executor",
        (t.DECISIONS,),
        (t.PROVIDER_CALLS, t.RESULT_CHUNKS, t.PROVIDER_HEALTH),
        (t.CONFIG, t.PROVIDER_CALLS, t.REQUESTS),
        effect="calls providers",
    ),
    Stage(
        "feedback",
        (t.PROVIDER_CALLS, t.OVERRIDES, t.OUTCOMES),
        (t.PREFERENCES, t.MODEL_STATS),
        core="routing.feedback",
    ),
    Stage("recorder", tuple(topic.name for topic in TOPICS if topic.recorded), (), effect="writes ClickHouse"),
)


def topic_config(topic: Topic) -> dict[str, str]:
    """Return the broker's settings of a topic."""
    config = {"cleanup.policy": "compact" if topic.compacted else "delete", "max.message.bytes": "4194304"}
    if topic.retention is None:
        config["retention.ms"] = "-1"
    else:
        config["retention.ms"] = str(int(topic.retention.total_seconds() * 1000))
    if topic.log_append_time:
        config["message.timestamp.type"] = "LogAppendTime"
    return config


def new_topics(settings: Settings) -> list[NewTopic]:
    """Return the creation requests of all topics and their dead-letter topics."""
    wanted = [
        NewTopic(
            settings.topic(topic.name),
            num_partitions=topic.partitions or settings.partitions,
            replication_factor=settings.replication,
            config=topic_config(topic),
        )
        for topic in TOPICS
    ]
    wanted += [
        NewTopic(
            settings.topic(topic.dead_letters),
            num_partitions=1,
            replication_factor=settings.replication,
            config={"retention.ms": str(30 * 86_400_000), "max.message.bytes": "4194304"},
        )
        for topic in DEAD_LETTER_SOURCES
    ]
    return wanted


def create_topics(settings: Settings, timeout_s: float = 30.0) -> list[str]:
    """Create what is missing and return the names created; existing topics are left as they are.

    Returns when every new partition has a leader that answers: the broker tells of a topic before it serves it.
    """
    client = admin(settings)
    existing = set(client.list_topics(timeout=timeout_s).topics)
    missing = [topic for topic in new_topics(settings) if topic.topic not in existing]
    if not missing:
        return []
    created: list[str] = []
    for name, future in client.create_topics(missing, operation_timeout=timeout_s).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                raise
    _await_leaders(settings, [(topic.topic, n) for topic in missing for n in range(topic.num_partitions)], timeout_s)
    return created


def _await_leaders(settings: Settings, places: Iterable[tuple[str, int]], timeout_s: float) -> None:
    asking = consumer(settings, "topology", log_level=0)
    deadline = time.monotonic() + timeout_s
    try:
        for topic, partition in places:
            while True:
                try:
                    asking.get_watermark_offsets(TopicPartition(topic, partition), timeout=5.0)
                    break
                except KafkaException:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
    finally:
        asking.close()
