"""Starting and ending a supervisor from outside."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from deploy.leftovers import end_leftovers
from deploy.run_dir import (
    AlreadyRunningError,
    ProcessState,
    RunDir,
    RunDirError,
    SupervisorState,
    UpOptions,
    same_process,
)

UP_SECONDS = 300.0
DOWN_SECONDS = 90.0


class UpFailedError(RunDirError):
    """The supervisor ended while starting; the message says why and what to do."""


class ClusterUnreachableError(UpFailedError):
    """The user's own cluster does not answer."""


def up(run_dir: RunDir, options: UpOptions, on_progress: Callable[[str], None]) -> SupervisorState:
    """Start a background supervisor and return when everything runs.

    Raise `AlreadyRunningError` when one runs here, `UpFailedError` (`ClusterUnreachableError`) when it cannot start.
    Interrupted, it ends what it started.
    """
    run_dir.create()
    with run_dir.hold():
        run_dir.write_options(options)
    process = _spawn(run_dir)
    try:
        return _wait_until_running(run_dir, process, on_progress)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait(DOWN_SECONDS)
        raise


def down(run_dir: RunDir) -> list[ProcessState]:
    """End the supervisor and all it started, or what a killed supervisor left; return what was ended."""
    state = run_dir.read_state()
    if state is None:
        return []
    supervisor = same_process(state.pid, state.started)
    ended = list(state.processes) if supervisor else []
    if supervisor and run_dir.owner() is not None:
        supervisor.terminate()
        supervisor.wait(DOWN_SECONDS)
        state = run_dir.read_state() or state
    return [*ended, *end_leftovers(state)]


def _spawn(run_dir: RunDir) -> subprocess.Popen[bytes]:
    with os.fdopen(
        os.open(run_dir.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"
    ) as log:
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "pointsman", "run", "supervisor", "--run-dir", str(run_dir.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait_until_running(
    run_dir: RunDir, process: subprocess.Popen[bytes], on_progress: Callable[[str], None]
) -> SupervisorState:
    deadline = time.monotonic() + UP_SECONDS
    told = ""
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        state = run_dir.read_state()
        mine = state if state is not None and state.pid == process.pid else None
        if mine is not None and mine.message != told and mine.phase == "starting":
            told = mine.message
            on_progress(told)
        if mine is not None and mine.phase == "running":
            return mine
        if ended:
            if mine is not None and mine.phase == "unreachable":
                raise ClusterUnreachableError(mine.message)
            if mine is not None and mine.message:
                raise UpFailedError(mine.message)
            if run_dir.owner() is not None:
                raise AlreadyRunningError(
                    f"another pointsman started in {run_dir.path} at the same moment: pointsman status"
                )
            raise UpFailedError(
                f"the supervisor ended with status {process.returncode}; see {run_dir.logs / 'supervisor.log'}"
            )
        time.sleep(0.05)
    process.terminate()
    process.wait(DOWN_SECONDS)
    raise UpFailedError(f"pointsman did not start within {UP_SECONDS:.0f} s; see {run_dir.logs / 'supervisor.log'}")
