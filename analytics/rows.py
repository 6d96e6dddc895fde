"""From a record of the log to rows of tables: pure, and never at a loss.

Every record becomes exactly one row of ``events`` and one of ``event_bodies``, also one that is no event at all; an
event whose type has a table becomes a row of it, unless a required value is missing. Nothing is validated here beyond
what a column needs: validation belongs to the stage that ``schemas.topics`` names.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from analytics.columns import Json, Table, micros
from analytics.tables import TABLE_OF_EVENT
from analytics.tables.control import (
    MODEL_PRICES,
    MODEL_STATISTICS,
    PREFERENCE_SCORES,
    PROVIDER_HEALTH,
    preference_rows,
    price_rows,
)
from analytics.tables.position import EVENT_BODIES, EVENTS, POSITION, Source
from schemas.control import ConfigPublished
from schemas.dead_letter import DeadLetter, RejectionCode
from schemas.ids import position_id
from schemas.inbound import complete, flatten
from schemas.record import Record
from schemas.topics import MODEL_STATS, PREFERENCES, TOPICS, Topic
from schemas.topics import PROVIDER_HEALTH as HEALTH_TOPIC
from schemas.upcasting import UPCASTERS, upcast

UNPARSED: Final = "unparsed"
"""Type of a record that is not an event of its topic."""
TOMBSTONE: Final = "tombstone"
"""Type of a deletion on a compacted topic."""
SYSTEM: Final = "system"

_DAY: Final = 86_400_000_000
_OLDEST, _NEWEST = 400 * _DAY, _DAY
_CENTURY: Final = (946_684_800_000_000, 4_102_444_800_000_000)
_ENVELOPE: Final = ("id", "type", "tenant", "occurred_at")


class Row(NamedTuple):
    """One row: the table and the values of its columns (`POSITION`, then the table's own), in order."""

    table: str
    values: list[Any]


def type_in_events(rows: list[Row]) -> str:
    """Return what ``events.type`` says of the record whose rows these are."""
    return str(rows[0].values[len(POSITION)])


class _UnusableError(Exception):
    """The record is not an event of its topic; raised and caught in this file."""


def _dead_letters_of(topic: Topic) -> Topic:
    return Topic(topic.dead_letters, topic.key, "all", (DeadLetter,), partitions=1)


_TOPICS: Final[dict[str, Topic]] = {
    topic.name: topic for source in TOPICS for topic in (source, _dead_letters_of(source))
}
_EVENTS_OF: Final[dict[str, frozenset[str]]] = {
    name: frozenset(event.TYPE for event in topic.events) for name, topic in _TOPICS.items()
}


def _one(value: Json) -> list[Json]:
    return [value]


_ROW_TOPICS: Final[dict[str, tuple[str, Table, Callable[[Json], list[Json]]]]] = {
    PREFERENCES: ("preferences.row", PREFERENCE_SCORES, preference_rows),
    MODEL_STATS: ("model-stats.row", MODEL_STATISTICS, _one),
    HEALTH_TOPIC: ("provider-health.row", PROVIDER_HEALTH, _one),
}
"""Topics whose values are rows of a table, not events: name in ``events``, table, and the table's rows in one value."""


def rows_for(record: Record) -> list[Row]:
    """Return the rows of a record: ``events`` first, then ``event_bodies``, then those of its own table."""
    append_ts = _append_time(record)
    try:
        event = _event_of(record)
        return (
            _untyped_rows(record, append_ts, TOMBSTONE, "") if event is None else _event_rows(record, append_ts, event)
        )
    except _UnusableError as unusable:
        return _untyped_rows(record, append_ts, UNPARSED, str(unusable))
    except (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError):
        # A fault of this code must not stop the line behind one record; it shows in v_data_quality.
        return _untyped_rows(record, append_ts, UNPARSED, RejectionCode.INTERNAL)


def _event_rows(record: Record, append_ts: int, event: Json) -> list[Row]:
    occurred = micros(event["occurred_at"]) if type(event["occurred_at"]) is str else None
    source = Source(
        event["tenant"], _event_time(occurred, append_ts), event["id"], record.topic, record.partition, record.offset
    )
    position = source.values()
    typed, error = _typed_rows(record.topic, event, position)
    return [*_record_rows(record, append_ts, position, event, error, occurred), *typed]


def _event_of(record: Record) -> Json | None:
    """Return the event of a record with a complete envelope; None for a deletion; raise `_UnusableError`."""
    topic = _TOPICS.get(record.topic)
    if topic is None:
        raise _UnusableError(RejectionCode.UNKNOWN_TYPE)
    if record.value is None:
        if topic.compacted:
            return None
        raise _UnusableError(RejectionCode.TOMBSTONE)
    value = _decode(record.value)
    if topic.name in _ROW_TOPICS:
        return _row_event(record, topic.name, value)
    if "specversion" in value or any(name not in value for name in _ENVELOPE):
        value = _completed(record, topic, value)
    type_ = value.get("type")
    if type_ in UPCASTERS:
        value = upcast(value)
        type_ = value["type"]
    if type_ not in _EVENTS_OF[topic.name]:
        raise _UnusableError(RejectionCode.UNKNOWN_TYPE)
    if type(value.get("id")) is not str or not value["id"] or type(value.get("tenant")) is not str:
        raise _UnusableError(RejectionCode.INVALID)
    return value


def _completed(record: Record, topic: Topic, value: Json) -> Json:
    """Return the flat event with what its headers and its position imply."""
    value = flatten(record, value)
    if value.get("occurred_at") is None:
        value["occurred_at"] = ""  # filed under its append time, which may be beyond what a datetime holds
    return complete(record, topic, value) if topic.events else value


def _decode(raw: bytes) -> Json:
    if not raw.strip():
        raise _UnusableError(RejectionCode.EMPTY)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _UnusableError(RejectionCode.NOT_JSON) from None
    if type(value) is not dict:
        raise _UnusableError(RejectionCode.NOT_AN_OBJECT)
    return value


def _row_event(record: Record, topic: str, value: Json) -> Json:
    tenant = value.get("tenant")
    return {
        **value,
        "id": position_id(record.topic, record.partition, record.offset),
        "type": _ROW_TOPICS[topic][0],
        "tenant": tenant if type(tenant) is str else SYSTEM,
        "occurred_at": value.get("updated_at"),
    }


def _append_time(record: Record) -> int:
    """Return the broker's time in microseconds; 0 for none or an absurd one (producers may set it)."""
    append_ts = record.timestamp_ms * 1000
    return append_ts if _CENTURY[0] <= append_ts < _CENTURY[1] else 0


def _event_time(occurred: int | None, append_ts: int) -> int:
    """Return the time an event is filed under: its own, unless it lies far from when it was written.

    Both are part of the log, so a record read again is filed under the same time; the bound keeps one bad clock from
    creating a partition for every month of a century.
    """
    if occurred is None or not append_ts - _OLDEST <= occurred <= append_ts + _NEWEST:
        return append_ts
    return occurred


def _typed_rows(topic: str, event: Json, position: list[Any]) -> tuple[list[Row], str]:
    if topic in _ROW_TOPICS:
        _, table, rows_of = _ROW_TOPICS[topic]
        return _rows(table, rows_of(event), position)
    table_of_type = TABLE_OF_EVENT.get(event["type"])
    if table_of_type is None:
        return [], ""
    rows, error = _rows(table_of_type, [event], position)
    if event["type"] == ConfigPublished.TYPE:
        prices, _ = _rows(MODEL_PRICES, price_rows(event), position)
        rows += prices
    return rows, error


def _rows(table: Table, events: list[Json], position: list[Any]) -> tuple[list[Row], str]:
    rows: list[Row] = []
    error = ""
    for event in events:
        values, missing = table.values(event)
        if missing:
            error = f"missing:{missing}"
        else:
            rows.append(Row(table.name, position + values))
    return rows, error


def _untyped_rows(record: Record, append_ts: int, type_: str, error: str) -> list[Row]:
    """Return the rows of a record that is no event; its id is that of its position, as that of its dead letter."""
    identity = position_id(record.topic, record.partition, record.offset)
    tenant = SYSTEM if type_ == TOMBSTONE else ""
    position = Source(tenant, append_ts, identity, record.topic, record.partition, record.offset).values()
    return _record_rows(record, append_ts, position, {"type": type_}, error, None)


def _record_rows(
    record: Record, append_ts: int, position: list[Any], event: Json, error: str, occurred: int | None
) -> list[Row]:
    body = record.value or b""
    facts = [event["type"], error, append_ts, occurred, record.key or b"", len(body)]
    named, _ = EVENTS.values(event)
    return [
        Row(EVENTS.name, [*position, *facts, *named[len(facts) :]]),
        Row(EVENT_BODIES.name, [*position, event["type"], append_ts, body]),
    ]
