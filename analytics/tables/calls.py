"""Rows of provider calls and of results."""

from typing import Final

from analytics.columns import (
    BOOL,
    I64,
    MAYBE_TIME,
    MAYBE_U32,
    MONEY,
    TEXT,
    TEXTS,
    U8,
    U16,
    U32,
    U64,
    Column,
    Json,
    Table,
)
from analytics.tables.kinds import count_of, event_kind
from analytics.tables.usage import USAGE

PROVIDER_CALLS: Final = Table(
    "provider_calls",
    Column("kind", TEXT, event_kind),
    Column("request_id", TEXT, required=True),
    Column("decision_id", TEXT, required=True),
    Column("attempt_id", TEXT, required=True),
    Column("attempt", U16),
    Column("instance", TEXT),
    Column("incarnation", U64),
    Column("user", TEXT),
    Column("model", TEXT, required=True),
    Column("provider", TEXT),
    Column("task_type", TEXT),
    Column("tier", U8),
    Column("forced_by", TEXT),
    Column("from_model", TEXT),
    Column("category", TEXT),
    Column("billed", TEXT),
    Column("terminal", BOOL),
    Column("status", MAYBE_U32),
    Column("detail", TEXT),
    Column("reason", TEXT),
    Column("retry_after_ms", MAYBE_U32),
    Column("latency_ms", MAYBE_U32),
    Column("ttft_ms", MAYBE_U32),
    Column("finish_reason", TEXT),
    *USAGE,
    Column("cost", MONEY),
    Column("price_source", TEXT),
    Column("served_model", TEXT),
    Column("provider_request_id", TEXT),
    Column("simulated", BOOL),
    Column("cancelled", BOOL),
    Column("partial", BOOL),
    Column("warnings", TEXTS),
    Column("expires_at", MAYBE_TIME),
    *(Column(name, TEXT) for name in ("purpose", "space", "conversation_id")),
    Column("tool_calls", U32, count_of("tool_calls")),
)


def _status(event: Json) -> str:
    """Return a final result's status; a notice has none, its kind stands for it."""
    status = event.get("status")
    return status if type(status) is str else event_kind(event)


RESULTS: Final = Table(
    "results",
    Column("kind", TEXT, event_kind),
    Column("final", BOOL, required=True),
    Column("status", TEXT, _status),
    Column("request_id", TEXT),
    Column("user", TEXT),
    Column("decision_id", TEXT),
    Column("model", TEXT),
    Column("reason", TEXT),
    Column("code", TEXT),
    Column("fits_at", MAYBE_TIME),
    Column("finish_reason", TEXT),
    *USAGE,
    Column("cost", MONEY),
    Column("latency_ms", MAYBE_U32),
    Column("ttft_ms", MAYBE_U32),
    Column("attempts", U32, count_of("attempts")),
    Column("simulated", BOOL),
    Column("request_partition", U16, "request_at.partition"),
    Column("request_offset", I64, "request_at.offset"),
    Column("overhead", MONEY),
    Column("degraded", TEXT),
    Column("tool_calls", U32, count_of("tool_calls")),
)
