from typing import TYPE_CHECKING, Any

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, note, progress
from pointsman.cli.predictor_train import DaysOption, SeedOption, policy_of, read
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption
from pointsman.cli.tenant_edit import TenantEdit
from pointsman.cli.weights import DryRunOption

if TYPE_CHECKING:
    from analytics.evaluation.weights import JudgedWeights


def fit_weights(
    tenant: TenantOption = DEFAULT_TENANT,
    days: DaysOption = None,
    seed: SeedOption = 0,
    dry_run: DryRunOption = False,
    timeout: TimeoutOption = APPLY_SECONDS,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Learn a tenant's weights of the score from overrides and liked answers; publish them if later ones agree.

    Exit status 6 where they do not: then nothing is published, and the answer says what is missing.
    """
    import typer

    from analytics.evaluation.weights import judge_weights
    from routing.weights_training import pairs_of

    settings = connect(run_dir)
    edit = TenantEdit(settings, tenant)
    policy = policy_of(edit.store, tenant)
    with progress("reading the log") as tell:
        history = read(settings, tenant, days, tell)
        tell("learning from the earlier part, judging on the later")
        pairs = pairs_of(history.decisions, policy.settings.preferences.signals)
        judged = judge_weights(pairs, policy.weights, seed)
    published = None
    if judged.verdict == "better":
        published = edit.publish({"weights": dict(judged.weights)}, _comment(judged), timeout, dry_run=dry_run)
    emit_object(_row(judged, policy.weights, None if dry_run else published), output)
    if judged.verdict != "better":
        more = "" if judged.more is None else f". About {judged.more:,} further preferences would tell"
        note(f"cannot tell: {judged.why}{more}")
        raise typer.Exit(ExitCode.FINDINGS)


def _comment(judged: "JudgedWeights") -> str:
    gain = judged.gain
    figures = "" if gain is None else f", agreement {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    return f"config fit-weights: {judged.pairs} preferences{figures}"


def _row(judged: "JudgedWeights", current: Any, published: str | None) -> dict[str, Any]:
    figures = (("agreement_before", judged.before), ("agreement_after", judged.after), ("gain", judged.gain))
    return {
        "verdict": judged.verdict,
        "why": judged.why,
        "preferences": judged.pairs,
        "overrides": judged.overrides,
        **{
            name: None if value is None else f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
            for name, value in figures
        },
        **{f"weight_{term}": f"{current[term]:g} -> {weight:g}" for term, weight in judged.weights.items()},
        "more_preferences_needed": judged.more,
        "published": published,
    }
