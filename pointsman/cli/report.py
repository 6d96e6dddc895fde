from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

TenantOption = Annotated[str, typer.Option("--tenant", help="One tenant.", show_default="all")]


class Customer(StrEnum):
    """Whose spending a row is."""

    TENANT = "tenant"
    USER = "user"


def register(app: typer.Typer) -> None:
    """Add `report` with its commands."""
    reports = typer.Typer(help="What routing did and cost, from ClickHouse.", no_args_is_help=True)
    reports.command("shares")(shares)
    reports.command("spend")(spend)
    reports.command("effectiveness")(effectiveness)
    app.add_typer(reports, name="report")


def shares(
    tenant: TenantOption = "",
    task_type: Annotated[
        str, typer.Option("--task-type", help="One kind of work; all: the whole traffic; each: every kind.")
    ] = "all",
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show each model's share of decisions and, apart, of spending, beside the targets of its router."""
    kind = "" if task_type == "each" else task_type
    _show("shares", {"tenant": tenant, "task_type": kind}, run_dir, output)


def spend(
    tenant: TenantOption = "",
    month: Annotated[str, typer.Option("--month", help="YYYY-MM, UTC.", show_default="all")] = "",
    by: Annotated[Customer, typer.Option("--by", help="Whose spending a row is.")] = Customer.TENANT,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show what customers were charged by month; overhead is the part spent on choosing models."""
    hidden = () if by is Customer.USER else ("person",)
    _show("spend", {"tenant": tenant, "month": month, "by": by.value}, run_dir, output, hidden)


def effectiveness(
    tenant: TenantOption = "", run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE
) -> None:
    """Show how routing did by kind of work: overrides, failures, ratings with their response rate, estimates."""
    _show("effectiveness", {"tenant": tenant}, run_dir, output, ("failed", "regenerated", "degraded", "overhead"))


def _show(
    name: str, parameters: Mapping[str, str], run_dir: Path, output: Output, hidden: tuple[str, ...] = ()
) -> None:
    """Ask a named report; a table leaves ``hidden`` columns out and is written for people, JSON has all as it is."""
    from analytics.door_client import DoorClosedError, QueryError
    from analytics.reports.summary import report

    settings = connect(run_dir)
    try:
        with progress("asking ClickHouse"):
            answer = report(settings, name, parameters)
    except QueryError as error:
        raise CliError(str(error), "pointsman status", ExitCode.ERROR) from error
    except DoorClosedError as error:
        raise CliError(str(error), "pointsman status", ExitCode.UNREACHABLE) from error
    rows = answer.dicts()
    if output is Output.TABLE:
        rows = [{column: _readable(column, value) for column, value in row.items()} for row in rows]
    emit_rows(rows, output, [column for column in answer.columns if column not in hidden])
    if output is Output.TABLE and not rows:
        note("nothing recorded for it yet")


def _readable(column: str, value: Any) -> Any:
    """Return money to the hundredth of a cent, and shares of one in percent; confidence and ratings stay 0 to 1."""
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    if not isinstance(value, float):
        return value
    return f"{value:.2f}" if column in {"confidence", "rating", "predicted_quality"} else f"{100 * value:.1f} %"
