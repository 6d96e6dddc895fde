"""Stages as real processes, the shipped config, and records in bulk; for stream, fault and bench runs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deploy.shipped_config import publish_missing, shipped_documents
from schemas.control import ConfigDocument
from schemas.record import Output, Record
from streams.kafka_clients import producer
from streams.log_reader import read_range
from streams.settings import Settings
from streams.topology import create_topics


def prepared(settings: Settings, documents: Iterable[ConfigDocument] | None = None) -> Settings:
    """Create the topics and publish the shipped config (or ``documents``); return the settings."""
    create_topics(settings)
    publish_missing(settings, shipped_documents() if documents is None else documents, datetime.now(UTC))
    return settings


def environment(settings: Settings, run_dir: Path) -> dict[str, str]:
    """Return the environment in which a stage's process sees these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POINTSMAN_")}
    return {
        **kept,
        "POINTSMAN_BOOTSTRAP": settings.bootstrap,
        "POINTSMAN_PREFIX": settings.prefix,
        "POINTSMAN_PARTITIONS": str(settings.partitions),
        "POINTSMAN_RUN_DIR": str(run_dir),
        "POINTSMAN_BATCH_SIZE": str(settings.batch_size),
        "POINTSMAN_SIMULATED_SCALE": str(settings.simulated_scale),
        "POINTSMAN_DEDUPE_WINDOW_S": str(settings.dedupe_window_s),
        "POINTSMAN_CONFIG_KEYS": settings.config_keys,
    }


class Stage:
    """One stage's process; ``kill`` is kill -9, ``stop`` is SIGTERM and waiting."""

    def __init__(self, settings: Settings, run_dir: Path, name: str, slot: int = 0) -> None:
        """Start it; its output goes to ``run_dir/<name>-<slot>.log``."""
        run_dir.mkdir(parents=True, exist_ok=True)
        self.name = f"{name}-{slot}"
        self._log = (run_dir / f"{self.name}.log").open("ab")
        self._command = [sys.executable, "-m", "pointsman", "run", name, "--slot", str(slot), "--run-dir", str(run_dir)]
        self._environment = environment(settings, run_dir)
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL
        )

    def again(self) -> None:
        """Start it again after it ended by itself, as the supervisor does."""
        self.process.wait(10)
        self.process = self._start()

    def kill(self) -> None:
        """Kill -9 and reap."""
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(30)
        self._log.close()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM, wait, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self._log.close()
        return self.process.returncode


@contextmanager
def running(settings: Settings, run_dir: Path, *names: str) -> Iterator[dict[str, Stage]]:
    """Run one slot of each named stage; all are stopped at the end, the last first, also when one cannot be started."""
    stages: dict[str, Stage] = {}
    with ExitStack() as stack:
        for name in names:
            stages[name] = Stage(settings, run_dir, name)
            stack.callback(stages[name].stop)
        yield stages


def publish(settings: Settings, outputs: Iterable[Output]) -> None:
    """Publish records and wait until all are acknowledged."""
    client = producer(settings, **{"linger.ms": 5})
    failed: list[str] = []
    for output in outputs:
        while True:
            try:
                client.produce(
                    settings.topic(output.topic),
                    output.value,
                    output.key,
                    -1 if output.partition is None else output.partition,
                    on_delivery=lambda error, _: failed.append(error.str()) if error else None,
                    headers=list(output.headers),
                )
            except BufferError:
                client.poll(0.05)
            else:
                break
        client.poll(0)
    left = client.flush(60)
    assert not left, f"{left} records not delivered"
    assert not failed, f"first failure: {failed[0]}"


def everything(settings: Settings, topic: str) -> list[Record]:
    """Return all committed records of a topic, partition by partition."""
    records = read_range(settings, {(topic, partition): 0 for partition in range(settings.partitions)})
    return sorted(records, key=lambda record: (record.partition, record.offset))
