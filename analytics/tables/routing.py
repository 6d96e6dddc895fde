"""Rows of requests (without their text), classifications and routing decisions."""

from collections.abc import Callable
from typing import Any, Final

from analytics.columns import (
    BOOL,
    JSON,
    MAYBE_MONEY,
    MAYBE_REAL,
    MAYBE_TIME,
    MAYBE_TOTAL,
    MAYBE_U32,
    REAL,
    REALS,
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
from analytics.tables.kinds import event_kind


def _count(field: str) -> Callable[[Json], int]:
    def count(event: Json) -> int:
        values = event.get(field)
        return len(values) if type(values) is list else 0

    return count


def _characters(event: Json) -> int:
    """Return the length of the text of a request: prompt and messages."""
    prompt = event.get("prompt")
    total = len(prompt) if type(prompt) is str else 0
    messages = event.get("messages")
    for message in messages if type(messages) is list else ():
        content = message.get("content") if type(message) is dict else None
        total += len(content) if type(content) is str else 0
    return total


REQUESTS: Final = Table(
    "requests",
    Column("request_id", TEXT),
    Column("user", TEXT),
    Column("conversation_id", TEXT),
    *(
        Column(name, TEXT)
        for name in (
            "space",
            "space_type",
            "area",
            "area_task_type",
            "team",
            "use_case",
            "mode",
            "job_type",
            "automation",
            "latency_class",
            "plan",
            "prompt_version",
        )
    ),
    Column("requested_model", TEXT, lambda event: event.get("model", "auto")),
    Column("conversation_turns", U32),
    Column("priority", U8, lambda event: event.get("priority", 3)),
    Column("execute", BOOL, lambda event: event.get("execute", True)),
    *(Column(name, BOOL) for name in ("stream", "planning", "assist", "sensitive")),
    Column("tools", TEXTS),
    Column("mcp_tools", TEXTS),
    Column("max_cost", MAYBE_TOTAL, "constraints.max_cost"),
    Column("min_quality", MAYBE_REAL, "constraints.min_quality"),
    Column("max_latency_ms", MAYBE_U32, "constraints.max_latency_ms"),
    Column("max_output_tokens", MAYBE_U32),
    Column("text_characters", U32, _characters),
    Column("messages", U32, _count("messages")),
    Column("attachments", U32, _count("attachments")),
)

CLASSIFICATIONS: Final = Table(
    "classifications",
    Column("request_id", TEXT, required=True),
    Column("user", TEXT),
    Column("task_type", TEXT, "task.type", required=True),
    Column("complexity", TEXT, "task.complexity"),
    Column("pattern", TEXT, "task.pattern"),
    Column("modality", TEXT, "task.modality"),
    Column("cluster", TEXT, "task.cluster"),
    Column("confidence", REAL, "task.confidence"),
    Column("estimated_input_tokens", U64, "task.estimated_input_tokens"),
    Column("estimated_output_tokens", U64, "task.estimated_output_tokens"),
    Column("input_token_bound", U64, "task.input_token_bound"),
    Column("priority", U8, "task.priority"),
    Column("involves_code", BOOL, "task.involves_code"),
    Column("requires_extended_thinking", BOOL, "task.requires_extended_thinking"),
    Column("needs_vision", BOOL, "task.needs_vision"),
    Column("needs_tools", BOOL, "task.needs_tools"),
    Column("signals", JSON, "task.signals"),
    Column("engine", TEXT),
)


def _each(field: str, inner: str) -> Callable[[Json], list[Any]]:
    """Return the function to the list of one field of each object in a list."""

    def read(event: Json) -> list[Any]:
        values = event.get(field)
        return [value.get(inner) for value in values if type(value) is dict] if type(values) is list else []

    return read


def _first(field: str, inner: str) -> Callable[[Json], Any]:
    each = _each(field, inner)

    def read(event: Json) -> Any:
        values = each(event)
        return values[0] if values else None

    return read


def _of_chosen(inner: str) -> Callable[[Json], Any]:
    def read(event: Json) -> Any:
        candidates, model = event.get("candidates"), event.get("model")
        for candidate in candidates if type(candidates) is list else ():
            if type(candidate) is dict and candidate.get("model") == model:
                return candidate.get(inner)
        return None

    return read


def _override(inner: str) -> Callable[[Json], Any]:
    def read(event: Json) -> Any:
        view = event.get("view")
        override = view.get("override") if type(view) is dict else None
        return override.get(inner) if type(override) is dict else None

    return read


ROUTING_DECISIONS: Final = Table(
    "routing_decisions",
    Column("kind", TEXT, event_kind),
    Column("request_id", TEXT, required=True),
    Column("user", TEXT),
    Column("conversation_id", TEXT),
    Column("number", U16),
    Column("cause", TEXT, lambda event: event.get("cause", "request")),
    Column("supersedes", TEXT),
    Column("model", TEXT),
    Column("provider", TEXT, _first("chain", "provider")),
    Column("provider_model", TEXT, _first("chain", "provider_model")),
    Column("tier", U8),
    *(Column(name, TEXT) for name in ("task_type", "complexity", "cluster")),
    Column("confidence", REAL),
    Column("reason", TEXT),
    Column("reason_codes", TEXTS),
    Column("badge", TEXT),
    Column("score", MAYBE_REAL, _of_chosen("score")),
    Column("propensity", MAYBE_REAL, _of_chosen("propensity")),
    Column("candidate_models", TEXTS, _each("candidates", "model")),
    Column("candidate_scores", REALS, _each("candidates", "score")),
    Column("candidate_propensities", REALS, _each("candidates", "propensity")),
    Column("vetoed_models", TEXTS, _each("vetoes", "model")),
    Column("veto_rules", TEXTS, _each("vetoes", "rule")),
    Column("chain_models", TEXTS, _each("chain", "model")),
    Column("forced_by", TEXT),
    Column("from_model", TEXT),
    Column("override_scope", TEXT, _override("scope")),
    Column("override_model", TEXT, _override("model")),
    Column("override_id", TEXT, _override("override_id")),
    Column("signals", JSON),
    Column("conversation_length", U32, "signals.conversation_length"),
    Column("input_tokens", U64),
    Column("output_tokens", U64),
    Column("estimated_cost", MAYBE_MONEY, _first("chain", "estimated_cost")),
    Column("estimated_latency_ms", MAYBE_U32, _first("chain", "estimated_latency_ms")),
    Column("hold_amount", MAYBE_MONEY, "hold.amount"),
    *(Column(name, TEXT) for name in ("policy", "catalog", "price_book", "experiment", "arm")),
    Column("execute", BOOL, lambda event: event.get("execute", event["type"].startswith("pointsman.decision."))),
    Column("stream", BOOL),
    Column("deadline", MAYBE_TIME),
    Column("refusal_code", TEXT, "code"),
    Column("fits_at", MAYBE_TIME),
    Column("needed", MAYBE_TOTAL),
    Column("request_partition", U16, "request_at.partition"),
    Column("request_offset", U64, "request_at.offset"),
    Column("config_offset", U64),
    Column("engine", TEXT),
)
