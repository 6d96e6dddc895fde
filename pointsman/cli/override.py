from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json
from pointsman.cli.output import Output, OutputOption, note, progress

if TYPE_CHECKING:
    from pointsman.story import Story
    from streams.settings import Settings

TenantOfIdOption = Annotated[
    str | None, typer.Option("--tenant", "-t", help="Tenant.", show_default="that of the request")
]


def register(app: typer.Typer) -> None:
    """Add `override` and `rate`."""
    app.command("override")(override)
    app.command("rate")(rate)


def override(
    model: Annotated[str, typer.Argument(help="The model to use instead; auto lifts an override.")],
    request: Annotated[str | None, typer.Option(help="For this request (or decision) id only.")] = None,
    conversation: Annotated[str | None, typer.Option(help="For the rest of this conversation.")] = None,
    area: Annotated[str | None, typer.Option(help="For this area.")] = None,
    space: Annotated[str | None, typer.Option(help="For this space.")] = None,
    always: Annotated[bool, typer.Option("--always", help="Always, for --user.")] = False,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Whose wish it is.")] = None,
    tenant: TenantOfIdOption = None,
    reason: Annotated[str | None, typer.Option(help="Why; kept with the event.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the router's answer.")] = 30.0,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Use another model: for a request, a conversation, an area, a space or always. Exit status 1 when refused."""
    targets = {"request": request, "conversation": conversation, "area": area, "space": space}
    chosen = [scope for scope, target in targets.items() if target is not None] + (["always"] if always else [])
    if len(chosen) != 1:
        raise CliError(
            "an override is for one of --request, --conversation, --area, --space or --always",
            f"pointsman override {model} --request ID",
            ExitCode.USAGE,
        )
    settings = connect(run_dir)
    fields: dict[str, Any] = {"scope": chosen[0], "model": model, "user": user, "reason": reason}
    if request is not None:
        story = _story(settings, request, tenant)
        tenant = story.tenant
        fields |= {"request_id": story.request_id, **_decision_facts(story), "user": user or _user(story)}
    else:
        fields |= {"conversation_id": conversation, "area": area, "space": space}
    if tenant is None:
        raise CliError("whose override is it?", "name the tenant: --tenant NAME", ExitCode.USAGE)
    from pointsman.client import Client
    from schemas.override import OverrideApplied

    with Client(settings) as client, progress("waiting for the router's answer"):
        answer = client.override_answer(client.override(tenant=tenant, **fields), timeout)
    verdict = type(answer).__name__.removeprefix("Override").replace("TooLate", "too late").lower()
    if output is Output.TABLE:
        print(f"{verdict}: {answer.reason}")
    else:
        emit_json(answer, output)
    if not isinstance(answer, OverrideApplied):
        raise typer.Exit(ExitCode.ERROR)


def rate(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A request or decision id.")],
    rating: Annotated[float, typer.Argument(min=0, max=1, help="0 (useless) to 1 (perfect).")],
    user: Annotated[str | None, typer.Option("--user", "-u", help="Who rates.", show_default="who asked")] = None,
    tenant: TenantOfIdOption = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Rate the answer to a request; the rating moves the user's preferences and the model's statistics."""
    from pointsman.client import Client

    settings = connect(run_dir)
    story = _story(settings, id_, tenant)
    facts = _decision_facts(story)
    if "from_model" not in facts:
        raise CliError(f"request {story.request_id} has no decision to rate", f"pointsman explain {id_}")
    with Client(settings) as client:
        rated = client.rate(
            tenant=story.tenant,
            rating=rating,
            request_id=story.request_id,
            user=user or _user(story),
            conversation_id=facts.get("conversation_id"),
            decision_id=facts["decision_id"],
            model=_answered_by(story) or facts["from_model"],
            task_type=facts["task_type"],
            space=facts.get("space"),
        )
    if output is Output.TABLE:
        note(f"rated {rating:g}. Next: pointsman preferences show --tenant {story.tenant}")
        print(rated)
    else:
        emit_json({"id": rated, "request_id": story.request_id, "rating": rating}, output)


def _story(settings: "Settings", id_: str, tenant: str | None) -> "Story":
    from pointsman.log_reader import LogReader
    from pointsman.story import find

    with LogReader(settings) as reader, progress("looking it up") as tell:
        story = find(reader, id_, tenant, tell)
    if story is None:
        raise CliError(f"no request or decision {id_} in the log", "pointsman tail decisions", ExitCode.NOT_FOUND)
    return story


def _decision_facts(story: "Story") -> dict[str, Any]:
    """Return what feedback needs of the newest decision, so that it needs no join."""
    from schemas.decision import DecisionMade

    decisions = [event for event in story.events(DecisionMade) if isinstance(event, DecisionMade)]
    if not decisions:
        return {}
    newest = decisions[-1]
    facts = {
        "decision_id": newest.id,
        "from_model": newest.model,
        "task_type": newest.task_type,
        "conversation_id": newest.conversation_id,
        "space": newest.space,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _user(story: "Story") -> str | None:
    return next((entry.event.user for entry in story.entries if entry.event and entry.event.user), None)


def _answered_by(story: "Story") -> str | None:
    from schemas.result import FinalResult

    return next((event.model for event in story.events(FinalResult) if isinstance(event, FinalResult)), None)
