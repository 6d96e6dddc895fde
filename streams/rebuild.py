"""Rebuild a router's state from the log, where the change log or the committed offsets cannot be trusted.

The journal is the truth: every partition is folded again along it, the change log is rewritten to that state, and the
group's offsets are set to where the journal ends. Refused while a router runs, or where history does not replay byte
for byte: a state that another release computed differently must not be written over the one that decided.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic, sleep

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from routing.desk import INPUTS, Desk
from schemas import topics as t
from schemas.record import Output
from streams.engine import engine_version
from streams.kafka_clients import admin, producer
from streams.log_reader import read_range
from streams.replay import PartitionReplay, Report
from streams.settings import Settings

_TIMEOUT_S = 30.0


class RebuildRefusedError(RuntimeError):
    """The state cannot be rebuilt now; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was written for one partition: keys set and deleted, and where its inputs go on."""

    partition: int
    batch: int
    keys: int
    deleted: int
    offsets: Mapping[str, int]


def rebuild(
    settings: Settings, on_progress: Callable[[Report], None] | None = None, patience_s: float = 15.0
) -> list[Rebuilt]:
    """Rebuild every partition that has a journal; returns what was written. Raises RebuildRefusedError."""
    _refuse_while_running(settings, patience_s)
    report = Report(engine_version(), settings.partitions)
    config = list(read_range(settings, {(t.CONFIG, 0): 0}))
    found: list[PartitionReplay] = []
    for partition in range(settings.partitions):
        replay = PartitionReplay(settings, partition, config, report)
        replay.run(lambda: on_progress(report) if on_progress is not None else None)
        found.append(replay)
    if report.different or report.truncated:
        reason = (report.truncated or [f"{report.different} records differ, first {report.mismatches[0]}"])[0]
        raise RebuildRefusedError(f"history does not replay byte for byte, nothing was changed: {reason}")
    done = [_write(settings, replay, replay.desk) for replay in found if replay.desk is not None]
    _set_offsets(settings, done)
    return done


def _refuse_while_running(settings: Settings, patience_s: float) -> None:
    """Wait until the group is empty: the session of a router that died is counted for some seconds more."""
    group = f"{settings.prefix}router"
    client = admin(settings)  # futures of a client that is gone never end
    deadline = monotonic() + patience_s
    while members := _members(client, group):
        if monotonic() > deadline:
            raise RebuildRefusedError(f"{members} router(s) run in group {group}: stop them first (pointsman down)")
        sleep(0.5)


def _members(client: AdminClient, group: str) -> int:
    described = client.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group]
    try:
        return len(described.result(_TIMEOUT_S).members)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise


def _write(settings: Settings, replay: PartitionReplay, desk: Desk) -> Rebuilt:
    stale = {
        (record.key or b"").decode() for record in read_range(settings, {(t.ROUTER_STATE, replay.partition): 0})
    } - set(replay.state)
    header = ("ce_batch", str(desk.last_writes.get(t.ROUTER_STATE, 0)).encode())
    outputs = [Output(t.ROUTER_STATE, key, None, (header,), replay.partition) for key in sorted(stale)]
    outputs += [
        Output(t.ROUTER_STATE, key, value, (header,), replay.partition) for key, value in sorted(replay.state.items())
    ]
    client = producer(settings)
    failed: list[KafkaError] = []
    for output in outputs:
        client.produce(
            settings.topic(output.topic),
            output.value,
            output.key,
            replay.partition,
            on_delivery=lambda error, _: failed.append(error) if error is not None else None,
            headers=list(output.headers),
        )
        client.poll(0)
    if client.flush(_TIMEOUT_S) or failed:
        raise RebuildRefusedError("the change log could not be written; run it again once Kafka answers")
    return Rebuilt(replay.partition, desk.batch, len(replay.state), len(stale), dict(desk.offsets))


def _set_offsets(settings: Settings, done: list[Rebuilt]) -> None:
    places = [
        TopicPartition(settings.topic(name), rebuilt.partition, rebuilt.offsets[name])
        for rebuilt in done
        for name in INPUTS
    ]
    if not places:
        return
    group = f"{settings.prefix}router"
    request = [ConsumerGroupTopicPartitions(group, places)]
    client = admin(settings)
    for outcome in client.alter_consumer_group_offsets(request, request_timeout=_TIMEOUT_S).values():
        for place in outcome.result(_TIMEOUT_S).topic_partitions:
            if place.error is not None:
                raise KafkaException(place.error)
