"""`predictor train`: what the log's own outcomes teach, published where a later part of them bears it out."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.config import APPLY_SECONDS, TimeoutOption, publish_and_wait
from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption, emit_object, note, progress
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption

if TYPE_CHECKING:
    from analytics.evaluation.history import Judged
    from pointsman.config_store import Store
    from pointsman.history import History
    from pointsman.history_lessons import Lessons
    from routing.tenant_policy import TenantPolicy
    from schemas.control import ConfigDocument
    from streams.settings import Settings

DaysOption = Annotated[int | None, typer.Option(min=1, help="Only decisions of the last so many days.")]
SeedOption = Annotated[int, typer.Option(help="Of the intervals.")]


def train(
    name: Annotated[str, typer.Option(help="Of the predictor; policies name it.")],
    tenant: TenantOption = DEFAULT_TENANT,
    days: DaysOption = None,
    seed: SeedOption = 0,
    catalog: Annotated[str, typer.Option(help="Name of the catalog document.")] = "models",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only judge; publish nothing.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until the router uses it on every partition.")] = True,
    timeout: TimeoutOption = APPLY_SECONDS,
    comment: Annotated[str | None, typer.Option(help="Why; kept with the event.")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Learn a predictor from a tenant's past decisions and ratings; publish it if later decisions bear it out.

    Exit status 6 where they do not: then nothing is published, and the answer says what is missing.
    """
    from analytics.evaluation.history import judge
    from pointsman.config_store import read_store
    from pointsman.history_lessons import lessons_of

    settings = connect(run_dir)
    with progress("reading the configuration of the log") as tell:
        store = read_store(settings)
        policy = policy_of(store, tenant)
        history = read(settings, tenant, days, tell)
        lessons = lessons_of(history, policy)
        tell("learning from the earlier part, judging on the later")
        judged = judge(lessons.logged, lessons.believed, seed)
    published = None
    if judged.verdict == "better":
        documents = _documents(judged, lessons, name, store, catalog, f"--tenant {tenant} --seed {seed}")
        published = [document.document_key for document in documents]
        if documents and not dry_run:
            publish_and_wait(settings, documents, comment, timeout if wait else 0.0)
    emit_object(_row(judged, lessons, published, dry_run=dry_run), output)
    if judged.verdict != "better":
        note(advice(judged))
        raise typer.Exit(ExitCode.FINDINGS)


def policy_of(store: "Store", tenant: str) -> "TenantPolicy":
    """Return what decides for a tenant now; raise `CliError` where its documents are not all there."""
    from routing.catalog import compile_config

    config = compile_config({event.key: event.document for event in store.published.values()})
    policy = config.tenant(tenant)
    if policy is None:
        raise CliError(f"no complete set of documents for tenant {tenant}", "pointsman config show", ExitCode.NOT_FOUND)
    return policy


def read(settings: "Settings", tenant: str, days: int | None, tell: Any) -> "History":
    """Return the history of the last so many days, or all of it."""
    from pointsman.history import read_history

    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    return read_history(settings, tenant, since, tell)


def advice(judged: "Judged") -> str:
    """Return what is missing, for people."""
    if judged.verdict == "no overlap":
        return (
            f"cannot tell: {judged.why}. A router that explores (policy: exploration) draws other models now and then "
            "and records with which probability; answers need ratings or other outcomes"
        )
    if judged.more is None:
        return f"cannot tell: {judged.why}, and the estimate is no gain either"
    return f"cannot tell: {judged.why}. About {judged.more:,} further such decisions would tell a lift of this size"


def _documents(
    judged: "Judged", lessons: "Lessons", name: str, store: "Store", catalog: str, options: str
) -> "list[ConfigDocument]":
    from analytics.evaluation.history import retrained
    from pointsman.predictor_documents import named, predictor_documents, to_publish
    from routing.references import NameTable
    from schemas.control_catalog import CatalogDocument

    listed = store.document("catalog", catalog)
    if not isinstance(listed, CatalogDocument):
        raise CliError(f"no catalog {catalog}", "pointsman config show catalog", ExitCode.NOT_FOUND)
    command = f"pointsman predictor train --name {name} {options}"
    with progress("training on all of it"):
        model = retrained(judged, {**lessons.facts(judged.used), "metrics": judged.metrics(), "command": command})
    naming = named(model.models, {}, NameTable(listed))
    if naming.unknown:
        note(f"left out, no model of catalog {catalog}: {', '.join(naming.unknown)}")
    if not naming.models:
        raise CliError(f"catalog {catalog} knows none of the models", "pointsman models", ExitCode.USAGE)
    return to_publish(predictor_documents(model, name, naming, 0.0, 1.0), store)


def _row(judged: "Judged", lessons: "Lessons", published: list[str] | None, *, dry_run: bool) -> dict[str, Any]:
    figures = {f"reward_{rule}": _shown(value) for rule, value in judged.values.items()}
    lifts = {f"lift_over_{rule}": _shown(lift) for rule, lift in judged.lifts.items()}
    return {
        "verdict": judged.verdict,
        "why": judged.why,
        **lessons.counts,
        "used": len(judged.used),
        "models": list(judged.used.models),
        "judged_on": judged.later,
        "effective_size": round(judged.size, 1),
        **figures,
        **lifts,
        "more_decisions_needed": judged.more,
        "published": None if dry_run else published,
    }


def _shown(found: Any) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
