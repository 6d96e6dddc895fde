"""Rows of requests (without their text) and classifications."""

from typing import Final

from analytics.columns import (
    BOOL,
    JSON,
    MAYBE_REAL,
    MAYBE_TIME,
    MAYBE_TOTAL,
    MAYBE_U32,
    REAL,
    TEXT,
    TEXTS,
    U8,
    U32,
    U64,
    Column,
    Json,
    Table,
)
from analytics.tables.kinds import count_of


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
    Column("messages", U32, count_of("messages")),
    Column("attachments", U32, count_of("attachments")),
    Column("deadline", MAYBE_TIME, "constraints.deadline"),
    Column("stickiness", TEXT),
    Column("temperature", MAYBE_REAL),
    Column("wants_json", BOOL, lambda event: event.get("response_format") is not None),
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
    Column("cluster_score", MAYBE_REAL, "task.cluster_score"),
    Column("wants_json", BOOL, "task.wants_json"),
    *(Column(name, JSON, f"task.{name}") for name in ("type_shares", "complexity_shares", "features", "predictions")),
    Column("clusters", TEXT, "clusters.clusters"),
    Column("encoder", TEXT, "clusters.encoder"),
    Column("cluster_scores", JSON, "clusters.scores"),
)
