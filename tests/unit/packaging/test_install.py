import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of this tree that matter for installing, in a folder with a space in its name."""
    target = tmp_path / "a clone"
    target.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements", ".ci"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        else:
            shutil.copy(source, target / name)
    return target


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "MAKEFLAGS"}}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def recorder(folder: Path) -> tuple[Path, Path]:
    """Return a folder with a `uv` that writes down how it was called, and the file it writes to."""
    tools, calls = folder / "bin", folder / "calls"
    tools.mkdir()
    uv = tools / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\ncase "$1" in venv) mkdir -p .venv/bin;; esac\n')
    uv.chmod(0o755)
    return tools, calls


def test_install_uses_the_locks_and_runs_once(clone: Path) -> None:
    """make install installs by hash from the lock, then this project alone; a second run does nothing."""
    tools, calls = recorder(clone)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    done = make(clone, "install", path=path)
    assert done.returncode == 0, done.stderr
    lines = calls.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["venv", "pip", "pip"]
    assert "--require-hashes -r requirements/dev.txt" in lines[1]
    assert "--no-deps -e ." in lines[2]
    assert make(clone, "install", path=path).returncode == 0
    assert calls.read_text().splitlines() == lines


def test_a_changed_lock_is_installed(clone: Path) -> None:
    """After a lock changed, the next run installs it."""
    tools, calls = recorder(clone)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    make(clone, "install", path=path)
    before = len(calls.read_text().splitlines())
    stamp = (clone / ".venv" / ".dev-stamp").stat().st_mtime
    os.utime(clone / "requirements" / "dev.txt", (stamp + 5, stamp + 5))
    make(clone, "install", path=path)
    assert len(calls.read_text().splitlines()) == before + 2


def test_an_old_python_is_refused_by_name(clone: Path) -> None:
    """A Python older than 3.11 is refused with the command to choose another one."""
    tools, _calls = recorder(clone)
    old = tools / "oldpython"
    old.write_text("#!/bin/sh\nexec python3 -c 'import sys; sys.version_info = (3, 10); exec(sys.argv[2])' \"$@\"\n")
    old.chmod(0o755)
    done = make(clone, "install", "PYTHON=oldpython", path=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode != 0
    assert "Python 3.11" in done.stderr


def test_help_names_every_command(clone: Path) -> None:
    """make without a target lists the targets with one line each."""
    shown = make(clone).stdout
    for target in ("install", "demo", "test", "check", "bench", "faults", "lock"):
        assert f"make {target}" in shown


def test_continuous_integration_calls_make_test(clone: Path) -> None:
    """.ci/run works from any folder, stops at the first failure and hands on the status of make test."""
    (clone / "Makefile").write_text("test:\n\t@echo tested && exit 3\n")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run([clone / ".ci" / "run"], cwd="/", capture_output=True, text=True, check=False, env=outside)
    assert done.stdout == "tested\n"
    assert done.returncode == 2
