import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from deploy.run_dir import (
    AlreadyRunningError,
    RunDir,
    RunDirError,
    SupervisorState,
    UpOptions,
    same_process,
    start_time,
)


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create()
    return folder


def test_options_with_secrets_are_for_their_owner_only(run_dir: RunDir) -> None:
    """SASL secrets in the options and the state are readable for the owner alone."""
    options = UpOptions(bootstrap="broker:9092", kafka={"sasl.password": "secret"})
    run_dir.write_options(options)
    run_dir.write_state(SupervisorState(pid=1, started=0.0, phase="running"))
    assert run_dir.read_options() == options
    assert run_dir.options_path.stat().st_mode & 0o777 == 0o600
    assert run_dir.state_path.stat().st_mode & 0o777 == 0o600
    assert run_dir.path.stat().st_mode & 0o777 == 0o700


def test_one_owner_at_a_time_and_its_name_is_told(run_dir: RunDir) -> None:
    """A second owner is refused with the pid of the first and the commands that help."""
    state = SupervisorState(pid=4711, started=0.0, phase="running", bootstrap="127.0.0.1:1")
    run_dir.write_state(state)
    assert run_dir.owner() is None
    with run_dir.hold():
        assert run_dir.owner() == state
        with (
            pytest.raises(AlreadyRunningError, match=r"pid 4711.*127\.0\.0\.1:1.*pointsman down"),
            run_dir.hold(patience=0.1),
        ):
            pass
    with run_dir.hold():
        pass


def test_looking_does_not_keep_an_owner_out(run_dir: RunDir) -> None:
    """Many who ask for the owner at the same time never make a start fail."""
    with run_dir.hold():
        pass
    ending = threading.Event()

    def look() -> None:
        while not ending.is_set():
            run_dir.owner()

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(50):
            with run_dir.hold(patience=5):
                pass
    finally:
        ending.set()
        for looker in lookers:
            looker.join()


def test_nobody_ever_ran_here(tmp_path: Path) -> None:
    """An untouched folder has no owner, no state and the default options."""
    folder = RunDir(tmp_path / "absent")
    assert folder.owner() is None
    assert folder.read_state() is None
    assert folder.read_options() == UpOptions()


def test_a_damaged_state_says_what_to_do(run_dir: RunDir) -> None:
    """A state file that cannot be read names itself and the next command instead of a traceback."""
    run_dir.state_path.write_text("{")
    with pytest.raises(RunDirError, match=r"state\.json.*pointsman down"):
        run_dir.read_state()


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    """A run folder below a file is refused with the reason and the option to choose another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunDirError, match="--run-dir"):
        RunDir(tmp_path / "file" / "run").create()


def test_a_pid_alone_is_no_process() -> None:
    """A reused pid is not taken for the process that had it: the start time must fit."""
    me = os.getpid()
    started = start_time(me)
    assert started is not None
    assert same_process(me, started) == psutil.Process(me)
    assert same_process(me, started - 60) is None
    assert same_process(None, started) is None


def test_an_ended_process_is_gone() -> None:
    """A process that ended, even one nobody waited for, counts as gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        started = start_time(process.pid)
        process.wait()
    assert started is None or same_process(process.pid, started) is None
