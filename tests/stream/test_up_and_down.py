import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.run_dir import RunDir, SupervisorState
from streams.kafka_ready import cluster_id
from streams.local_kafka import LocalKafka
from tests.waiting import eventually


@dataclass
class Installation:
    """The command line over one run folder, in processes of its own as a user has them."""

    run_dir: RunDir
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "pointsman", *arguments, "--run-dir", str(self.run_dir.path)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **self.environment},
        )

    def up(self, *arguments: str) -> SupervisorState:
        done = self.run("up", "--output", "json", *arguments)
        assert done.returncode == 0, done.stderr
        return self.state()

    def status(self) -> tuple[int, list[dict[str, Any]]]:
        done = self.run("status", "--output", "json")
        return done.returncode, json.loads(done.stdout)

    def state(self) -> SupervisorState:
        state = self.run_dir.read_state()
        assert state is not None
        return state

    def pid(self, name: str) -> int | None:
        return next(process.pid for process in self.state().processes if process.name == name)

    def pids(self) -> list[int]:
        return [self.state().pid, *(process.pid for process in self.state().processes if process.pid)]


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def installation(jars: list[Path], tmp_path: Path) -> Generator[Installation]:
    """A run folder with a space in its name; whatever runs there at the end is ended."""
    made = Installation(RunDir(tmp_path / "run data"))
    yield made
    made.run("down")


ONLY_SIMULATED = ("--routers", "0", "--executors", "0", "--feedback", "0", "--recorders", "0")


def test_up_owns_a_broker_and_down_leaves_nothing(installation: Installation) -> None:
    """up starts all, status lists it, a second up names the owner, down ends all and keeps the data."""
    first = installation.up(*ONLY_SIMULATED)
    assert cluster_id(first.bootstrap) == first.cluster_id
    code, rows = installation.status()
    assert [row["process"] for row in rows] == ["supervisor", "kafka", "simulated"]
    assert code == 0
    again = installation.run("up", "--output", "json")
    assert again.returncode == 1
    assert f"pid {first.pid}" in json.loads(again.stderr.splitlines()[-1])["error"]["message"]
    refused = installation.run("clean", "--yes")
    assert refused.returncode == 1
    pids = installation.pids()
    assert len(pids) == 3
    assert installation.run("down").returncode == 0
    assert gone(pids)
    assert installation.status()[0] == 3
    second = installation.up(*ONLY_SIMULATED)
    assert (second.cluster_id, second.bootstrap) == (first.cluster_id, first.bootstrap)
    assert installation.run("down").returncode == 0
    assert installation.run("clean", "--yes").returncode == 0
    assert not installation.run_dir.path.exists()


def test_killed_broker_comes_back_on_its_port(installation: Installation) -> None:
    """kill -9 of the broker: the supervisor starts it again with the same data, cluster id and port."""
    state = installation.up(*ONLY_SIMULATED)
    old = installation.pid("kafka")
    kill(old)
    eventually(lambda: installation.pid("kafka") not in {None, old}, "another broker process")
    eventually(lambda: cluster_id(state.bootstrap) == state.cluster_id, "the same cluster on the same port")


def test_killed_supervisor_leaves_no_orphans_behind(installation: Installation) -> None:
    """kill -9 of the supervisor: status says what was left, down ends it, and so does the next up."""
    state = installation.up(*ONLY_SIMULATED)
    kill(state.pid)
    eventually(lambda: gone([state.pid]), "the end of the supervisor")
    assert installation.run("status").returncode == 6
    assert installation.run("clean", "--yes").returncode == 1
    left = [process.pid for process in state.processes if process.pid]
    assert not gone(left)
    second = installation.up(*ONLY_SIMULATED)
    assert gone(left)
    kill(second.pid)
    left = [process.pid for process in second.processes if process.pid]
    assert installation.run("down").returncode == 0
    assert gone(left)


def test_an_own_cluster_is_used_and_left_alone(installation: Installation, kafka: LocalKafka, prefix: str) -> None:
    """With --bootstrap no broker is started, a killed stage keeps its slot, down leaves the cluster alone."""
    installation.environment["POINTSMAN_PREFIX"] = prefix
    installation.up("--bootstrap", kafka.bootstrap, *ONLY_SIMULATED)
    assert [process.name for process in installation.state().processes] == ["simulated"]
    old = installation.pid("simulated")
    kill(old)
    eventually(lambda: installation.pid("simulated") not in {None, old}, "another process for the slot")
    process = installation.state().processes[0]
    assert (process.slot, process.restarts, process.last_exit) == (0, 1, -signal.SIGKILL)
    doctor = installation.run("doctor", "--output", "json")
    checks = {check["name"]: check for check in json.loads(doctor.stdout)}
    assert doctor.returncode == 0, doctor.stdout
    assert kafka.bootstrap in checks["broker"]["found"]
    assert {"packages", "java", "kafka jars", "topics", "progress"} <= set(checks)
    assert installation.run("down").returncode == 0
    assert cluster_id(kafka.bootstrap) == kafka.cluster_id


def test_logs_of_a_process_are_shown(installation: Installation, kafka: LocalKafka, prefix: str) -> None:
    """logs prints the end of what a process wrote; an unknown name is status 3 and names those that exist."""
    installation.environment["POINTSMAN_PREFIX"] = prefix
    installation.up("--bootstrap", kafka.bootstrap, *ONLY_SIMULATED)
    shown = installation.run("logs", "supervisor")
    assert shown.returncode == 0
    assert "topics exist" in shown.stdout
    unknown = installation.run("logs", "nobody")
    assert unknown.returncode == 3
    assert "supervisor" in unknown.stderr
