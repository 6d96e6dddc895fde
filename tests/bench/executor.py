"""How many calls one executor makes a second, and how soon a decision becomes a call, against a simulated provider."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import orjson
import psutil

from schemas import topics as t
from schemas.decision import DecisionMade
from schemas.provider_call import CallFinished, CallStarted
from streams.kafka_clients import producer
from streams.log_reader import read_range
from streams.settings import Settings
from tests.bench.figures import Row, Section, percentile
from tests.executed import Log, plan, ready
from tests.stage import Stage, environment
from tests.waiting import eventually

_TWO_OF_900 = ("2", "900", "0")
"""Records written per record read, their bytes, and no transactions."""
TENANTS = tuple(f"bench-{index}" for index in range(64))


def calls(bootstrap: str, count: int, rate: int, seconds: int) -> Section:
    """Make ``count`` calls as fast as they go, then ``rate`` calls/s for ``seconds``; both with Kafka beside them."""
    with tempfile.TemporaryDirectory() as folder:
        settings = ready(Settings(bootstrap=bootstrap, prefix="bench-executor-", run_dir=Path(folder)))
        log = Log(settings)
        with _simulator(settings) as provider:
            decisions = log.submit(plan("quick"), count=count, tenants=TENANTS, seconds=600)
            bare = _baseline(settings, count)
            stage = Stage(settings, settings.run_dir, "executor")
            try:
                wall, used = _saturated(log, stage, decisions)
                lent = _cpu_s(provider)
                waits = _paced(log, rate, seconds)
            finally:
                stage.stop()
                log.close()
    return Section(
        "Executor: calls of a simulated provider",
        f"{count:,} waiting decisions; then {rate}/s for {seconds} s. The provider answers within some milliseconds; "
        "broker, provider and load run on the same cores.",
        [
            Row("calls/s, wall", f"{count / wall:,.0f}", "800"),
            Row(
                "calls per CPU-second of the executor process, start-up included",
                f"{count / used:,.0f}",
                "800",
                f"{used / bare['cpu_s']:.0f}x the CPU of a bare loop that reads one record and writes two",
            ),
            Row("CPU of the simulated provider's process meanwhile", f"{100 * lent / wall:.0f} % of a core"),
            Row("decision to claim in the log, ms, p50 / p99", _pair([wait[0] for wait in waits])),
            Row("decision to provider call, ms, p50 / p99", _pair([wait[1] for wait in waits])),
            Row("decision to end in the log, ms, p50 / p99", _pair([wait[2] for wait in waits])),
        ],
    )


def _pair(values: list[float]) -> str:
    return f"{percentile(values, 0.5):.1f} / {percentile(values, 0.99):.1f}"


@contextmanager
def _simulator(settings: Settings) -> Generator[int]:
    process = subprocess.Popen([sys.executable, "-m", "tests.executed", str(settings.run_dir)])
    try:
        eventually((settings.run_dir / "simulated.json").exists, "the simulator's address")
        yield process.pid
    finally:
        process.kill()
        process.wait(10)


def _baseline(settings: Settings, count: int) -> dict[str, float]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.bench.baseline",
            settings.bootstrap,
            settings.prefix,
            str(count),
            "2",
            "900",
            "0",
        ],
        env=environment(settings, settings.run_dir),
        capture_output=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _saturated(log: Log, stage: Stage, decisions: list[DecisionMade]) -> tuple[float, float]:
    """Return wall seconds from the first claim to the last end, and CPU seconds of the process."""
    events = [event for event in log.ended(*decisions, seconds=600) if isinstance(event, CallStarted | CallFinished)]
    instants = [event.occurred_at for event in events]
    return (max(instants) - min(instants)).total_seconds(), _cpu_s(stage.process.pid)


def _cpu_s(pid: int) -> float:
    cpu = psutil.Process(pid).cpu_times()
    return cpu.user + cpu.system


def _paced(log: Log, rate: int, seconds: int) -> list[tuple[float, float, float]]:
    """Return for each decision the ms until its claim, its call and its end."""
    requests = log.requests(rate * seconds, TENANTS, "Say something about the weather")
    decisions = [log.decision(request, at, [plan("quick")], seconds=600) for request, at in requests]
    partitions = range(log.settings.partitions)
    ends = {(t.PROVIDER_CALLS, partition): log.end_of(t.PROVIDER_CALLS, partition) for partition in partitions}
    sent = _send(log.settings, decisions, rate)
    log.ended(*decisions, seconds=120)
    claimed: dict[str, float] = {}
    waits: list[tuple[float, float, float]] = []
    for record in read_range(log.settings, ends):
        value = orjson.loads(record.value or b"{}")
        began = sent.get(value.get("decision_id", ""))
        if began is None:
            continue
        if value["type"] == CallStarted.TYPE:
            claimed[value["decision_id"]] = record.timestamp_ms - began
        elif value["type"] == CallFinished.TYPE:
            ended = record.timestamp_ms - began
            waits.append((claimed[value["decision_id"]], ended - value["latency_ms"], ended))
    return waits


def _send(settings: Settings, decisions: list[DecisionMade], rate: int) -> dict[str, float]:
    """Write decisions at a steady rate; return when each was written, in Unix ms."""
    client = producer(settings)
    sent: dict[str, float] = {}
    outputs = [decision.to_output(t.DECISIONS) for decision in decisions]
    began = time.monotonic()
    for index, (decision, output) in enumerate(zip(decisions, outputs, strict=True)):
        time.sleep(max(0.0, began + index / rate - time.monotonic()))
        sent[decision.id] = time.time() * 1000
        client.produce(settings.topic(output.topic), output.value, output.key, headers=list(output.headers))
        client.poll(0)
    client.flush(20)
    return sent
