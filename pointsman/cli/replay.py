import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import ExitCode
from pointsman.cli.events import emit_json
from pointsman.cli.output import Output, OutputOption, note, progress

if TYPE_CHECKING:
    from streams.replay import Report

_EVERY = 0.5


def register(app: typer.Typer) -> None:
    """Add `replay` with its commands."""
    from pointsman.cli.replay_rescore import rescore

    replay = typer.Typer(help="History, computed again.", no_args_is_help=True)
    replay.command("verify")(verify)
    replay.command("rescore")(rescore)
    app.add_typer(replay, name="replay")


def verify(run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE) -> None:
    """Run the router over all of history again and compare every byte it wrote. Exit status 6 with differences."""
    from streams.replay import verify as run

    settings = connect(run_dir)
    begun = told = time.monotonic()
    with progress("replaying") as tell:

        def on_progress(report: "Report") -> None:
            nonlocal told
            if time.monotonic() - told > _EVERY:
                told = time.monotonic()
                tell(f"replayed {report.batches:,} batches, {report.decisions:,} decisions")

        report = run(settings, on_progress)
    body = {**asdict(report), "equal": report.equal, "seconds": round(time.monotonic() - begun, 1)}
    if output is not Output.TABLE:
        emit_json(body, output)
    else:
        for name in ("engine", "partitions", "batches", "requests", "decisions", "compared", "different", "seconds"):
            print(f"{name:<12}{body[name]}")
        for mismatch in report.mismatches:
            print(f"{mismatch.topic}[{mismatch.partition}]@{mismatch.offset} batch {mismatch.batch}: {mismatch.what}")
        for line in report.truncated:
            print(f"not replayed: {line}")
    note("byte for byte the same" if report.equal else "not shown to be the same")
    if report.other_engine_batches:
        note(f"{report.other_engine_batches} batches were written by another version of the router")
    if not report.equal:
        raise typer.Exit(ExitCode.FINDINGS)
