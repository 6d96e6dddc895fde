from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, note, progress
from pointsman.cli.predictor_train import DaysOption, SeedOption, read
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption

if TYPE_CHECKING:
    from pointsman.rescoring import Rescoring

_MOVES = 10


def rescore(
    router: Annotated[str, typer.Option(help="NAME or NAME@VERSION of a router (policy) of the log.")],
    tenant: TenantOption = DEFAULT_TENANT,
    days: DaysOption = None,
    seed: SeedOption = 0,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Decide a tenant's past requests again under another router: what changes, what it costs, what it is worth.

    How good the new choices had been is told only where the log can speak for them; exit status 6 where it cannot.
    """
    from pointsman.config_store import read_store
    from pointsman.rescoring import NoRouterError, rescored, under
    from routing.catalog import compile_config

    settings = connect(run_dir)
    with progress("reading the configuration of the log") as tell:
        store = read_store(settings)
        try:
            policy = under(compile_config({e.key: e.document for e in store.published.values()}), tenant, router)
        except NoRouterError as error:
            raise CliError(str(error), "pointsman config show policy", ExitCode.NOT_FOUND) from None
        history = read(settings, tenant, days, tell)
        tell("deciding again")
        found = rescored(history.decisions, policy, seed)
    emit_object({"router": policy.policy, "text_gone": history.without_text, **_row(found)}, output)
    if found.worth.refusal is not None:
        note(f"no estimate of quality: {found.worth.refusal}")
        raise typer.Exit(ExitCode.FINDINGS)


def _row(found: "Rescoring") -> dict[str, Any]:
    from schemas.money import format_usd

    worth = found.worth
    shown = {
        name: None if value is None else f"{value.value:+.3f} [{value.low:+.3f}, {value.high:+.3f}]"
        for name, value in (
            ("reward_logged", worth.logged),
            ("reward", worth.reward),
            ("gain", worth.gain),
            ("reward_snips", worth.snips),
        )
    }
    return {
        "decisions": found.decisions,
        "changed": found.changed,
        "refused": found.refused,
        "decided_one_by_one": found.one_by_one,
        "estimated_cost_before": format_usd(found.cost_before),
        "estimated_cost_after": format_usd(found.cost_after),
        "moves": [f"{before} -> {after}: {count}" for before, after, count in found.moves[:_MOVES]],
        "rewarded": worth.rewarded,
        "covered_share": round(worth.covered, 3),
        "effective_size": round(worth.size, 1),
        **shown,
    }
