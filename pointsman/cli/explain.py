from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json, jsonable
from pointsman.cli.output import Output, OutputOption, progress

if TYPE_CHECKING:
    from pointsman.story import Story

_CONTENT = ("prompt", "messages", "payload", "attachments", "tool_definitions", "content", "tool_calls")


def register(app: typer.Typer) -> None:
    """Add `explain`."""
    app.command("explain")(explain)


def explain(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A request id or a decision id.")],
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Its tenant, if known: searches faster.")] = None,
    content: Annotated[bool, typer.Option("--content", help="Show prompt and answer too.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show why a request went where it went: candidates, vetoes, money, calls, result; from the log itself."""
    from pointsman.explanation import lines
    from pointsman.log_reader import LogReader
    from pointsman.story import find
    from pointsman.story_index import locate

    settings = connect(run_dir)
    with LogReader(settings) as reader, progress("looking it up") as tell:
        story = find(reader, id_, tenant, tell, locate(settings, id_))
    if story is None:
        raise CliError(
            f"no request or decision {id_} in the log" + (f" of tenant {tenant}" if tenant else ""),
            "pointsman tail decisions --from beginning --exit",
            ExitCode.NOT_FOUND,
        )
    if output is Output.TABLE:
        for line in lines(story, content=content):
            print(line)
    elif output is Output.JSONL:
        for entry in _entries(story, content=content):
            emit_json(entry, output)
    else:
        emit_json(_document(story, content=content), output)


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
