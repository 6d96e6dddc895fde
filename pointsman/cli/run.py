"""`pointsman run STAGE`: what the supervisor starts; not meant for people."""

import importlib
import os
import signal
import sys
import threading
from types import FrameType
from typing import Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode

STAGES = {
    "router": "streams.router",
    "executor": "streams.executor",
    "feedback": "streams.feedback",
    "recorder": "streams.recorder",
    "simulated": "providers.simulated",
}
STAGE_FAILED = 70


def register(app: typer.Typer) -> None:
    """Add the hidden `run`."""
    app.command("run", hidden=True)(run)


def run(
    stage: Annotated[str, typer.Argument(help="router, executor, feedback, recorder, simulated or supervisor.")],
    slot: Annotated[int, typer.Option(min=0)] = 0,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
) -> None:
    """Run one process in the foreground until SIGTERM; status 70 asks for a restart."""
    from pointsman.config_env import switch
    from pointsman.process_log import log_to_stderr

    log_to_stderr(stage, slot, debug=bool(switch(os.environ.get("ROUTING_DEBUG", ""))))
    if stage == "supervisor":
        from deploy.run_dir import RunDir
        from deploy.supervisor import Supervisor

        folder = RunDir(run_dir)
        folder.create()
        raise typer.Exit(Supervisor(folder, folder.read_options()).run())
    if stage not in STAGES:
        raise CliError(f"there is no stage {stage!r} (there are: {', '.join(STAGES)})", code=ExitCode.USAGE)
    raise typer.Exit(_run_stage(stage, slot))


def _run_stage(stage: str, slot: int) -> int:
    import structlog

    from pointsman.error_reports import report, switch_on
    from streams.settings import Settings

    log = structlog.get_logger()
    stop = threading.Event()
    _stop_on_signals(stop)
    switch_on(stage)
    try:
        importlib.import_module(STAGES[stage]).run(Settings(), slot, stop)
    except Exception as error:  # the boundary of the process: the supervisor starts it again
        log.exception("stage failed")
        report(error)
        return STAGE_FAILED
    log.info("stage ended")
    return ExitCode.OK


def _stop_on_signals(stop: threading.Event) -> None:
    """The first SIGTERM or SIGINT asks for an orderly end, a second one ends at once."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            sys.stderr.flush()
            os._exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
