from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.events import emit_json, jsonable
from pointsman.cli.output import Output, OutputOption, emit_rows, note, progress

if TYPE_CHECKING:
    from schemas.dead_letter import DeadLetter
    from streams.settings import Settings

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the dead letter; the first characters suffice.")]


def register(app: typer.Typer) -> None:
    """Add `dlq` with its commands."""
    dlq = typer.Typer(
        help="Dead letters: records that were refused, each once, with reason and position.", no_args_is_help=True
    )
    dlq.command("list")(list_)
    dlq.command("show")(show)
    dlq.command("retry")(retry)
    app.add_typer(dlq, name="dlq")


def list_(
    topic: Annotated[str | None, typer.Option(help="Refused records of this topic only.")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the dead letters, newest last."""
    letters = _letters(connect(run_dir), topic)
    rows = ({**_row(letter), **(jsonable(letter) if output is not Output.TABLE else {})} for letter in letters)
    emit_rows(rows, output, ("id", "time", "position", "stage", "code", "reason"))
    if letters and output is Output.TABLE:
        note(f"Next: pointsman dlq show {letters[-1].id}")


def show(id_: IdArgument, run_dir: RunDirOption = DEFAULT_RUN_DIR, output: OutputOption = Output.TABLE) -> None:
    """Show a dead letter: why it was refused, where it lay, its headers and its value."""
    import base64

    letter = _one(connect(run_dir), id_)
    if output is not Output.TABLE:
        emit_json(letter, output)
        return
    for name, value in _row(letter).items():
        print(f"{name:<10}{value}")
    print(f"{'length':<10}{letter.value_length} bytes")
    for header, text in letter.original_headers.items():
        print(f"{'header':<10}{header}: {text}")
    if letter.value_base64 is None:
        note("the value was too large to keep" if letter.value_length else "the record had no value")
    else:
        print(base64.b64decode(letter.value_base64).decode(errors="backslashreplace"))


def retry(
    id_: IdArgument,
    value: Annotated[typer.FileText | None, typer.Option(help="Send this file instead of the refused value.")] = None,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish a dead letter's record again to its topic, with its key and headers, after the cause was mended."""
    import base64

    from pointsman.publisher import Publisher
    from schemas.record import Output as Written

    settings = connect(run_dir)
    letter = _one(settings, id_)
    if value is None and letter.value_base64 is None:
        raise CliError("the refused value is not kept, so it cannot be sent again", "give one: --value FILE")
    body = value.read().encode() if value is not None else base64.b64decode(letter.value_base64 or "")
    key = base64.b64decode(letter.key_base64).decode(errors="replace") if letter.key_base64 else letter.tenant
    headers = tuple((name, text.encode()) for name, text in letter.original_headers.items())
    publisher = Publisher(settings)
    partition, offset = publisher.publish(Written(letter.position.topic, key, body, headers))
    publisher.close()
    place = {"topic": letter.position.topic, "partition": partition, "offset": offset}
    if output is Output.TABLE:
        print(f"published to {letter.position.topic}[{partition}]@{offset}")
    else:
        emit_json(place, output)


def _letters(settings: "Settings", topic: str | None) -> "list[DeadLetter]":
    from pydantic import ValidationError

    from schemas.dead_letter import DeadLetter
    from schemas.topics import DEAD_LETTER_SOURCES
    from streams.log_reader import read_range

    sources = [source for source in DEAD_LETTER_SOURCES if topic in (None, source.name, source.dead_letters)]
    if not sources:
        known = ", ".join(source.name for source in DEAD_LETTER_SOURCES)
        raise CliError(f"{topic} has no dead letters; topics that have: {known}", code=ExitCode.NOT_FOUND)
    letters: dict[str, DeadLetter] = {}
    with progress("reading the dead letters"):
        for record in read_range(settings, {(source.dead_letters, 0): 0 for source in sources}):
            try:
                letter = DeadLetter.model_validate_json(record.value or b"")
            except ValidationError:
                note(f"{record.topic}@{record.offset} is no dead letter of this version")
                continue
            letters.setdefault(letter.id, letter)
    return sorted(letters.values(), key=lambda letter: letter.append_time_ms)


def _one(settings: "Settings", id_: str) -> "DeadLetter":
    found = [letter for letter in _letters(settings, None) if letter.id.startswith(id_)]
    if not found:
        raise CliError(f"no dead letter {id_}", "pointsman dlq list", ExitCode.NOT_FOUND)
    if len(found) > 1:
        raise CliError(f"{len(found)} dead letters begin with {id_}", "give more characters", ExitCode.USAGE)
    return found[0]


def _row(letter: "DeadLetter") -> dict[str, Any]:
    from schemas.envelope import at_ms

    position = letter.position
    return {
        "id": letter.id,
        "time": at_ms(max(letter.append_time_ms, 0)).isoformat(timespec="seconds"),
        "position": f"{position.topic}[{position.partition}]@{position.offset}",
        "stage": letter.stage,
        "code": letter.code.value,
        "reason": letter.reason,
        "tenant": letter.tenant,
    }
