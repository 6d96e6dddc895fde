import time
from typing import TYPE_CHECKING

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note

if TYPE_CHECKING:
    from deploy.run_dir import SupervisorState


def register(app: typer.Typer) -> None:
    """Add `status`."""
    app.command("status")(status)


def status(run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE) -> None:
    """Show the processes. Exit status 0: all run; 3: nothing runs here; 6: something is down or restarting."""
    import psutil

    from deploy.leftovers import leftovers
    from deploy.run_dir import ProcessState, RunDir, same_process

    folder = RunDir(run_dir)
    state = folder.owner()
    if state is None:
        before = folder.read_state()
        left = leftovers(before) if before else []
        emit_rows([], output) if output is not Output.TABLE else None
        if left:
            note(f"the supervisor of {folder.path} was killed and left {len(left)} processes. Next: pointsman down")
            raise typer.Exit(ExitCode.FINDINGS)
        note(f"nothing runs in {folder.path}. Next: pointsman up")
        raise typer.Exit(ExitCode.NOT_FOUND)

    def row(process: ProcessState) -> dict[str, object]:
        living = same_process(process.pid, process.started)
        memory: float | None = None
        if living is not None:
            try:
                memory = living.memory_info().rss / 1024 / 1024
            except psutil.NoSuchProcess:
                living = None
        return {
            "process": process.name,
            "slot": process.slot,
            "state": process.state if living is not None else "down",
            "pid": process.pid,
            "up_s": round(time.time() - process.started) if process.started else None,
            "restarts": process.restarts,
            "last_exit": process.last_exit,
            "mib": round(memory) if memory is not None else None,
            "log": process.log,
        }

    supervisor = ProcessState(
        name="supervisor",
        slot=0,
        state="running",
        pid=state.pid,
        started=state.started,
        log=str(folder.logs / "supervisor.log"),
    )
    rows = [row(process) for process in (supervisor, *state.processes)]
    emit_rows(rows, output, ("process", "slot", "state", "pid", "up_s", "restarts", "last_exit", "mib"))
    note(_summary(state))
    if state.phase != "running" or any(line["state"] not in {"running", "ready"} for line in rows):
        raise typer.Exit(ExitCode.FINDINGS)


def _summary(state: "SupervisorState") -> str:
    return f"{state.phase}{': ' if state.message else ''}{state.message}; Kafka {state.bootstrap or 'not yet'}"
