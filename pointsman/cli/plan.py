from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, emit_rows

if TYPE_CHECKING:
    from pointsman.config_store import Store
    from schemas.control_plan import PlanDocument


def register(app: typer.Typer) -> None:
    """Add `plan` with its commands."""
    plan = typer.Typer(help="Plans: what they include, and who has them.", no_args_is_help=True)
    plan.command("list")(list_)
    plan.command("show")(show)
    app.add_typer(plan, name="plan")


def list_(run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE) -> None:
    """List the plans and the tenants that have them, or whose requests may name them."""
    store = _store(run_dir)
    emit_rows(
        (_row(plan, store) for plan in _plans(store)),
        output,
        ("plan", "models", "daily", "monthly", "per_request", "tenants", "by_request"),
    )


def show(
    name: Annotated[str, typer.Argument(help="The plan.")],
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show one plan: models, caps, tiers, exploration, chain length, display level."""
    store = _store(run_dir)
    found = next((plan for plan in _plans(store) if plan.name == name), None)
    if found is None:
        raise CliError(f"no plan {name}", "pointsman plan list", ExitCode.NOT_FOUND)
    emit_object(_row(found, store), output)


def _store(run_dir: Any) -> "Store":
    from pointsman.config_store import read_store

    return read_store(connect(run_dir))


def _plans(store: "Store") -> "list[PlanDocument]":
    from schemas.control_plan import PlanDocument

    documents = [event.document for event in store.current.values()]
    return sorted((one for one in documents if isinstance(one, PlanDocument)), key=lambda one: one.name)


def _row(plan: "PlanDocument", store: "Store") -> dict[str, Any]:
    from pointsman.lines import dollars
    from schemas.control_tenant import TenantDocument

    tenants = [event.document for event in store.current.values() if isinstance(event.document, TenantDocument)]
    caps = {
        name: None if (cap := getattr(plan.budget, name)) is None else dollars(cap)
        for name in ("daily", "monthly", "per_request")
    }
    return {
        "plan": plan.reference,
        "description": plan.description,
        "models": list(plan.pool),
        **caps,
        "tiers": list(plan.tiers),
        "exploration": plan.exploration,
        "chain_length": plan.chain_length,
        "display": plan.display,
        "tenants": sorted(tenant.name for tenant in tenants if tenant.plan == plan.name),
        "by_request": sorted(tenant.name for tenant in tenants if plan.name in tenant.plans),
    }
