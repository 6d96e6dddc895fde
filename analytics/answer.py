"""The answer to a query: columns and rows, the same from chDB and from a server."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

ANSWER_SETTINGS: Final[dict[str, Any]] = {
    # Money travels as text: a JSON number would become a float.
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_denormals": 0,
}
"""How an engine has to write the JSON that `decode` reads."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns in order with their ClickHouse types, and rows of plain values.

    Money is `decimal.Decimal`, times are text as ClickHouse writes them (UTC), NULL is None.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def dicts(self) -> list[dict[str, Any]]:
        """Return the rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def decode(body: bytes) -> Answer:
    """Return the answer from ClickHouse's JSONCompact; a control statement answers nothing."""
    if not body.strip():
        return Answer((), (), [])
    parsed = orjson.loads(body)
    types = tuple(str(column["type"]) for column in parsed["meta"])
    converters = [_converter(type_) for type_ in types]
    rows = [tuple(convert(value) for convert, value in zip(converters, row, strict=True)) for row in parsed["data"]]
    return Answer(tuple(str(column["name"]) for column in parsed["meta"]), types, rows)


def _converter(type_: str) -> Callable[[Any], Any]:
    bare = type_.removeprefix("LowCardinality(").removeprefix("Nullable(")
    if bare.startswith("Decimal"):
        return lambda value: None if value is None else Decimal(value)
    return lambda value: value
