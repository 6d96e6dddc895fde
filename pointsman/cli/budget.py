from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption, publish_and_wait
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

if TYPE_CHECKING:
    from pointsman.spending import Spending
    from schemas.control_tenant import TenantDocument

NO_CAP = "none"
AmountOption = Annotated[str | None, typer.Option(help="Dollars, or none for no cap.", show_default="as it is")]


def register(app: typer.Typer) -> None:
    """Add `budget` with its commands."""
    budget = typer.Typer(help="Caps of tenants: what they are, and what is spent and held.", no_args_is_help=True)
    budget.command("show")(show)
    budget.command("set")(set_)
    app.add_typer(budget, name="budget")


def show(
    tenant: Annotated[str | None, typer.Argument(help="One tenant.", show_default="all")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show caps, spent and held dollars of the current day and month, folded from the log."""
    from datetime import UTC, datetime

    from pointsman.config_store import read_store
    from pointsman.log_reader import LogReader
    from pointsman.spending import read_spending
    from routing.catalog import compile_config
    from schemas import topics
    from schemas.envelope import to_ms

    settings = connect(run_dir)
    with progress("reading the configuration") as tell:
        compiled = compile_config({key: event.document for key, event in read_store(settings).published.items()})
        policies = {name: compiled.tenant(name) for name in compiled.tenants if tenant in (None, name)}
        if tenant is not None and tenant not in policies:
            raise CliError(f"no tenant {tenant}", "pointsman config show tenant", ExitCode.NOT_FOUND)
        budgets = {name: policy.budget for name, policy in policies.items() if policy is not None}
        tell("adding up the ledger")
        with LogReader(settings) as reader:
            partitions = reader.partitions(topics.LEDGER)
        spendings = read_spending(settings, partitions, budgets, to_ms(datetime.now(UTC)))
    rows = [row for spending in spendings for row in _rows(spending, budgets[spending.tenant].per_request, output)]
    emit_rows(rows, output, ("tenant", "window", "cap", "spent", "held", "left", "used", "until"))


def set_(
    tenant: Annotated[str, typer.Argument(help="The tenant.")],
    daily: AmountOption = None,
    monthly: AmountOption = None,
    per_request: AmountOption = None,
    timezone: Annotated[
        str | None, typer.Option(help="IANA zone of its days and months.", show_default="as it is")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Create the tenant.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")] = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Change caps: publish the next version of the tenant's document, and wait until every partition uses it."""
    from pointsman.config_store import read_store
    from schemas.control_tenant import Budget, TenantDocument

    settings = connect(run_dir)
    store = read_store(settings)
    before = store.document("tenant", tenant)
    if before is None and not new:
        raise CliError(f"no tenant {tenant}", f"create it: pointsman budget set {tenant} --new ...", ExitCode.NOT_FOUND)
    document = before if isinstance(before, TenantDocument) else TenantDocument(name=tenant)
    asked = {"daily": daily, "monthly": monthly, "per_request": per_request, "timezone": timezone}
    changes = {name: None if value == NO_CAP else value for name, value in asked.items() if value is not None}
    if not changes and before is not None:
        raise CliError("nothing to change", f"pointsman budget set {tenant} --daily 5", ExitCode.USAGE)
    budget = Budget.model_validate({**document.budget.model_dump(mode="json", exclude_none=True), **changes})
    changed = document.model_copy(update={"budget": budget, "version": store.next_version("tenant", tenant)})
    if not dry_run:
        publish_and_wait(settings, [changed], "budget set", timeout)
    else:
        note("not published")
    emit_rows([_caps(changed)], output)


def _caps(document: "TenantDocument") -> dict[str, Any]:
    from schemas.money import format_usd

    def text(pico: int | None) -> str | None:
        return None if pico is None else format_usd(pico).rstrip("0").rstrip(".")

    budget = document.budget
    return {
        "document": document.document_key,
        "daily": text(budget.daily),
        "monthly": text(budget.monthly),
        "per_request": text(budget.per_request),
        "timezone": budget.timezone,
    }


def _rows(spending: "Spending", per_request: int | None, output: Output) -> list[dict[str, Any]]:
    from pointsman.lines import dollars
    from schemas.money import format_usd

    money = dollars if output is Output.TABLE else format_usd
    rows: list[dict[str, Any]] = [
        {
            "tenant": spending.tenant,
            "window": line.window,
            "cap": money(line.cap),
            "spent": money(line.spent),
            "held": money(line.held),
            "left": money(max(line.cap - line.spent - line.held, 0)),
            "used": f"{(line.spent + line.held) * 100 // max(line.cap, 1)} %",
            "until": line.end.isoformat(timespec="minutes"),
            "blocked": spending.blocked,
        }
        for line in spending.lines
    ]
    if per_request is not None:
        rows.append({"tenant": spending.tenant, "window": "request", "cap": money(per_request)})
    return rows
