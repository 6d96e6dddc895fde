import pytest

from schemas.topics import BY_NAME, DEAD_LETTER_SOURCES, EVENT_TYPES, TENANT_PARTITIONS, TOPICS, Topic
from streams.topology import STAGES, topic_config


def test_names_are_unique_and_no_dead_letter_topic_of_another() -> None:
    """Every topic has one row, and its dead letters a name of their own (F6)."""
    names = [topic.name for topic in TOPICS] + [topic.dead_letters for topic in DEAD_LETTER_SOURCES]
    assert len(set(names)) == len(names)


def test_an_event_type_belongs_to_one_topic() -> None:
    """No event type is written to two topics, so that a reader knows where to look."""
    types = [event.TYPE for topic in TOPICS for event in topic.events]
    assert len(set(types)) == len(types)
    assert set(types) < set(EVENT_TYPES)


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.key == "tenant" and topic.partitions is None])
def test_tenant_topics_share_their_partition_count(topic: Topic) -> None:
    """All topics keyed by tenant have the same partitions, or one tenant's records would lie apart."""
    assert topic.partitions is None
    assert TENANT_PARTITIONS == 8


def test_what_promises_rest_on_is_kept_for_ever() -> None:
    """Decisions, ledger, journal, overrides, outcomes and config are never deleted: replay and audit read them (A5)."""
    for name in ("decisions", "ledger", "router-journal", "overrides", "outcomes", "outcomes.technical", "config"):
        assert BY_NAME[name].retention is None
        assert topic_config(BY_NAME[name])["retention.ms"] == "-1"


@pytest.mark.parametrize("name", ["requests", "overrides", "outcomes"])
def test_what_clients_write_is_stamped_by_the_broker(name: str) -> None:
    """The dedupe window, and the week in which evidence counts at the latest, are measured on the broker's clock."""
    assert topic_config(BY_NAME[name])["message.timestamp.type"] == "LogAppendTime"


def test_one_stage_validates_what_clients_write() -> None:
    """Every topic that others than our stages write names its validator, and with it its dead-letter topic."""
    for topic in TOPICS:
        if topic.writer in {"clients", "config"}:
            assert topic.validated_by != "none"


def test_stages_name_known_topics_and_are_core_or_effect() -> None:
    """The topology reads and writes topics of the table only, and a stage is a pure core or an effect, never both."""
    for stage in STAGES:
        assert {*stage.reads, *stage.writes, *stage.follows} <= set(BY_NAME)
        assert (stage.core is None) != (stage.effect is None)


def test_every_topic_of_a_stage_has_its_writer() -> None:
    """A topic that a stage writes names that stage as its writer (or all)."""
    for stage in STAGES:
        for name in stage.writes:
            assert BY_NAME[name].writer in {stage.name, "all"}
