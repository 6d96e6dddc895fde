import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import eventually

POINTSMAN = [sys.executable, "-P", "-m", "pointsman"]


def pointsman(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*POINTSMAN, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_loads_nothing_heavy() -> None:
    """--help loads no Kafka, pydantic, numpy, ClickHouse or HTTP client: it is fast by construction."""
    code = (
        "import sys\nfrom pointsman.cli import build_app\n"
        "try:\n    build_app()(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'confluent_kafka', 'pydantic', 'numpy', 'clickhouse_connect', 'chdb', 'httpx', 'faust'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    for command in ("up", "down", "status", "doctor", "logs", "clean"):
        assert command in done.stdout
    assert "130 interrupted" in done.stdout


def test_a_folder_named_like_a_package_does_no_harm(tmp_path: Path) -> None:
    """Started beside a folder named `schemas`, pointsman still uses its own."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "__init__.py").write_text("raise SystemExit('the wrong package')")
    done = subprocess.run([*POINTSMAN, "status"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status"], 3),
        (["down"], 0),
        (["logs"], 3),
        (["clean"], 0),
        (["up", "--kafka-conf", "a=b"], 2),
        (["up", "--bootstrap", "x:1", "--kafka-conf", "nonsense"], 2),
        (["up", "--routers", "65"], 2),
        (["nonsense"], 2),
        (["run", "nonsense"], 2),
    ],
)
def test_exit_statuses(arguments: list[str], code: int, tmp_path: Path) -> None:
    """Each kind of ending has its documented status."""
    assert pointsman(*arguments, POINTSMAN_RUN_DIR=str(tmp_path / "run")).returncode == code


def test_errors_are_json_where_the_data_would_be(tmp_path: Path) -> None:
    """With --output json an error is one object on stderr with code, message and next command; stdout stays empty."""
    done = pointsman("up", "--kafka-conf", "a=b", "-o", "json", POINTSMAN_RUN_DIR=str(tmp_path))
    error = json.loads(done.stderr)["error"]
    assert error["code"] == 2
    assert "--bootstrap" in error["next"]
    assert done.stdout == ""


def test_clean_touches_no_other_folder(tmp_path: Path) -> None:
    """A folder that is no run folder of pointsman is never deleted."""
    (tmp_path / "thesis.txt").write_text("years of work")
    done = pointsman("clean", "--yes", "--run-dir", str(tmp_path))
    assert done.returncode == 3
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_a_closed_pipe_is_no_traceback(form: str, tmp_path: Path) -> None:
    """`pointsman ... | head` ends quietly when head has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*POINTSMAN, "doctor", "--output", form, "--run-dir", str(tmp_path)],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    """Ctrl-C on a terminal ends a command with status 130 and without a traceback."""
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "router-0.log").write_text("hello\n")
    terminal, side = pty.openpty()
    with subprocess.Popen(
        [*POINTSMAN, "logs", "--follow", "--run-dir", str(tmp_path)],
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "hello" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _out, error = process.communicate(timeout=30)
    os.close(terminal)
    os.close(side)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_a_stage_ends_in_order_on_sigterm(tmp_path: Path) -> None:
    """`run simulated` serves until SIGTERM, ends with status 0, and logs JSON lines that name the stage."""
    environment = {**os.environ, "POINTSMAN_RUN_DIR": str(tmp_path)}
    with subprocess.Popen(
        [*POINTSMAN, "run", "simulated"], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        eventually((tmp_path / "simulated.json").exists, "the address of the simulator")
        assert psutil.pid_exists(process.pid)
        process.send_signal(signal.SIGTERM)
        _out, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(error.splitlines()[-1])["stage"] == "simulated"


def test_a_failing_stage_asks_for_a_restart(tmp_path: Path) -> None:
    """A stage that cannot go on logs one JSON line with the reason and ends with status 70."""
    done = pointsman("run", "simulated", "--slot", "1", POINTSMAN_RUN_DIR=str(tmp_path))
    assert done.returncode == 70
    line = json.loads(done.stderr.splitlines()[-1])
    assert (line["event"], line["slot"]) == ("stage failed", 1)
    assert "slot 0" in line["exception"]
