"""Where a row comes from: the columns every table has, and the two tables that take every record."""

from dataclasses import dataclass
from typing import Any, Final

from analytics.columns import BYTES, MAYBE_TIME, TEXT, TIME, U16, U32, U64, Column, Table

POSITION: Final = (
    Column("tenant", TEXT),
    Column("event_ts", TIME),
    Column("event_id", TEXT),
    Column("src_topic", TEXT),
    Column("src_partition", U16),
    Column("src_offset", U64),
)
"""First in every table; ``rows_for`` fills them from the record, not from the event."""


@dataclass(frozen=True, slots=True)
class Source:
    """The values of `POSITION`, in its order."""

    tenant: str
    event_ts: int
    event_id: str
    topic: str
    partition: int
    offset: int

    def values(self) -> list[Any]:
        """Return the values in the order of `POSITION`."""
        return [self.tenant, self.event_ts, self.event_id, self.topic, self.partition, self.offset]


EVENTS: Final = Table(
    "events",
    Column("type", TEXT),
    Column("parse_error", TEXT),
    Column("append_ts", TIME),
    Column("occurred_at", MAYBE_TIME),
    Column("record_key", BYTES),
    Column("body_bytes", U32),
    Column("request_id", TEXT),
    Column("user", TEXT),
    Column("conversation_id", TEXT),
    Column("causation_id", TEXT),
    Column("source", TEXT),
    Column("traceparent", TEXT),
)
EVENT_BODIES: Final = Table("event_bodies", Column("type", TEXT), Column("append_ts", TIME), Column("body", BYTES))
