"""A router whose change log or offsets are damaged refuses to start; a rebuild from the journal lets it go on."""

from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from schemas import topics as t
from schemas.partition import partition_for
from schemas.record import Output
from streams.kafka_clients import admin
from streams.local_kafka import LocalKafka
from streams.rebuild import RebuildRefusedError, rebuild
from streams.settings import Settings
from tests.documents import documents, tenant
from tests.scripted_executor import ScriptedExecutor, answer
from tests.stage import Stage, everything, prepared, publish
from tests.stream.test_router import ask, until_final, values
from tests.waiting import eventually


def test_damaged_state_is_refused_and_rebuilt_from_the_journal(kafka: LocalKafka, prefix: str, tmp_path: Path) -> None:
    """Offsets beyond the journal and a foreign state record stop a router; doctor --rebuild makes it exact again."""
    settings = prepared(
        Settings(bootstrap=kafka.bootstrap, prefix=prefix), documents(tenant("acme", budget={"daily": 5}))
    )
    home = partition_for("acme", settings.partitions)
    router = Stage(settings, tmp_path, "router")
    executor = ScriptedExecutor(settings, lambda d: answer(d) if not d["request_id"].startswith("open") else ())
    publish(settings, [ask("acme", f"r{i}") for i in range(20)] + [ask("acme", f"open{i}") for i in range(3)])
    until_final(settings, 20)
    with pytest.raises(RebuildRefusedError, match="stop them first"):
        rebuild(settings, patience_s=0)
    router.stop()

    damage = Output(t.ROUTER_STATE, "window/acme/day/0", b'{"end":1,"cap":null,"spent":"0"}', (), home)
    publish(settings, [damage])
    place = TopicPartition(settings.topic(t.REQUESTS), home, 100_000)
    request = [ConsumerGroupTopicPartitions(f"{prefix}router", [place])]
    client = admin(settings)
    for outcome in client.alter_consumer_group_offsets(request).values():
        outcome.result(30)
    refused = Stage(settings, tmp_path, "router")
    eventually(lambda: refused.process.poll() is not None, "the router to end")
    assert refused.stop() == 70

    done = rebuild(settings)
    assert [item.deleted for item in done if item.partition == home] == [1]
    again = Stage(settings, tmp_path, "router")
    publish(settings, [ask("acme", "r1"), ask("acme", "later")])
    until_final(settings, 21)
    again.stop()
    executor.close()
    decisions = values(everything(settings, t.DECISIONS), "decision.made")
    assert len(decisions) == 24
    assert len(values(everything(settings, t.RESULTS), "result.duplicate")) == 1
