from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_rows, note
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption
from pointsman.cli.tenant_edit import TenantEdit

if TYPE_CHECKING:
    from schemas.control_tenant import TenantDocument


DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would be published.")]


def set_weight(
    term: Annotated[str, typer.Argument(help="capability, cost, quality, latency, history, or an own dimension.")],
    value: Annotated[float, typer.Argument(min=0, max=1, help="Its weight, 0 to 1.")],
    tenant: TenantOption = DEFAULT_TENANT,
    dry_run: DryRunOption = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Set one weight of a tenant's score; the others are scaled so that all sum to 1, and the command says how."""
    edit = TenantEdit(connect(run_dir), tenant)
    changes, said = _own_dimension(edit, term, value) if term in edit.document.dimensions else _term(edit, term, value)
    note(said)
    key = edit.publish(changes, f"config set-weight {term} {value:g}", timeout, dry_run=dry_run)
    emit_rows([{"document": key, **shares(edit, changes)}], output)


def _term(edit: TenantEdit, term: str, value: float) -> tuple[dict[str, Any], str]:
    from routing.score import set_weight as scaled

    try:
        weights, said = scaled(_weights(edit), term, value)
    except ValueError as error:
        own = f", or one of its dimensions: {', '.join(edit.document.dimensions)}" if edit.document.dimensions else ""
        raise CliError(f"{error}{own}", "pointsman config set-weight cost 0.3", ExitCode.USAGE) from error
    return {"weights": weights}, said


def _own_dimension(edit: TenantEdit, name: str, value: float) -> tuple[dict[str, Any], str]:
    dimensions = {
        one: dimension.model_dump(mode="json", exclude_unset=True)
        for one, dimension in edit.document.dimensions.items()
    }
    before = edit.document.dimensions[name].weight or 0.0
    dimensions[name]["weight"] = value or None
    others = sum(one.weight or 0 for key, one in edit.document.dimensions.items() if key != name)
    return (
        {"dimensions": dimensions},
        f"{name} {before:g} -> {value:g}; the router's five terms share the other {1 - others - value:g}",
    )


def _weights(edit: TenantEdit) -> dict[str, float]:
    """Return the weights that hold now: the tenant's own, else its router's."""
    from schemas.control_policy import PolicyDocument

    if edit.document.weights:
        return {str(name): weight for name, weight in edit.document.weights.items()}
    name, _, version = edit.document.policy.partition("@")
    event = edit.store.published.get(f"policy/{name}@{version}") if version else None
    policy = event.document if event is not None else edit.store.document("policy", name)
    if not isinstance(policy, PolicyDocument):
        raise CliError(f"tenant {edit.document.name} names no policy of the log", "pointsman config show policy")
    return policy.weights.model_dump()


def shares(edit: TenantEdit, changes: dict[str, Any]) -> dict[str, float]:
    """Return every term's share of the score once ``changes`` hold."""
    document: TenantDocument = edit.document
    weights = changes.get("weights") or _weights(edit)
    own = changes.get("dimensions") or {
        name: {"weight": dimension.weight} for name, dimension in document.dimensions.items()
    }
    extra = {name: float(dimension.get("weight") or 0) for name, dimension in own.items()}
    left = 1 - sum(extra.values())
    return {name: round(weight * left, 6) for name, weight in weights.items()} | extra
