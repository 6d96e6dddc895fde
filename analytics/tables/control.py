"""Rows of what runs the system: journal, configuration, prices, alerts, dead letters, learned values, health."""

from typing import Any, Final

from analytics.columns import (
    JSON,
    MAYBE_TIME,
    MAYBE_TOTAL,
    REAL,
    TEXT,
    TIME,
    U16,
    U32,
    U64,
    Column,
    Json,
    Table,
)

JOURNAL_BATCHES: Final = Table(
    "journal_batches",
    Column("partition", U16, required=True),
    Column("partitions", U16),
    Column("batch", U64, required=True),
    Column("inputs", JSON),
    Column("globals", JSON),
    Column("now_ms", U64),
    Column("engine", TEXT),
    Column("last_writes", JSON),
)
CONFIG_VERSIONS: Final = Table(
    "config_versions",
    Column("kind", TEXT, required=True),
    Column("name", TEXT, required=True),
    Column("version", U32, required=True),
    Column("comment", TEXT),
    Column("document", JSON, required=True),
)
ALERTS: Final = Table(
    "alerts",
    Column("kind", TEXT, required=True),
    Column("severity", TEXT),
    Column("message", TEXT),
    Column("details", JSON),
)
DEAD_LETTERS: Final = Table(
    "dead_letters",
    Column("stage", TEXT),
    Column("code", TEXT, required=True),
    Column("reason", TEXT),
    Column("topic", TEXT, "position.topic", required=True),
    Column("partition", U16, "position.partition"),
    Column("offset", U64, "position.offset"),
    Column("append_time_ms", U64),
    Column("value_length", U32),
    Column("value_sha256", TEXT),
    Column("engine", TEXT),
)
MODEL_PRICES: Final = Table(
    "model_prices",
    Column("price_book", TEXT, required=True),
    Column("version", U32, required=True),
    Column("model", TEXT, required=True),
    Column("since", TIME, required=True),
    *(
        Column(f"{name}_per_million", MAYBE_TOTAL, name)
        for name in ("input", "output", "cached_input", "cache_write", "cache_write_1h")
    ),
    *(Column(name, MAYBE_TOTAL) for name in ("per_request", "per_second", "per_character", "per_image")),
)
PREFERENCE_SCORES: Final = Table(
    "preference_scores",
    Column("user", TEXT, required=True),
    Column("model", TEXT, required=True),
    Column("version", U64, required=True),
    Column("observations", U64),
    Column("score", REAL, required=True),
    *(Column(name, U64) for name in ("answers", "overrides_to", "overrides_from", "ratings")),
    Column("rating_sum", REAL),
    *(Column(name, U64) for name in ("regenerations", "conversations")),
    Column("conversation_length_sum", REAL),
    Column("level", TEXT, lambda row: row.get("level", "user")),
    Column("space", TEXT),
    Column("evidence", REAL),
)
MODEL_STATISTICS: Final = Table(
    "model_statistics",
    Column("partition", U16, required=True),
    Column("model", TEXT, required=True),
    Column("task_type", TEXT, required=True),
    Column("version", U64, required=True),
    *(Column(name, U64) for name in ("calls", "successes", "failures", "unknowns", "ratings")),
    Column("rating_sum", REAL),
    *(Column(name, U64) for name in ("input_tokens", "output_tokens", "cost_pico")),
    Column("latency_buckets", JSON),
    Column("ttft_buckets", JSON),
    Column("output_buckets", JSON),
)
PROVIDER_HEALTH: Final = Table(
    "provider_health",
    *(Column(name, TEXT, required=True) for name in ("provider", "model", "instance", "state")),
    Column("region", TEXT, lambda event: event.get("region", "default")),
    Column("version", U64, required=True),
    Column("error_rate", REAL),
    Column("rate_limited_until", MAYBE_TIME),
)


def preference_rows(row: Json) -> list[Json]:
    """Return one flat object for each model of a preference row of any level; one without a model after a reset."""
    head = {name: row.get(name) for name in ("user", "version", "observations", "space")}
    head["level"] = row.get("level", "user")
    return _spread(row.get("models"), head) or [{**head, "model": "", "score": 0.5}]


def price_rows(event: Json) -> list[Json]:
    """Return one flat object for each price of a published price book; none for other documents."""
    document = event.get("document")
    if event.get("kind") != "prices" or type(document) is not dict:
        return []
    head = {"price_book": event.get("name"), "version": event.get("version")}
    prices = document.get("prices")
    flat: list[Json] = []
    for model, entries in prices.items() if type(prices) is dict else ():
        flat += [
            {**entry, **head, "model": model, "since": f"{entry.get('since')}T00:00:00+00:00"}
            for entry in (entries if type(entries) is list else ())
            if type(entry) is dict
        ]
    return flat


def _spread(models: Any, head: Json) -> list[Json]:
    if type(models) is not dict:
        return []
    return [{**values, **head, "model": model} for model, values in models.items() if type(values) is dict]
