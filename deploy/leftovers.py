import time

import psutil

from deploy.run_dir import ProcessState, SupervisorState, same_process

STAGE_STOP_SECONDS = 30.0
BROKER_STOP_SECONDS = 20.0


def leftovers(state: SupervisorState) -> list[ProcessState]:
    """Return the recorded processes that still live; pid and start time must both fit."""
    return [process for process in state.processes if same_process(process.pid, process.started) is not None]


def end_leftovers(state: SupervisorState) -> list[ProcessState]:
    """End what a supervisor that died left running: stages first, then what they talk to. Return what was ended."""
    found = leftovers(state)
    stages = [process for process in found if process.name not in {"kafka", "simulated"}]
    servers = [process for process in found if process not in stages]
    _end(stages, STAGE_STOP_SECONDS)
    _end(servers, BROKER_STOP_SECONDS)
    return found


def _end(processes: list[ProcessState], seconds: float) -> None:
    living = [process for row in processes if (process := same_process(row.pid, row.started)) is not None]
    for process in living:
        _tell(process, kill=False)
    deadline = time.monotonic() + seconds
    _gone, left = psutil.wait_procs(living, timeout=max(deadline - time.monotonic(), 0))
    for process in left:
        _tell(process, kill=True)
    psutil.wait_procs(left, timeout=5)


def _tell(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return
