import shutil
import sys
from typing import Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, note


def register(app: typer.Typer) -> None:
    """Add `clean`."""
    app.command("clean")(clean)


def clean(
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete all run data: the local broker's events, ClickHouse data, logs."""
    from deploy.leftovers import leftovers
    from deploy.run_dir import RunDir

    folder = RunDir(run_dir)
    if not folder.path.exists():
        note(f"nothing to delete: {folder.path} does not exist")
        return
    state = folder.read_state()
    if folder.owner() is not None or (state and leftovers(state)):
        raise CliError(f"pointsman still runs in {folder.path}", "pointsman down")
    if not folder.lock_path.exists():
        raise CliError(f"{folder.path} is no run folder of pointsman: nothing deleted", code=ExitCode.NOT_FOUND)
    size = sum(path.lstat().st_blocks * 512 for path in folder.path.rglob("*") if path.is_file())
    facts = {"run_dir": str(folder.path), "mib": round(size / 1024 / 1024), "deleted": not dry_run}
    if not dry_run:
        if not yes:
            if not sys.stdin.isatty():
                raise CliError("deleting all run data needs a yes", "pointsman clean --yes", ExitCode.USAGE)
            typer.confirm(f"Delete {folder.path} ({facts['mib']} MiB) with all events and analytics?", abort=True)
        with folder.hold():
            shutil.rmtree(folder.path)
    emit_object(facts, output)
