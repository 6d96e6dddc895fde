"""How fast the recorder writes ClickHouse, on the log that the router benchmark left."""

import tempfile
import time
from pathlib import Path

from confluent_kafka import TopicPartition

from schemas.topics import TOPICS
from streams.kafka_clients import consumer
from streams.log_reader import read_range
from streams.settings import Settings
from tests.bench.figures import Row, Section
from tests.stage import Stage


def recorder(bootstrap: str, prefix: str) -> Section:
    """Record everything under ``prefix`` into an empty chDB and time it, beside a bare read of the same records."""
    settings = Settings(bootstrap=bootstrap, prefix=prefix)
    places = {
        (topic.name, partition): 0
        for topic in TOPICS
        if topic.recorded
        for partition in range(topic.partitions or settings.partitions)
    }
    began = time.perf_counter()
    total = sum(1 for _ in read_range(settings, places))
    bare = time.perf_counter() - began
    ends = _ends(settings, places)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(settings, Path(folder), "recorder")
        try:
            first = _until(settings, ends, 0.01)
            last = _until(settings, ends, 1.0)
        finally:
            stage.stop()
    took = last - first
    rows = [
        Row("events/s into ClickHouse (each is one to three rows)", f"{0.99 * total / took:,.0f}", "20,000 rows/s"),
        Row(
            "bare read of the same events, events/s", f"{total / bare:,.0f}", "", f"recording takes {took / bare:.1f}x"
        ),
    ]
    method = f"{total:,} events of one deployment, chDB, from the first to the last committed offset."
    return Section("Recorder", method, rows)


def _ends(settings: Settings, places: dict[tuple[str, int], int]) -> dict[tuple[str, int], int]:
    probe = consumer(settings, "bench")
    ends = {
        place: probe.get_watermark_offsets(TopicPartition(settings.topic(place[0]), place[1]), timeout=10)[1]
        for place in places
    }
    probe.close()
    return {place: end for place, end in ends.items() if end}


def _until(settings: Settings, ends: dict[tuple[str, int], int], share: float, seconds: float = 300) -> float:
    """Wait until that share of all offsets is committed; transaction markers at the very end may stay uncommitted."""
    group = consumer(settings, "recorder")
    asked = [TopicPartition(settings.topic(name), partition) for name, partition in ends]
    wanted = share * sum(ends.values()) - 2 * len(ends) * (share == 1.0)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            done = sum(max(place.offset, 0) for place in group.committed(asked, timeout=10))
            if done >= max(wanted, 1):
                return time.perf_counter()
            time.sleep(0.02)
    finally:
        group.close()
    raise TimeoutError("the recorder did not come to the end")
