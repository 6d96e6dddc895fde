"""Rows of routing decisions and refusals, and of the advice that was asked for before them."""

from collections.abc import Callable
from typing import Any, Final

from analytics.columns import (
    BOOL,
    JSON,
    MAYBE_MONEY,
    MAYBE_REAL,
    MAYBE_REALS,
    MAYBE_TIME,
    MAYBE_TOTAL,
    MAYBE_TOTALS,
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

Read = Callable[[Json], Any]


def _each(field: str, inner: str) -> Callable[[Json], list[Any]]:
    """Return the function to the list of one field of each object in a list."""

    def read(event: Json) -> list[Any]:
        values = event.get(field)
        return [value.get(inner) for value in values if type(value) is dict] if type(values) is list else []

    return read


def _first(field: str, inner: str) -> Read:
    each = _each(field, inner)

    def read(event: Json) -> Any:
        values = each(event)
        return values[0] if values else None

    return read


def _of_chosen(inner: str) -> Read:
    def read(event: Json) -> Any:
        candidates, model = event.get("candidates"), event.get("model")
        for candidate in candidates if type(candidates) is list else ():
            if type(candidate) is dict and candidate.get("model") == model:
                return candidate.get(inner)
        return None

    return read


def _others(event: Json) -> Json:
    """Return the models whose score alone was recorded."""
    others = event.get("others")
    return others if type(others) is dict else {}


def _of_candidates(inner: str, of_other: Callable[[Any], Any]) -> Callable[[Json], list[Any]]:
    """Return the function to one field of every model that passed the vetoes; ``of_other`` makes it of a lone score."""
    each = _each("candidates", inner)
    return lambda event: [*each(event), *(of_other(score) for score in _others(event).values())]


def _candidate_models(event: Json) -> list[Any]:
    return [*_each("candidates", "model")(event), *_others(event)]


def _nothing(_score: Any) -> None:
    return None


def _object(parent: Any, name: str) -> Json:
    value = parent.get(name) if type(parent) is dict else None
    return value if type(value) is dict else {}


def _of_view(part: str, inner: str) -> Read:
    """Return the function to one field of an object in the view."""
    return lambda event: _object(event.get("view"), part).get(inner)


def _seen(part: str, inner: str) -> Read:
    """Return the function to what the view says of the chosen model."""
    return lambda event: _object(_object(event.get("view"), part), str(event.get("model"))).get(inner)


def _preference(event: Json) -> Any:
    return _object(_object(event.get("view"), "preference"), "scores").get(str(event.get("model")))


_provider: Final = _first("chain", "provider")
_provider_model: Final = _first("chain", "provider_model")


def _health(event: Json) -> str:
    """Return the worst that health says of the chosen endpoint, as ``routing.candidates.provider_state`` reads it."""
    health, provider = _object(event.get("view"), "health"), _provider(event)
    named = (provider, f"{provider}|{event.get('model')}", f"{provider}|{_provider_model(event)}")
    said = [health[name] for name in named if type(name) is str and name in health]
    return next((state for state in ("open", "degraded") if state in said), "")


def _is_cached(event: Json) -> bool:
    return bool(_object(event.get("view"), "cached"))


_FIRST_ATTEMPT: Final = (
    Column("provider", TEXT, _provider),
    Column("provider_model", TEXT, _provider_model),
    Column("estimated_cost", MAYBE_MONEY, _first("chain", "estimated_cost")),
    Column("estimated_latency_ms", MAYBE_U32, _first("chain", "estimated_latency_ms")),
    Column("timeout_ms", MAYBE_U32, _first("chain", "timeout_ms")),
    Column("input_tokens", U64),
    Column("output_tokens", U64),
    Column("hold_amount", MAYBE_MONEY, "hold.amount"),
    *(Column(name, TEXT) for name in ("policy", "catalog", "price_book")),
    Column("deadline", MAYBE_TIME),
    Column("config_offset", U64),
    Column("engine", TEXT),
)
"""What is the same in every order to call a provider."""

ROUTING_DECISIONS: Final = Table(
    "routing_decisions",
    Column("kind", TEXT, event_kind),
    Column("request_id", TEXT, required=True),
    *(Column(name, TEXT) for name in ("user", "conversation_id", "space")),
    Column("number", U16),
    Column("cause", TEXT, lambda event: event.get("cause", "request")),
    Column("supersedes", TEXT),
    Column("model", TEXT),
    Column("tier", U8),
    *(Column(name, TEXT) for name in ("task_type", "complexity", "cluster")),
    Column("cluster_score", MAYBE_REAL),
    Column("confidence", REAL),
    Column("reason", TEXT),
    Column("reason_codes", TEXTS),
    *(Column(name, TEXT) for name in ("rule", "rule_source", "badge", "display")),
    Column("probe", BOOL),
    Column("cascade", BOOL),
    Column("cached", BOOL, _is_cached),
    Column("score", MAYBE_REAL, _of_chosen("score")),
    Column("propensity", MAYBE_REAL, _of_chosen("propensity")),
    Column("predicted_quality", MAYBE_REAL, _of_chosen("predicted_quality")),
    Column("above_quality", MAYBE_REAL, "view.above_quality"),
    *(
        Column(f"term_{name}", MAYBE_REAL, _of_chosen(name))
        for name in ("capability", "cost", "quality", "latency", "history", "boost")
    ),
    Column("candidate_models", TEXTS, _candidate_models),
    Column("candidate_scores", REALS, _of_candidates("score", lambda score: score)),
    Column("candidate_propensities", REALS, _of_candidates("propensity", lambda _score: 0.0)),
    Column("candidate_qualities", MAYBE_REALS, _of_candidates("predicted_quality", _nothing)),
    Column("candidate_costs", MAYBE_TOTALS, _of_candidates("estimated_cost", _nothing)),
    Column("vetoed_models", TEXTS, _each("vetoes", "model")),
    Column("veto_rules", TEXTS, _each("vetoes", "rule")),
    Column("chain_models", TEXTS, _each("chain", "model")),
    Column("forced_by", TEXT),
    Column("from_model", TEXT),
    Column("override_scope", TEXT, _of_view("override", "scope")),
    Column("override_model", TEXT, _of_view("override", "model")),
    Column("override_id", TEXT, _of_view("override", "override_id")),
    Column("profile", TEXT),
    Column("weights", JSON),
    Column("signals", JSON),
    Column("sensitive_kinds", TEXTS, "signals.sensitive"),
    Column("conversation_length", U32, "signals.conversation_length"),
    *_FIRST_ATTEMPT,
    Column("max_output_tokens", MAYBE_U32, _first("chain", "max_output_tokens")),
    Column("own_prices", TEXT, _first("chain", "prices")),
    *(Column(name, MAYBE_MONEY) for name in ("cost_low", "cost_high")),
    *(Column(name, MAYBE_U32) for name in ("latency_low_ms", "latency_high_ms")),
    *(Column(name, TEXT) for name in ("experiment", "arm")),
    Column("execute", BOOL, lambda event: event.get("execute", event["type"].startswith("pointsman.decision."))),
    Column("stream", BOOL),
    Column("refusal_code", TEXT, "code"),
    Column("fits_at", MAYBE_TIME),
    Column("needed", MAYBE_TOTAL),
    Column("request_partition", U16, "request_at.partition"),
    Column("request_offset", U64, "request_at.offset"),
    Column("conversation_model", TEXT, "view.conversation_model"),
    Column("warm_tokens", U32, "view.warm_tokens"),
    Column("advice_order_id", TEXT, _of_view("advice", "order_id")),
    Column("advice_kind", TEXT, _of_view("advice", "kind")),
    Column("advice_outcome", TEXT, _of_view("advice", "outcome")),
    Column("adviser", TEXT, _of_view("advice", "adviser")),
    Column("advised_model", TEXT, _of_view("advice", "model")),
    Column("advised_task_type", TEXT, _of_view("advice", "task_type")),
    Column("seen_preference", MAYBE_REAL, _preference),
    Column("seen_calls", MAYBE_U32, _seen("statistics", "calls")),
    Column("seen_success_rate", MAYBE_REAL, _seen("statistics", "success_rate")),
    Column("seen_rating", MAYBE_REAL, _seen("statistics", "rating")),
    Column("seen_health", TEXT, _health),
    Column("auto", TEXT, _of_view("settings", "auto")),
    Column("excluded_models", TEXTS, "view.excluded"),
)

ADVICE_ORDERS: Final = Table(
    "advice_orders",
    Column("kind", TEXT, required=True),
    Column("request_id", TEXT, required=True),
    *(Column(name, TEXT) for name in ("user", "conversation_id", "space")),
    Column("model", TEXT, required=True),
    Column("options", TEXTS),
    *_FIRST_ATTEMPT,
)
