"""What most commands share: the option of the run folder, and the way to the Kafka of what runs there."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from streams.settings import Settings

RunDirOption = Annotated[
    Path,
    typer.Option("--run-dir", envvar="POINTSMAN_RUN_DIR", help="Folder of the run data.", file_okay=False),
]
"""Annotate a command's `run_dir` parameter with it, default `DEFAULT_RUN_DIR`."""
DEFAULT_RUN_DIR = Path(".pointsman")


def connect(run_dir: Path) -> "Settings":
    """Return the settings to reach what runs in `run_dir`; POINTSMAN_BOOTSTRAP in the environment goes first.

    Raise `CliError` (status 5) when nothing runs there.
    """
    from deploy.run_dir import RunDir
    from streams.settings import Settings

    folder = RunDir(run_dir)
    if os.environ.get("POINTSMAN_BOOTSTRAP"):
        return Settings(run_dir=folder.path)
    state = folder.owner()
    if state is None or not state.bootstrap:
        raise CliError(f"pointsman does not run in {folder.path}", "pointsman up", ExitCode.UNREACHABLE)
    return Settings(
        bootstrap=state.bootstrap,
        kafka=folder.read_options().kafka,
        run_dir=folder.path,
        simulated_port=state.simulated_port,
    )
