"""Rows of what became of requests: technical outcomes, ratings and inferred signals, overrides, settings."""

from collections.abc import Callable
from typing import Any, Final

from analytics.columns import (
    BOOL,
    MAYBE_U32,
    MONEY,
    REAL,
    TEXT,
    TEXTS,
    U8,
    U16,
    U32,
    Column,
    Json,
    Table,
)
from analytics.tables.kinds import event_kind
from analytics.tables.usage import USAGE
from schemas.outcome import OutcomeRated
from schemas.override import OverrideRequested
from schemas.user_settings import SettingsApplied, SettingsChanged

TECHNICAL_OUTCOMES: Final = Table(
    "technical_outcomes",
    Column("request_id", TEXT, required=True),
    Column("user", TEXT),
    Column("conversation_id", TEXT),
    Column("status", TEXT, required=True),
    Column("result_id", TEXT),
    Column("decision_id", TEXT),
    Column("model", TEXT),
    Column("task_type", TEXT),
    Column("complexity", TEXT),
    Column("tier", U8),
    Column("decisions", U16),
    Column("attempts", U16),
    Column("fallbacks", U16),
    Column("cost", MONEY),
    Column("estimated_cost", MONEY),
    Column("estimated_latency_ms", MAYBE_U32),
    Column("latency_ms", MAYBE_U32),
    Column("ttft_ms", MAYBE_U32),
    *USAGE,
    Column("conversation_turns", U32),
    Column("tools", TEXTS),
    Column("mcp_tools", TEXTS),
    *(Column(name, TEXT) for name in ("use_case", "space", "area", "prompt_version", "override_model")),
    Column("simulated", BOOL),
    Column("overhead", MONEY),
    Column("degraded", BOOL),
    Column("escalations", U16),
)


def _outcome_kind(event: Json) -> Any:
    return "rated" if event["type"] == OutcomeRated.TYPE else event.get("signal")


def _outcome_value(event: Json) -> Any:
    return event.get("rating" if event["type"] == OutcomeRated.TYPE else "value")


FEEDBACK_OUTCOMES: Final = Table(
    "feedback_outcomes",
    Column("kind", TEXT, _outcome_kind, required=True),
    Column("value", REAL, _outcome_value, required=True),
    Column("request_id", TEXT, required=True),
    Column("user", TEXT),
    Column("conversation_id", TEXT),
    Column("decision_id", TEXT),
    Column("model", TEXT, required=True),
    Column("task_type", TEXT, lambda event: event.get("task_type", "general")),
    Column("comment_length", U32),
    Column("space", TEXT),
)


def _override_id(event: Json) -> Any:
    return event.get("id") if event["type"] == OverrideRequested.TYPE else event.get("override_id")


OVERRIDES: Final = Table(
    "overrides",
    Column("kind", TEXT, event_kind),
    Column("override_id", TEXT, _override_id, required=True),
    Column("scope", TEXT, required=True),
    Column("model", TEXT, required=True),
    *(
        Column(name, TEXT)
        for name in (
            "from_model",
            "task_type",
            "request_id",
            "user",
            "conversation_id",
            "space",
            "area",
            "decision_id",
            "reason",
        )
    ),
)


def _change_id(event: Json) -> Any:
    return event.get("id") if event["type"] == SettingsChanged.TYPE else event.get("change_id")


def _setting(name: str) -> Callable[[Json], Any]:
    """Return the function to a setting: of a change what it asks for, of what was applied what holds from then on."""

    def read(event: Json) -> Any:
        if event["type"] != SettingsApplied.TYPE:
            return event.get(name)
        settings = event.get("settings")
        return settings.get(name) if type(settings) is dict else None

    return read


USER_SETTINGS: Final = Table(
    "user_settings",
    Column("kind", TEXT, event_kind),
    Column("change_id", TEXT, _change_id, required=True),
    Column("user", TEXT, required=True),
    *(Column(name, TEXT, _setting(name)) for name in ("auto", "model", "display", "profile")),
    *(Column(name, TEXTS, _setting(name)) for name in ("preferred_models", "avoided_models")),
    Column("reset", TEXTS),
    Column("reason", TEXT),
)
