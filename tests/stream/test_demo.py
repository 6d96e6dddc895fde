import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from deploy.run_dir import RunDir
from pointsman.demo.script import FOLDER
from tests.waiting import eventually

DEMO = [sys.executable, "-P", "-m", "pointsman", "demo", "--requests", "24", "--pace", "12"]


def environment() -> dict[str, str]:
    return {**os.environ, "POINTSMAN_SIMULATED_SCALE": "0.05"}


def nothing_runs(folder: Path) -> bool:
    state = RunDir(folder).read_state()
    assert state is not None
    pids = [state.pid, *(process.pid for process in state.processes if process.pid)]
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


@pytest.fixture(scope="module")
def folder(jars: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder, with a space in its name, for the demo's first and second run."""
    return tmp_path_factory.mktemp("demo") / "demo data"


def test_without_a_terminal_it_ends_by_itself(folder: Path) -> None:
    """The demo routes live, sums up, stops everything and ends with status 0 (D3)."""
    done = subprocess.run(
        [*DEMO, "--run-dir", str(folder)], capture_output=True, text=True, timeout=240, check=False, env=environment()
    )
    assert done.returncode == 0, done.stderr
    decisions = [line for line in done.stdout.splitlines() if " -> " in line]
    assert len(decisions) >= 24
    assert all(" because " in line for line in decisions)
    for title in ("Spend by model", "Savings against", "Fallbacks", "Tenants", "Learned from overrides"):
        assert title in done.stdout
    assert "simulated" in done.stdout
    assert "Try next" in done.stderr
    assert nothing_runs(folder)


def test_on_a_terminal_it_stays_until_ctrl_c(folder: Path) -> None:
    """A second run begins anew; on a terminal it stays up until Ctrl-C, status 0, nothing left running (D3)."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*DEMO, "--run-dir", str(folder)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment(),
        start_new_session=True,
    )
    os.close(child)
    try:
        seen = read_until(parent, b"Ctrl-C ends it.", 200)
        assert b"because" in seen
        state = RunDir(folder).owner()
        assert state is not None
        process.send_signal(signal.SIGINT)
        read_until(parent, b"stopping everything", 60)
        assert process.wait(60) == 0
        assert nothing_runs(folder)
    finally:
        process.kill()
        process.wait()
        os.close(parent)


def read_until(terminal: int, what: bytes, seconds: float) -> bytes:
    seen = b""
    deadline = time.monotonic() + seconds
    while what not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536)
    assert what in seen, seen.decode(errors="replace")
    return seen


def test_a_folder_of_others_is_not_emptied(tmp_path: Path) -> None:
    """The demo deletes only folders that a demo made."""
    (tmp_path / "precious").write_text("keep me")
    done = subprocess.run(
        [*DEMO, "--run-dir", str(tmp_path), "--output", "json"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "nothing is deleted" in json.loads(done.stderr.splitlines()[-1])["error"]["message"]
    assert (tmp_path / "precious").exists()


def test_interrupted_it_leaves_nothing_running(jars: list[Path], tmp_path: Path) -> None:
    """SIGTERM in the middle of starting or playing stops all that was started."""
    folder = tmp_path / "demo"
    process = subprocess.Popen([*DEMO, "--run-dir", str(folder)], env=environment(), stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: folder.exists() and RunDir(folder).read_state() is not None, "its supervisor", 120)
        process.terminate()
        assert process.wait(120) == 130
        assert nothing_runs(folder)
    finally:
        process.kill()
        process.wait()


def test_real_without_a_key_says_so(tmp_path: Path) -> None:
    """--real without any key in the environment is refused before anything is started."""
    done = subprocess.run(
        [*DEMO, "--real", "--run-dir", str(tmp_path / "demo")], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 4
    assert "OPENAI_API_KEY" in done.stderr


@pytest.mark.parametrize("name", ["script.yaml", "texts.yaml", "prompts/code.yaml"])
def test_its_data_ships_with_the_package(name: str) -> None:
    """What the demo plays lies inside the package."""
    assert (FOLDER / name).exists()
