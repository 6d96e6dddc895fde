"""What many tables read of an event: the short name of its type, the length of a list."""

from collections.abc import Callable
from functools import lru_cache

from analytics.columns import Json


@lru_cache(maxsize=256)
def kind_of(type_: str) -> str:
    """Return the last word of a type name before its version: ``pointsman.ledger.held.v1`` -> ``held``."""
    parts = type_.split(".")
    return parts[-2] if len(parts) > 1 else type_


def event_kind(event: Json) -> str:
    """Return the short name of an event's type."""
    return kind_of(event["type"])


def count_of(field: str) -> Callable[[Json], int]:
    """Return the function to the length of a list; 0 where there is none."""

    def count(event: Json) -> int:
        values = event.get(field)
        return len(values) if type(values) is list else 0

    return count
