"""Budget windows: the day and the month of an instant in a tenant's zone, as half-open UTC intervals.

The windows of one kind and zone partition time: a window starts at the first instant whose local clock reads midnight
of its first day (in a gap: at the transition), so that a day of a clock change has 23 or 25 hours and a skipped date
has no window at all. Zone rules come from the ``tzdata`` wheel alone: the machine's own files do not matter, because
the same log has to give the same windows everywhere.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import Final, Literal
from zoneinfo import ZoneInfo

from schemas.envelope import at_ms, to_ms

WindowKind = Literal["day", "month"]
KINDS: Final[tuple[WindowKind, ...]] = ("day", "month")
"""Windows always come in this order."""

_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_QUARTER_MS: Final = 15 * 60 * 1000


class UnknownZoneError(ValueError):
    """A time zone that the tzdata wheel does not know; the config has to be corrected."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raises UnknownZoneError."""
    if _ZONE_NAME.fullmatch(name) is None:
        raise UnknownZoneError("not the name of a time zone")
    source = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    try:
        with source.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError):
        raise UnknownZoneError(f"unknown time zone {name}") from None


def window_bounds(kind: WindowKind, now_ms: int, timezone: str) -> tuple[int, int]:
    """Return [start, end) in Unix milliseconds of the window of ``kind`` that contains ``now_ms``; 0.2 us if cached."""
    bounds = _of_quarter(kind, now_ms // _QUARTER_MS, timezone)
    if bounds[0] <= now_ms < bounds[1]:
        return bounds
    # Only zones of the distant past have boundaries off the quarter of an hour.
    return _containing(kind, now_ms, timezone)


@lru_cache(maxsize=8192)
def _of_quarter(kind: WindowKind, quarter: int, timezone: str) -> tuple[int, int]:
    return _containing(kind, quarter * _QUARTER_MS, timezone)


def _containing(kind: WindowKind, now_ms: int, timezone: str) -> tuple[int, int]:
    rules = zone(timezone)
    first = at_ms(now_ms).astimezone(rules).date()
    if kind == "month":
        first = first.replace(day=1)
    # Where midnight is repeated or skipped the local date can be one off: step to the window containing the instant.
    while now_ms < _midnight_ms(first, rules):
        first = _previous(kind, first)
    while now_ms >= (end := _midnight_ms(_next(kind, first), rules)):
        first = _next(kind, first)
    return _midnight_ms(first, rules), end


def _midnight_ms(day: date, rules: ZoneInfo) -> int:
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=rules))


def _next(kind: WindowKind, first: date) -> date:
    if kind == "day":
        return first + timedelta(days=1)
    return (first + timedelta(days=31)).replace(day=1)


def _previous(kind: WindowKind, first: date) -> date:
    before = first - timedelta(days=1)
    return before if kind == "day" else before.replace(day=1)
