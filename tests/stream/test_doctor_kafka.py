"""What the doctor says of consumer groups on a real broker."""

from confluent_kafka import TopicPartition

from deploy.doctor_kafka import progress_check
from schemas import topics
from streams.kafka_clients import consumer, producer
from streams.settings import Settings
from streams.topology import create_topics


def stand_still(settings: Settings, group: str) -> None:
    """Commit an offset with a record behind it, and leave."""
    reader = consumer(settings, group)
    place = TopicPartition(settings.topic(topics.RESULTS), 0, 0)
    reader.assign([place])
    reader.commit(offsets=[place], asynchronous=False)
    reader.close()


def test_only_stages_are_expected_to_keep_up(settings: Settings) -> None:
    """A reader of somebody else may stand still; a stage that does is named, with the place where it does (D3)."""
    create_topics(settings)
    client = producer(settings)
    client.produce(settings.topic(topics.RESULTS), key=b"mill", value=b"{}", partition=0)
    client.flush(10)

    stand_still(settings, "my-service")
    assert progress_check(settings).state == "ok"

    stand_still(settings, "recorder")
    found = progress_check(settings)
    assert found.state == "fail"
    assert "1 committed offsets stand still" in found.found
    assert "recorder at " in found.found
    assert "my-service" not in found.found
