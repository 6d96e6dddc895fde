"""Kinds of columns: how a JSON value becomes a value ClickHouse certainly accepts, or is refused.

A reader never stops on a value: what does not fit its column becomes the column's neutral value, and where the column
is required, the whole row is left out (the record itself stays a row of ``events``).
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import orjson
import pyarrow as pa

from schemas.envelope import EPOCH

Json = dict[str, Any]
ArrowType = Any
"""A ``pyarrow.DataType``; pyarrow ships no type information."""
_MICROSECOND: Final = timedelta(microseconds=1)
_EVENT_MONEY: Final = re.compile(r"-?\d{1,6}(\.\d{1,12})?")
_SUM_MONEY: Final = re.compile(r"-?\d{1,20}(\.\d{1,12})?")
_TIME_RANGE: Final = (-2_000_000_000_000_000, 9_000_000_000_000_000)
"""1906 to 2255 in microseconds: inside what DateTime64(6) holds."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of column: its Arrow type, what a value becomes, and the neutral value when it cannot."""

    arrow: ArrowType
    convert: Callable[[Any], Any]
    """Return the column's value, or None when the JSON value does not fit."""
    neutral: Any
    wire: ArrowType | None = None
    """Type to build from Python first, where Arrow casts faster than Python converts."""


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _whole(low: int, high: int) -> Callable[[Any], int | None]:
    def convert(value: Any) -> int | None:
        return value if type(value) is int and low <= value <= high else None

    return convert


def _real(value: Any) -> float | None:
    if type(value) is float and math.isfinite(value):
        return value
    return float(value) if type(value) is int else None


def _truth(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _money(pattern: re.Pattern[str]) -> Callable[[Any], str | None]:
    def convert(value: Any) -> str | None:
        if type(value) is not str:
            # Clients may write an amount as a JSON number; an exponent (1e-07) has no place in a decimal column.
            if type(value) not in (int, float):
                return None
            value = f"{value:.12f}" if type(value) is float else str(value)
        return value if pattern.fullmatch(value) else None

    return convert


@lru_cache(maxsize=16_384)
def micros(text: str) -> int | None:
    """Return microseconds since 1970 of an ISO 8601 instant with offset; None for anything else."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            return None
        value = (instant - EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
    return value if _TIME_RANGE[0] < value < _TIME_RANGE[1] else None


def _time(value: Any) -> int | None:
    return micros(value) if type(value) is str else None


def _listed(convert: Callable[[Any], Any], neutral: Any) -> Callable[[Any], list[Any] | None]:
    def convert_all(values: Any) -> list[Any] | None:
        if type(values) is not list:
            return None
        return [neutral if (item := convert(value)) is None else item for value in values]

    return convert_all


def _as_json(value: Any) -> str | None:
    if value is None:
        return None
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nests deeper than the encoder goes, though not than the decoder
        return None


_DOLLARS = _money(_EVENT_MONEY)
_TOTAL = _money(_SUM_MONEY)
_INSTANT = pa.timestamp("us", "UTC")
_U32 = _whole(0, 2**32 - 1)
_U64 = _whole(0, 2**64 - 1)

TEXT: Final = Kind(pa.string(), _text, "")
TEXTS: Final = Kind(pa.list_(pa.string()), _listed(_text, ""), [])
JSON: Final = Kind(pa.string(), _as_json, "")
BYTES: Final = Kind(pa.binary(), lambda value: value if type(value) is bytes else None, b"")
BOOL: Final = Kind(pa.bool_(), _truth, neutral=False)
U8: Final = Kind(pa.uint8(), _whole(0, 255), 0)
U16: Final = Kind(pa.uint16(), _whole(0, 65_535), 0)
U32: Final = Kind(pa.uint32(), _U32, 0)
U64: Final = Kind(pa.uint64(), _U64, 0)
I64: Final = Kind(pa.int64(), _whole(-(2**63), 2**63 - 1), 0)
REAL: Final = Kind(pa.float64(), _real, 0.0)
REALS: Final = Kind(pa.list_(pa.float64()), _listed(_real, 0.0), [])
MONEY: Final = Kind(pa.decimal128(18, 12), _DOLLARS, "0", pa.string())
TIME: Final = Kind(_INSTANT, _time, 0)
TIMES: Final = Kind(pa.list_(_INSTANT), _listed(_time, 0), [])

MAYBE_U32: Final = Kind(pa.uint32(), _U32, None)
MAYBE_REAL: Final = Kind(pa.float64(), _real, None)
MAYBE_REALS: Final = Kind(pa.list_(pa.float64()), _listed(_real, None), [])
MAYBE_MONEY: Final = Kind(pa.decimal128(18, 12), _DOLLARS, None, pa.string())
MAYBE_TOTAL: Final = Kind(pa.decimal128(38, 12), _TOTAL, None, pa.string())
MAYBE_TOTALS: Final = Kind(pa.list_(pa.decimal128(38, 12)), _listed(_TOTAL, None), [], pa.list_(pa.string()))
MAYBE_TIME: Final = Kind(_INSTANT, _time, None)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, kind, and where its value lies (a dotted path, or a function of the event).

    ``required``: without a fitting value the row is left out.
    """

    name: str
    kind: Kind
    source: str | Callable[[Json], Any] = ""
    required: bool = False

    def reader(self) -> Callable[[Json], Any]:
        """Return the function from an event to this column's value; None where a required value is missing."""
        convert, neutral = self.kind.convert, None if self.required else self.kind.neutral
        if callable(self.source):
            derive = self.source
            return lambda event: neutral if (value := convert(derive(event))) is None else value
        path = (self.source or self.name).split(".")
        if len(path) == 1:
            name = path[0]
            return lambda event: neutral if (value := convert(event.get(name))) is None else value
        outer, inner = path

        def read(event: Json) -> Any:
            parent = event.get(outer)
            value = convert(parent.get(inner)) if type(parent) is dict else None
            return neutral if value is None else value

        return read


class Table:
    """A table as rows are made for it: columns in order, and the function from an event to their values."""

    def __init__(self, name: str, *columns: Column) -> None:
        self.name = name
        self.columns = columns
        self._readers = [column.reader() for column in columns]
        self._required = [number for number, column in enumerate(columns) if column.required]

    def values(self, event: Json) -> tuple[list[Any], str]:
        """Return the values of an event and the name of the first required column without one ("" if none)."""
        values = [read(event) for read in self._readers]
        for number in self._required:
            if values[number] is None:
                return values, self.columns[number].name
        return values, ""
