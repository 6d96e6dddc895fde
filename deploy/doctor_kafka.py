"""What `pointsman doctor` looks at on the Kafka of a running pointsman."""

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from deploy.doctor import Check
from deploy.run_dir import RunDir, SupervisorState
from routing.clusters import ClusterTable
from routing.config_check import check_documents
from schemas import topics
from schemas.control import ConfigDocument
from streams import encoders
from streams.cluster_source import tables_in_use
from streams.config_log import ConfigLog
from streams.kafka_clients import admin, consumer
from streams.kafka_ready import cluster_id
from streams.log_reader import read_range
from streams.settings import Settings
from streams.topology import STAGES, new_topics

_STAND_STILL_SECONDS = 3.0
Offsets = dict[tuple[str, str, int], int]


def running_checks(run_dir: RunDir) -> list[Check]:
    """Look at supervisor, processes, broker, topics and consumer groups of what runs in this folder."""
    state = run_dir.owner()
    if state is None:
        return [Check("supervisor", "warn", f"nothing runs in {run_dir.path}", "pointsman up")]
    checks = [supervisor_check(state)]
    if not state.bootstrap:
        return checks
    settings = Settings(bootstrap=state.bootstrap, kafka=run_dir.read_options().kafka, run_dir=run_dir.path)
    broker = broker_check(settings, state.cluster_id)
    checks.append(broker)
    if broker.state == "ok":
        try:
            log = configuration(settings)
            checks += [topics_check(settings), documents_check(log.documents), clusters_check(log)]
            checks.append(progress_check(settings))
        except KafkaException as error:
            checks.append(
                Check("topics", "fail", error.args[0].str(), "does the user have the right to describe topics?")
            )
    return checks


def supervisor_check(state: SupervisorState) -> Check:
    """The supervisor runs, and no process of its table restarts again and again."""
    troubled = [f"{row.name}-{row.slot} ({row.restarts} restarts)" for row in state.processes if row.restarts > 1]
    found = f"pid {state.pid}, {state.phase}, {len(state.processes)} processes"
    if troubled:
        return Check("supervisor", "warn", f"{found}; restarting: {', '.join(troubled)}", "pointsman logs <process>")
    return Check("supervisor", "ok", found)


def broker_check(settings: Settings, expected: str) -> Check:
    """The broker answers, and it is ours."""
    answered = cluster_id(settings.bootstrap, timeout=5, conf=settings.kafka)
    if answered is None:
        return Check("broker", "fail", f"{settings.bootstrap} does not answer", "pointsman logs kafka")
    if expected and answered != expected:
        return Check(
            "broker", "fail", f"another cluster ({answered}) answers on {settings.bootstrap}", "pointsman down"
        )
    return Check("broker", "ok", f"{settings.bootstrap}, cluster {answered}")


def topics_check(settings: Settings) -> Check:
    """Every topic exists with the number of partitions that its keys were spread over."""
    existing = admin(settings).list_topics(timeout=10).topics
    wanted = {topic.topic: topic.num_partitions for topic in new_topics(settings)}
    missing = sorted(set(wanted) - set(existing))
    if missing:
        return Check("topics", "fail", f"missing: {', '.join(missing)}", "pointsman down, then pointsman up")
    other = [name for name, count in wanted.items() if len(existing[name].partitions) != count]
    if other:
        return Check(
            "topics", "fail", f"unexpected number of partitions: {', '.join(other)}", "see docs: partitions are fixed"
        )
    return Check("topics", "ok", f"{len(wanted)} topics")


def clusters_check(config: ConfigLog) -> Check:
    """The clusters that tenants' policies name can be used: centroids of their examples, an encoder at hand."""
    return clusters_found(tables_in_use(config.compiled))


def clusters_found(tables: Sequence[ClusterTable]) -> Check:
    """Say of each table whether it can be used here."""
    for table in tables:
        if table.fault is not None:
            return Check("clusters", "warn", f"{table.reference}: {table.fault}", "pointsman clusters rebuild")
        if table.embedding is not None:
            continue  # asked for through the executor; `config validate` tells whether its model is one
        try:
            encoders.load(table.encoder)
        except encoders.EncoderUnavailableError as error:
            told = f"{table.reference} is not used, requests are routed without it: {error}"
            return Check("clusters", "warn", told, error.next)
    names = ", ".join(f"{table.reference} by {table.encoder}" for table in tables)
    return Check("clusters", "ok", names or "no tenant's policy names any")


def configuration(settings: Settings) -> ConfigLog:
    """Return the configuration of the log."""
    log = ConfigLog()
    log.add(list(read_range(settings, {(topics.CONFIG, 0): 0})))
    return log


def documents_check(documents: Mapping[str, ConfigDocument]) -> Check:
    """The documents by key fit together: nothing is named that does not exist, no predictor lacks a part."""
    faults = check_documents(documents)
    if faults:
        shown = "; ".join(str(fault) for fault in faults[:3])
        return Check("configuration", "warn", f"{len(faults)} faults: {shown}", "pointsman config show")
    return Check("configuration", "ok", f"{len(documents)} documents, no faults between them")


def progress_check(settings: Settings) -> Check:
    """No stage has records before it while its committed offset stands still; other people's readers may."""
    before = _committed(settings)
    time.sleep(_STAND_STILL_SECONDS)
    after = _committed(settings)
    still = [
        place for place, offset in after.items() if before.get(place) == offset and _has_more(settings, place, offset)
    ]
    if still:
        shown = ", ".join(f"{group} at {topic}[{partition}]" for group, topic, partition in sorted(still)[:5])
        return Check(
            "progress",
            "fail",
            f"{len(still)} committed offsets stand still: {shown}",
            "pointsman status; pointsman logs",
        )
    return Check("progress", "ok", f"{len(after)} committed offsets, none stands still with records before it")


def _committed(settings: Settings) -> Offsets:
    client = admin(settings)
    there = {group.group_id for group in client.list_consumer_groups().result().valid or []}
    found: Offsets = {}
    for group in sorted(there & {f"{settings.prefix}{stage.name}" for stage in STAGES}):
        answer = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
        for place in answer.topic_partitions or []:
            if place.offset >= 0:
                found[group, place.topic, place.partition] = place.offset
    return found


def _has_more(settings: Settings, place: tuple[str, str, int], offset: int) -> bool:
    """Whether a committed record lies at or after the offset (transaction markers alone are none)."""
    _group, topic, partition = place
    reader = consumer(settings, "doctor")
    try:
        _low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        if high <= offset:
            return False
        reader.assign([TopicPartition(topic, partition, offset)])
        message = reader.poll(1.0)
        return message is not None and message.error() is None
    finally:
        reader.close()
