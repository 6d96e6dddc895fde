"""From request to the first token that a provider sent, visible to a client: router, executor and provider together."""

import tempfile
import threading
import time
from pathlib import Path

import orjson
from confluent_kafka import Consumer, TopicPartition

from schemas import topics as t
from schemas.record import Output
from streams.kafka_clients import consumer, to_record
from streams.settings import Settings
from tests.bench.figures import Row, Section, percentile
from tests.bench.router import TENANTS, prepared_settings, send
from tests.stage import running


def first_byte(bootstrap: str, rate: int, seconds: int) -> Section:
    """Publish streamed requests at a steady rate; time each until its first ``result-chunks`` record is read."""
    settings = prepared_settings(bootstrap, "bench-first-byte-").model_copy(update={"simulated_scale": 0.0})
    count = rate * seconds
    waits: list[float] = []
    sent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, running(settings, Path(folder), "simulated", "router", "executor"):
        reader = consumer(settings, "bench", **{"fetch.wait.max.ms": 2})
        reader.assign([TopicPartition(settings.topic(t.RESULT_CHUNKS), p, 0) for p in range(settings.partitions)])
        _collect(reader, settings, _asks(50, "warm"), 20, {}, [], 60)
        waits = _collect(reader, settings, _asks(count, "s"), rate, sent, waits, seconds + 60)
        reader.close()
    steady = waits[len(waits) // 10 :]
    rows = [
        Row("p50, ms", f"{percentile(steady, 0.5):.1f}"),
        Row("p95, ms", f"{percentile(steady, 0.95):.1f}"),
        Row("p99, ms", f"{percentile(steady, 0.99):.1f}", "100"),
        Row("streams measured", f"{len(steady):,} of {count:,}"),
    ]
    method = (
        f"{rate} streamed requests/s for {seconds} s against simulated providers answering at once; until the "
        "first token is read from result-chunks, so an upper bound of the time to the provider's first byte."
    )
    return Section("Request to first token of the provider", method, rows)


def _asks(count: int, salt: str) -> list[Output]:
    return [
        Output(
            t.REQUESTS,
            TENANTS[i % len(TENANTS)],
            orjson.dumps({"request_id": f"{salt}-{i}", "prompt": "What is the capital of France?", "stream": True}),
            (),
        )
        for i in range(count)
    ]


def _collect(
    reader: Consumer,
    settings: Settings,
    outputs: list[Output],
    rate: int,
    sent: dict[str, float],
    waits: list[float],
    limit_s: float,
) -> list[float]:
    sender = threading.Thread(target=send, args=(settings, outputs, rate, sent), daemon=True)
    sender.start()
    seen: set[str] = set()
    deadline = time.monotonic() + limit_s
    while len(seen) < len(outputs) * 0.97 and time.monotonic() < deadline:
        message = reader.poll(0.05)
        if message is None or message.error() is not None:
            continue
        now = time.perf_counter()
        subject = to_record(message, settings).header("ce_subject") or ""
        if subject in sent and subject not in seen:
            seen.add(subject)
            waits.append((now - sent[subject]) * 1000)
    sender.join()
    return waits
