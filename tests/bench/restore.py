"""How fast a router's state comes back from its change log."""

import time

import orjson
from confluent_kafka import TopicPartition

from routing.desk_state import DeskState
from schemas import topics as t
from schemas.record import Output
from streams.kafka_clients import consumer
from streams.log_reader import read_range
from streams.settings import Settings
from streams.topology import create_topics
from tests.bench.figures import Row, Section
from tests.stage import publish


def restore(bootstrap: str, count: int) -> Section:
    """Write ``count`` dedupe and conversation entries, read them back and build the state; beside a bare read."""
    settings = Settings(bootstrap=bootstrap, prefix="bench-restore-")
    create_topics(settings)
    until = 10**13
    publish(
        settings,
        (
            Output(
                t.ROUTER_STATE,
                f"dedupe/acme/r{i}",
                orjson.dumps(["acme", f"r{i}", "0123456789abcdef0123456789abcdef", i, until]),
                (("ce_batch", b"1"),),
                0,
            )
            for i in range(count)
        ),
    )
    began = time.perf_counter()
    _bare(settings, count)
    bare = time.perf_counter() - began
    began = time.perf_counter()
    entries: dict[str, bytes] = {}
    for record in read_range(settings, {(t.ROUTER_STATE, 0): 0}):
        if record.value is not None:
            entries[(record.key or b"").decode()] = record.value
    state = DeskState.load(entries)
    took = time.perf_counter() - began
    assert len(state.seen) == count
    rows = [
        Row("records/s", f"{count / took:,.0f}", "50,000"),
        Row(
            "bare read of the same records, records/s", f"{count / bare:,.0f}", "", f"restore takes {took / bare:.1f}x"
        ),
    ]
    return Section("Restore of a router's state", f"{count:,} state records of one partition, read and parsed.", rows)


def _bare(settings: Settings, count: int) -> None:
    reader = consumer(settings, "bench")
    reader.assign([TopicPartition(settings.topic(t.ROUTER_STATE), 0, 0)])
    seen = 0
    while seen < count:
        seen += len(reader.consume(10_000, 0.1))
    reader.close()
