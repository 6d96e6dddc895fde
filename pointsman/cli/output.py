"""Data goes to stdout as a table, one JSON document or one JSON object per line; everything else goes to stderr."""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any

import typer


class Output(StrEnum):
    """Forms of the data on stdout."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


_chosen = {"output": Output.TABLE}


def chosen() -> Output:
    """Return what this command was asked for; errors take the same form."""
    return _chosen["output"]


def remember(value: Output) -> Output:
    """Keep the form of this command's data, for its errors; return it."""
    _chosen["output"] = value
    return value


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Form of the data.", callback=remember)]
"""Annotate a command's `output` parameter with it, default `Output.TABLE`."""


Progress = Callable[[str], None]
"""Call it with what happens now."""


def emit_rows(rows: Iterable[Mapping[str, Any]], output: Output, columns: Sequence[str] = (), title: str = "") -> None:
    """Print rows; `columns` chooses and orders the columns of the table, JSON has everything."""
    if output is Output.JSONL:
        for row in rows:
            print(json.dumps(dict(row), default=str, ensure_ascii=False), flush=True)
        return
    everything = [dict(row) for row in rows]
    if output is Output.JSON:
        print(json.dumps(everything, default=str, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(columns) or list(everything[0] if everything else [])
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in everything:
        table.add_row(*(Text(_cell(row.get(name))) for name in names))
    wide = None if sys.stdout.isatty() else 200
    Console(width=wide).print(table)


def emit_object(values: Mapping[str, Any], output: Output) -> None:
    """Print one object: `name  value` lines, or JSON."""
    if output is Output.JSON:
        print(json.dumps(dict(values), default=str, ensure_ascii=False, indent=2))
    elif output is Output.JSONL:
        print(json.dumps(dict(values), default=str, ensure_ascii=False))
    else:
        width = max((len(name) for name in values), default=0)
        for name, value in values.items():
            print(f"{name.replace('_', ' '):<{width}}  {_cell(value)}")


def print_labelled(lines: Iterable[tuple[str, str]]) -> None:
    """Print (label, text) as two columns; a label that repeats the one above is left out, an empty line stays empty."""
    rows = list(lines)
    width = max((len(label) for label, _ in rows), default=0)
    above = ""
    for label, text in rows:
        print(f"{'' if label == above else label:<{width}}  {text}".rstrip())
        above = label


def note(message: str) -> None:
    """Tell the user something that is not data."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def progress(first: str) -> Generator[Progress]:
    """Show what happens now: a spinner on a terminal, plain lines elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        told: list[str] = []

        def tell(message: str) -> None:
            topic = message.partition(":")[0]
            if topic not in told:
                told.append(topic)
                note(f"  {message}")

        tell(first)
        yield tell
        return
    from rich.console import Console

    with Console(stderr=True).status(first) as status:
        yield status.update


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return str(value)
