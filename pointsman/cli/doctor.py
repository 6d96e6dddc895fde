from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress


def register(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command("doctor")(doctor)


def doctor(
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Rewrite state and offsets of stopped routers from the journal."),
    ] = False,
) -> None:
    """Check the machine and what runs on it. Exit status 6 if something does not work."""
    if rebuild:
        _rebuild(run_dir, output)
        return
    from deploy.doctor import machine_checks
    from deploy.doctor_kafka import running_checks
    from deploy.run_dir import RunDir

    folder = RunDir(run_dir)
    with progress("looking at the machine") as tell:
        checks = machine_checks(folder, tell)
        tell("looking at what runs")
        checks += running_checks(folder)
    emit_rows([asdict(check) for check in checks], output, ("state", "name", "found", "next"))
    failed = sum(check.state == "fail" for check in checks)
    note(f"{failed} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks passed")
    if failed:
        raise typer.Exit(ExitCode.FINDINGS)


def _rebuild(run_dir: Path, output: Output) -> None:
    from pointsman.cli.context import connect
    from streams.rebuild import RebuildRefusedError, rebuild

    settings = connect(run_dir)
    with progress("replaying the journal") as tell:
        try:
            done = rebuild(settings, lambda report: tell(f"replayed {report.batches:,} batches"))
        except RebuildRefusedError as error:
            raise CliError(str(error), "pointsman replay verify", ExitCode.FINDINGS) from error
    rows = [asdict(item) for item in done]
    emit_rows(rows, output, ("partition", "batch", "keys", "deleted", "offsets"))
    note("the routers may start again")
