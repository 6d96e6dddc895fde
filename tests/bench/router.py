"""How many requests a second one router serves, calls included; and how soon a decision is visible."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import orjson
import psutil
from confluent_kafka import Consumer, TopicPartition

from schemas import topics as t
from schemas.record import Output
from streams.kafka_clients import consumer, producer, to_record
from streams.settings import Settings
from tests.bench.figures import Row, Section, percentile
from tests.bench.prompts import prompts
from tests.documents import documents, tenant
from tests.stage import Stage, environment, prepared, publish

TENANTS = tuple(f"bench-{index}" for index in range(16))


def prepared_settings(bootstrap: str, prefix: str) -> Settings:
    settings = Settings(bootstrap=bootstrap, prefix=prefix)
    return prepared(settings, documents(*(tenant(name, budget={"daily": 1_000_000}) for name in TENANTS)))


def _requests(count: int, salt: str) -> list[Output]:
    return [
        Output(
            t.REQUESTS,
            TENANTS[index % len(TENANTS)],
            orjson.dumps({"request_id": f"{salt}-{index}", "prompt": text, "user": f"u{index % 200}"}),
            (),
        )
        for index, text in enumerate(prompts(count))
    ]


def throughput(bootstrap: str, count: int) -> Section:
    """Preload requests, answer each decision at once from another process, and time the router to the last result."""
    settings = prepared_settings(bootstrap, "bench-throughput-")
    publish(settings, _requests(count, "t"))
    bare = _baseline(settings, count)
    with tempfile.TemporaryDirectory() as folder:
        echo = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.echo", settings.bootstrap, settings.prefix, str(count)],
            env=environment(settings, Path(folder)),
        )
        began = time.perf_counter()
        stage = Stage(settings, Path(folder), "router")
        try:
            first, last, early = _wait_for_finals(settings, count)
            cpu = psutil.Process(stage.process.pid).cpu_times()
            memory = psutil.Process(stage.process.pid).memory_info().rss / 2**20
        finally:
            stage.stop()
            echo.terminate()
            echo.wait(10)
    wall = last - first
    used = cpu.user + cpu.system
    rows = [
        Row(
            "requests/s, wall (broker and answering process on the same cores)",
            f"{count / wall:,.0f}",
            "2,000; aim 5,000",
        ),
        Row("requests per CPU-second of the router process, start-up included", f"{count / used:,.0f}", "", ""),
        Row(
            "bare loop, 12 records of 900 bytes out per request in transactions, requests/s",
            f"{count / bare['wall_s']:,.0f}",
            "",
            f"router takes {count * wall / (count - early) / bare['wall_s']:.1f}x the time of the bare loop",
        ),
        Row(
            "bare loop, requests per CPU-second",
            f"{count / bare['cpu_s']:,.0f}",
            "",
            f"{used / bare['cpu_s']:.1f}x the CPU",
        ),
        Row("start to first final result, s", f"{first - began:.1f}"),
        Row("memory of the router at the end, MiB", f"{memory:,.0f}"),
    ]
    method = (
        f"{count:,} preloaded requests of {len(TENANTS)} tenants on 8 partitions; another process claims and "
        "ends every decision at once; from the first to the last final result. Each request: classification, decision, "
        "hold, settlement, result, outcome, journal and state changes, in transactions."
    )
    return Section("Router throughput, one worker, provider-calls included", method, rows)


def _baseline(settings: Settings, count: int) -> dict[str, float]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.bench.baseline",
            settings.bootstrap,
            settings.prefix,
            str(count),
            "12",
            "900",
            "yes",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _wait_for_finals(settings: Settings, count: int, seconds: float = 300) -> tuple[float, float, int]:
    """Return when the first results were read, when the last, and how many came with the first."""
    reader = consumer(settings, "bench")
    reader.assign([TopicPartition(settings.topic(t.RESULTS), p, 0) for p in range(settings.partitions)])
    seen, first, early, deadline = 0, 0.0, 0, time.monotonic() + seconds
    while seen < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{seen} of {count} final results")
        messages = [message for message in reader.consume(1000, 0.05) if message.error() is None]
        if messages and not first:
            first, early = time.perf_counter(), len(messages)
        seen += len(messages)
    reader.close()
    return first, time.perf_counter(), early


def latency(bootstrap: str, rate: int, seconds: int) -> Section:
    """Publish at a steady rate and time each request until its decision is visible to a read_committed reader."""
    settings = prepared_settings(bootstrap, "bench-latency-")
    count = rate * seconds
    sent: dict[str, float] = {}
    waits: list[float] = []
    outputs = _requests(count, "l")
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(settings, Path(folder), "router")
        echo = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.echo", settings.bootstrap, settings.prefix, str(count)],
            env=environment(settings, Path(folder)),
        )
        try:
            reader = consumer(settings, "bench", **{"fetch.wait.max.ms": 2})
            reader.assign([TopicPartition(settings.topic(t.DECISIONS), p, 0) for p in range(settings.partitions)])
            publish(settings, _requests(50, "warm"))
            _drain(reader, 50)
            sender = threading.Thread(target=send, args=(settings, outputs, rate, sent), daemon=True)
            sender.start()
            deadline = time.monotonic() + seconds + 60
            while len(waits) < count and time.monotonic() < deadline:
                message = reader.poll(0.05)
                if message is None or message.error() is not None:
                    continue
                now = time.perf_counter()
                subject = to_record(message, settings).header("ce_subject") or ""
                if subject in sent:
                    waits.append((now - sent[subject]) * 1000)
            sender.join()
            reader.close()
        finally:
            stage.stop()
            echo.terminate()
            echo.wait(10)
    steady = waits[len(waits) // 10 :]
    rows = [
        Row("p50, ms", f"{percentile(steady, 0.5):.1f}", "15"),
        Row("p95, ms", f"{percentile(steady, 0.95):.1f}"),
        Row("p99, ms", f"{percentile(steady, 0.99):.1f}", "60"),
        Row("decisions measured", f"{len(steady):,} of {count:,}"),
    ]
    method = f"{rate} requests/s for {seconds} s, calls answered at once by another process; the first tenth left out."
    return Section(f"Request to decision visible, {rate}/s", method, rows)


def _drain(reader: Consumer, count: int) -> None:
    seen, deadline = 0, time.monotonic() + 60
    while seen < count and time.monotonic() < deadline:
        message = reader.poll(0.1)
        seen += message is not None and message.error() is None


def send(settings: Settings, outputs: list[Output], rate: int, sent: dict[str, float]) -> None:
    client = producer(settings)
    began = time.perf_counter()
    for index, output in enumerate(outputs):
        wait = began + index / rate - time.perf_counter()
        if wait > 0:
            client.poll(0)
            time.sleep(max(0, began + index / rate - time.perf_counter()))
        sent[orjson.loads(output.value or b"{}")["request_id"]] = time.perf_counter()
        client.produce(settings.topic(output.topic), output.value, output.key)
        client.poll(0)
    client.flush(30)
