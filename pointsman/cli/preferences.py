from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress
from pointsman.cli.submit import DEFAULT_TENANT, TenantOption

if TYPE_CHECKING:
    from schemas.control_preferences import Preferences
    from streams.settings import Settings


def register(app: typer.Typer) -> None:
    """Add `preferences` with its commands."""
    preferences = typer.Typer(
        help="What was learned from people's behaviour: see it, make it forgotten.", no_args_is_help=True
    )
    preferences.command("show")(show)
    preferences.command("reset")(reset)
    app.add_typer(preferences, name="preferences")


def show(
    user: Annotated[
        str | None, typer.Option("--user", "-u", help="A user.", show_default="the space or organisation")
    ] = None,
    space: Annotated[str | None, typer.Option(help="In this space.", show_default="in none")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the score of each model as a decision would read it now, the evidence, and which level said what."""
    from datetime import UTC, datetime

    from pointsman.lines import said_words
    from pointsman.log_reader import LogReader
    from pointsman.preferences import Asked, moved_words, read_book, shown
    from schemas import topics
    from schemas.decision import LevelSaid
    from schemas.partition import partition_for

    settings = connect(run_dir)
    with progress("reading the preferences"):
        policy = _policy(settings, tenant)
        with LogReader(settings) as reader:
            partition = partition_for(tenant, reader.partitions(topics.PREFERENCES))
        book = read_book(settings, (topics.PREFERENCES, partition), tenant)
    rows = shown(book, Asked(tenant, user, space), policy, datetime.now(UTC))
    if output is not Output.TABLE:
        emit_rows(rows, output)
        return
    if not rows:
        note("nothing was learned yet. People override and rate: pointsman override, pointsman rate")
    table = [
        {
            "model": row["model"],
            "score": f"{row['score']:.2f}",
            "evidence": ", ".join(f"{level} {amount:.1f}" for level, amount in row["evidence"].items()) or "-",
            "moved_by": moved_words(row["moved_by"]),
            "says": said_words({level: LevelSaid(**one) for level, one in row["levels"].items()}),
        }
        for row in rows
    ]
    emit_rows(table, output, ("model", "score", "evidence", "moved_by", "says"))


def _policy(settings: "Settings", tenant: str) -> "Preferences":
    from pointsman.config_store import read_store
    from routing.catalog import compile_config

    compiled = compile_config({key: event.document for key, event in read_store(settings).published.items()})
    policy = compiled.tenant(tenant)
    if policy is None:
        raise CliError(f"no tenant {tenant}", "pointsman config show tenant", ExitCode.NOT_FOUND)
    return policy.settings.preferences


def reset(
    user: Annotated[str, typer.Option("--user", "-u", help="Whose behaviour is forgotten.")],
    model: Annotated[str | None, typer.Option(help="About this model only.", show_default="all")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait until it holds.")] = 30.0,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Forget what a user's behaviour said about models, in every row where it counted; returns when that holds."""
    from pointsman.client import SOURCE, new_id, now
    from pointsman.preferences import forget
    from schemas.preference import PreferenceReset

    event = PreferenceReset(id=new_id(), tenant=tenant, occurred_at=now(), source=SOURCE, user=user, model=model)
    settings = connect(run_dir)
    with progress("waiting until it is forgotten"):
        forget(settings, event, timeout)
    if output is Output.TABLE:
        note(f"forgotten: what {user} said about {model or 'all models'}. Ratings and overrides stay in the log")
    else:
        emit_json(event, output)
