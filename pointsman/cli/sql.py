import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

if TYPE_CHECKING:
    from analytics.answer import Answer

_EXAMPLE = 'pointsman sql "select * from v_model_summary"'


def register(app: typer.Typer) -> None:
    """Add `sql`."""
    app.command("sql")(sql)


def sql(
    statement: Annotated[str | None, typer.Argument(help="One reading statement; - or nothing reads stdin.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="NAME=VALUE for {NAME:Type}; may be repeated.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="CSV with a header line, as ClickHouse writes it.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask ClickHouse: read-only, through the recorder's door. `show tables` lists what there is."""
    from analytics.door_client import DoorClosedError, QueryError, query, query_bytes

    text = _read(statement)
    settings = connect(run_dir)
    values = _parameters(parameters or [])
    try:
        if csv:
            sys.stdout.buffer.write(query_bytes(settings, text, values, "csv"))
            sys.stdout.flush()
            return
        with progress("asking ClickHouse"):
            answer = query(settings, text, values)
    except QueryError as error:
        raise CliError(str(error), "pointsman sql 'show tables'", ExitCode.ERROR) from error
    except DoorClosedError as error:
        raise CliError(str(error), "pointsman status", ExitCode.UNREACHABLE) from error
    _show(answer, output)


def _show(answer: "Answer", output: Output) -> None:
    emit_rows(answer.dicts(), output, answer.columns)
    if output is Output.TABLE:
        note(f"{len(answer.rows)} row{'' if len(answer.rows) == 1 else 's'}")


def _read(statement: str | None) -> str:
    if statement is not None and statement != "-":
        return statement
    if statement is None and sys.stdin.isatty():
        raise CliError("no statement", _EXAMPLE, ExitCode.USAGE)
    return sys.stdin.read()


def _parameters(pairs: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise CliError(f"--param wants NAME=VALUE, not {pair!r}", code=ExitCode.USAGE)
        values[name] = value
    return values
