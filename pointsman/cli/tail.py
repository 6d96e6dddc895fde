import re
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.context import DEFAULT_RUN_DIR, RunDirOption, connect
from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.output import Output, OutputOption

if TYPE_CHECKING:
    from pointsman.log_reader import LogReader
    from schemas.record import Record
    from streams.log_reader import Place

_AGO = re.compile(r"^-?(\d+)(s|m|h|d)$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TOKEN = re.compile(r"%(?:h\{([^}]*)\}|([%sSkKtpoTh]))")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", "\\0": "\0"}


def register(app: typer.Typer) -> None:
    """Add `tail`."""
    app.command("tail")(tail)


def tail(
    topics: Annotated[
        list[str], typer.Argument(help="Topics, e.g. decisions results; `pointsman topology` lists them.")
    ],
    start: Annotated[
        str, typer.Option("--from", help="beginning, end, offset:N, a time (2026-01-31T12:00), or how long ago (10m).")
    ] = "end",
    template: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="As in kcat: %s value, %k key, %t topic, %p partition, %o offset, %T time (ms), %S %K lengths, "
            "%h headers, %h{NAME} one header, \\n \\t.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="End after this many records.")] = None,
    partition: Annotated[int | None, typer.Option("--partition", "-p", min=0, help="This partition only.")] = None,
    key: Annotated[str | None, typer.Option("--key", "-k", help="Records of this key (tenant) only.")] = None,
    at_end: Annotated[bool, typer.Option("--exit", "-e", help="End when the end of the topics is reached.")] = False,
    run_dir: RunDirOption = DEFAULT_RUN_DIR,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read topics without a group, committed records only, until Ctrl-C (or --exit, --limit)."""
    from pointsman.log_reader import LogReader

    printed = 0
    collected: list[dict[str, Any]] = []
    with LogReader(connect(run_dir)) as reader:
        places = [place for place in reader.places(*topics) if partition is None or place[1] == partition]
        if not places:
            raise CliError(f"there is no partition {partition}", "pointsman topology", ExitCode.NOT_FOUND)
        reader.assign(_starts(reader, places, start))
        while limit is None or printed < limit:
            records = reader.poll(0.2)
            for record in records:
                if key is not None and record.key != key.encode():
                    continue
                if output is Output.JSON:
                    collected.append(as_json(record))
                else:
                    _show(record, output, template)
                printed += 1
                if printed == limit:
                    break
            if at_end and reader.at_end and not records:
                break
    if output is Output.JSON:
        from pointsman.cli.output import emit_rows

        emit_rows(collected, output)


def _starts(reader: "LogReader", places: "list[Place]", start: str) -> "dict[Place, int]":
    if start == "end":
        return reader.ends(places)
    if start == "beginning":
        return reader.beginnings(places)
    if start.startswith("offset:") and start[7:].isdigit():
        return dict.fromkeys(places, int(start[7:]))
    return reader.offsets_at(places, instant_of(start, datetime.now(UTC)))


def instant_of(text: str, now: datetime) -> datetime:
    """Return the instant of ``10m`` (ago) or of an ISO time; a time without a zone is UTC."""
    if ago := _AGO.match(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise CliError(
            f"--from does not understand {text!r}",
            "--from beginning | end | offset:42 | 10m | 2026-01-31T12:00",
            ExitCode.USAGE,
        ) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def as_json(record: "Record") -> dict[str, Any]:
    """Return a record as JSON: position, time, key, headers, and the value (parsed where it is JSON)."""
    import json

    text = None if record.value is None else record.value.decode(errors="replace")
    try:
        value = None if text is None else json.loads(text)
    except ValueError:
        value = text
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "key": None if record.key is None else record.key.decode(errors="replace"),
        "headers": {name: content.decode(errors="replace") for name, content in record.headers},
        "value": value,
    }


def _show(record: "Record", output: Output, template: str | None) -> None:
    if template is not None:
        text = formatted(record, template)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    elif output is Output.JSONL:
        import json

        print(json.dumps(as_json(record), ensure_ascii=False), flush=True)
    else:
        time = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        key = (record.key or b"-").decode(errors="replace")
        print(f"{time} {place:<28} {key:<16} {_gist(record)}", flush=True)


def _gist(record: "Record") -> str:
    """Return type and request id; for decisions and results the sentence for people."""
    from pydantic import ValidationError

    from pointsman.lines import decision_line, result_line
    from schemas.decision import DecisionMade, RequestRefused
    from schemas.result import FinalResult

    type_ = record.header("ce_type") or "-"
    subject = record.header("ce_subject") or ""
    try:
        if type_ in {DecisionMade.TYPE, RequestRefused.TYPE}:
            model = DecisionMade if type_ == DecisionMade.TYPE else RequestRefused
            return f"{subject} {decision_line(model.model_validate_json(record.value or b''))}"
        if type_ == FinalResult.TYPE:
            return f"{subject} {result_line(FinalResult.model_validate_json(record.value or b''))}"
    except ValidationError:
        return f"{type_} {subject} (not readable by this version)"
    return f"{type_} {subject}"


def formatted(record: "Record", template: str) -> str:
    """Return the record in kcat's notation."""
    simple = {
        "%": "%",
        "t": record.topic,
        "p": str(record.partition),
        "o": str(record.offset),
        "T": str(record.timestamp_ms),
        "k": (record.key or b"").decode(errors="replace"),
        "K": str(-1 if record.key is None else len(record.key)),
        "s": (record.value or b"").decode(errors="replace"),
        "S": str(-1 if record.value is None else len(record.value)),
        "h": ",".join(f"{name}={value.decode(errors='replace')}" for name, value in record.headers),
    }
    unescaped = re.sub(r"\\[nrt0\\]", lambda match: _ESCAPES[match[0]], template)
    return _TOKEN.sub(lambda match: simple[match[2]] if match[2] else (record.header(match[1]) or ""), unescaped)
