from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.hypothetical import configuration
from pointsman.cli.models_probe import probe
from pointsman.cli.output import Output, OutputOption, emit_rows

if TYPE_CHECKING:
    from routing.catalog import CompiledConfig
    from schemas.control_catalog import Model
    from schemas.control_prices import Price
    from schemas.control_tenant import TenantDocument


def register(app: typer.Typer) -> None:
    """Add `models` with its commands; alone it lists."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(models)
    group.command("probe")(probe)
    app.add_typer(group, name="models")


def models(
    context: typer.Context,
    catalog: Annotated[str, typer.Option(help="Name of the catalog document.")] = "models",
    prices: Annotated[str, typer.Option(help="Name of the price book.")] = "current",
    maker: Annotated[str | None, typer.Option(help="Models of this maker only.")] = None,
    tenant: Annotated[
        str | None, typer.Option("--tenant", "-t", help="As this tenant sees them: its own models and prices, too.")
    ] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the models: abilities, speed, today's prices (dollars per million tokens), lifecycle, who serves them."""
    if context.invoked_subcommand is not None:
        return
    from datetime import UTC, datetime

    from schemas.control_catalog import CatalogDocument
    from schemas.control_prices import PricesDocument

    config = configuration(run_dir)
    seen = None if tenant is None else _tenant(config, tenant)
    if seen is not None:
        catalog, prices = seen.catalog, seen.prices
    listed = config.document("catalog", catalog)
    book = config.document("prices", prices)
    if not isinstance(listed, CatalogDocument):
        raise CliError(f"no catalog {catalog}", "pointsman config show catalog", ExitCode.NOT_FOUND)
    today = datetime.now(UTC)
    own, negotiated = (seen.models, seen.model_prices) if seen is not None else ((), {})
    rows: list[dict[str, Any]] = []
    for model in (*listed.models, *own):
        if maker in (None, model.maker):
            shared = book.prices.get(model.id, ()) if isinstance(book, PricesDocument) else ()
            valid = (*shared, *negotiated.get(model.id, ()))
            past = [price for price in valid if price.since_instant <= today]
            rows.append(_row(model, past[-1] if past else None))
    emit_rows(
        rows,
        output,
        (
            "model",
            "maker",
            "modalities",
            "tier",
            "input",
            "output",
            "context",
            "ttft_ms",
            "tokens_per_s",
            "state",
            "served_by",
        ),
    )


def _tenant(config: "CompiledConfig", name: str) -> "TenantDocument":
    from schemas.control_tenant import TenantDocument

    found = config.document("tenant", name)
    if not isinstance(found, TenantDocument):
        raise CliError(f"no tenant {name}", "pointsman config show tenant", ExitCode.NOT_FOUND)
    return found


def _row(model: "Model", price: "Price | None") -> dict[str, Any]:
    from schemas.money import format_usd

    def plain(pico: int) -> str:
        return format_usd(pico).rstrip("0").rstrip(".")

    return {
        "model": model.id,
        "name": model.name,
        "maker": model.maker,
        "modalities": sorted(model.modalities),
        "tier": model.cost_tier,
        "input": None if price is None else plain(price.input),
        "output": None if price is None else plain(price.output),
        "context": model.context_window,
        "ttft_ms": model.ttft_ms,
        "tokens_per_s": model.tokens_per_second,
        "vision": model.vision,
        "tools": model.tools,
        "capabilities": model.capabilities.model_dump(),
        "best_for": sorted(model.best_for),
        "state": model.lifecycle.state,
        "successor": model.lifecycle.successor,
        "served_by": [served.provider for served in model.served_by],
    }
