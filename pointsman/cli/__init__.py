"""The command line. Each file of this folder named in `COMMANDS` has `register(app)` and adds its commands there."""

import importlib
import os
import sys

import typer

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.errors import explain as known_error

COMMANDS = (
    "demo",
    "lifecycle",
    "status",
    "doctor",
    "logs",
    "clean",
    "submit",
    "tail",
    "explain",
    "rules",
    "override",
    "preferences",
    "config",
    "budget",
    "space",
    "area",
    "settings",
    "plan",
    "models",
    "clusters",
    "topology",
    "sql",
    "report",
    "dlq",
    "replay",
    "evaluate",
    "predictor",
    "run",
)

EPILOG = (
    "Exit status: 0 ok, 1 error, 2 usage, 3 not found, 4 no permission, 5 backend unreachable, "
    "6 finished with findings, 130 interrupted."
)


def build_app() -> typer.Typer:
    """Return the application with the commands of every file; they import what they need only when they run."""
    app = typer.Typer(
        name="pointsman",
        help="Routes every AI call to the model that should serve it, over an event log on Kafka.",
        epilog=EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_global_options)
    for name in COMMANDS:
        importlib.import_module(f"pointsman.cli.{name}").register(app)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"pointsman {version('pointsman')}")
        raise typer.Exit


def _global_options(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", callback=_version),
) -> None:
    """Hold what comes before the command."""


def main() -> None:
    """Run the command line: what a user can mend is explained, anything else is reported and ends with status 1."""
    try:
        build_app()()
    except SystemExit:
        _flush()
        raise
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:  # the boundary of the process
        known = known_error(error)
        if known is None:
            from pointsman.error_reports import report

            report(error)
            known = CliError(
                f"unexpected {type(error).__name__}: {error}",
                "please report it with the output of the same command under POINTSMAN_DEBUG=1",
            )
            if os.environ.get("POINTSMAN_DEBUG"):
                raise
        known.show()
        sys.exit(known.code)


def _flush() -> None:
    """Write what is left; a reader that has seen enough (`| head`) is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
