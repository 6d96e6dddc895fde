from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json, jsonable
from pointsman.cli.output import Output, OutputOption
from pointsman.cli.stories import past_of, story_of
from pointsman.cli.submit import DEFAULT_TENANT

if TYPE_CHECKING:
    from pathlib import Path

    from pointsman.story import Story

_CONTENT = ("prompt", "messages", "payload", "attachments", "tool_definitions", "content", "tool_calls")


def register(app: typer.Typer) -> None:
    """Add `explain`."""
    app.command("explain")(explain)


def explain(
    id_: Annotated[str | None, typer.Argument(metavar="ID", help="A request id or a decision id.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Its tenant, if known: searches faster.")] = None,
    content: Annotated[bool, typer.Option("--content", help="Show prompt and answer too.")] = False,
    why_not: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Why not this model, and what would have chosen it.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="With --why-not, instead of an id: a prompt nobody sent, of --tenant.")
    ] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show why a request went where it went: candidates, vetoes, money, calls, result; from the log itself."""
    from pointsman.explanation import lines

    if (id_ is None) == (prompt is None) or (prompt is not None and why_not is None):
        hint = 'pointsman explain ID, or: pointsman explain --prompt "..." --why-not MODEL'
        raise CliError("explain what: one ID, or --prompt with --why-not", hint, ExitCode.USAGE)
    if why_not is not None:
        _why_not(run_dir, id_, tenant, prompt, why_not, output)
        return
    story = story_of(connect(run_dir), id_ or "", tenant)
    if output is Output.TABLE:
        for line in lines(story, content=content):
            print(line)
    elif output is Output.JSONL:
        for entry in _entries(story, content=content):
            emit_json(entry, output)
    else:
        emit_json(_document(story, content=content), output)


def _why_not(
    run_dir: "Path", id_: str | None, tenant: str | None, prompt: str | None, model: str, output: Output
) -> None:
    from pointsman.cli.why_not import show_why_not

    if id_ is not None:
        past = past_of(run_dir, id_, tenant)
        show_why_not(past.case, model, output, past.notes)
        return
    from pointsman.cli.hypothetical import hypothetical

    show_why_not(hypothetical(run_dir, tenant or DEFAULT_TENANT, {"prompt": prompt}), model, output)


def _entries(story: "Story", *, content: bool) -> list[dict[str, Any]]:
    return [
        {
            "topic": entry.record.topic,
            "partition": entry.record.partition,
            "offset": entry.record.offset,
            "timestamp_ms": entry.record.timestamp_ms,
            "event": _without_content(entry.event, content=content),
        }
        for entry in story.entries
    ]


def _without_content(event: object, *, content: bool) -> object:
    value = jsonable(event)
    return value if content or not isinstance(value, dict) else {k: v for k, v in value.items() if k not in _CONTENT}


def _document(story: "Story", *, content: bool) -> dict[str, Any]:
    from schemas.decision import DecisionMade, RequestRefused
    from schemas.result import FinalResult, RejectedNotice

    decisions = story.events(DecisionMade, RequestRefused)
    results = story.events(FinalResult, RejectedNotice)
    return {
        "request_id": story.request_id,
        "tenant": story.tenant,
        "partition": story.partition,
        "status": getattr(results[0], "status", None) if results else "pending",
        "because": getattr(decisions[-1], "reason", None) if decisions else None,
        "decision": jsonable(decisions[-1]) if decisions else None,
        "result": _without_content(results[0], content=content) if results else None,
        "events": _entries(story, content=content),
    }
