"""The short name of an event type within its table."""

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
