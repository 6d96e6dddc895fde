"""Rows of the ledger: what was held, what was charged, and in which budget windows."""

from typing import Any, Final

from analytics.columns import (
    MAYBE_TOTAL,
    MAYBE_TOTALS,
    MONEY,
    TEXT,
    TEXTS,
    TIMES,
    U16,
    U64,
    Column,
    Json,
    Table,
)
from analytics.tables.kinds import event_kind
from schemas.ledger import Adjusted, Forfeited, Settled

_CHARGED_BY: Final = {Settled.TYPE: "amount", Forfeited.TYPE: "amount", Adjusted.TYPE: "difference"}


def _charge(event: Json) -> Any:
    """Return what the entry adds to the tenant's spending: settlement, forfeit, or correction (maybe negative)."""
    field = _CHARGED_BY.get(event["type"])
    return "0" if field is None else event.get(field)


def _amount(event: Json) -> Any:
    return event.get("amount", "0")


def _of_windows(field: str) -> Any:
    def read(event: Json) -> list[Any]:
        windows = event.get("windows")
        if type(windows) is not list:
            return []
        return [window.get(field) for window in windows if type(window) is dict]

    return read


LEDGER_ENTRIES: Final = Table(
    "ledger_entries",
    Column("kind", TEXT, event_kind),
    Column("request_id", TEXT, required=True),
    Column("hold_id", TEXT, required=True),
    Column("decision_id", TEXT, required=True),
    Column("attempt_id", TEXT),
    Column("number", U16),
    Column("amount", MONEY, _amount, required=True),
    Column("charge", MONEY, _charge, required=True),
    Column("overrun", MONEY),
    Column("reason", TEXT),
    Column("window_kinds", TEXTS, _of_windows("window")),
    Column("window_starts", TIMES, _of_windows("start")),
    Column("window_ends", TIMES, _of_windows("end")),
    Column("window_caps", MAYBE_TOTALS, _of_windows("cap")),
    Column("per_request_cap", MAYBE_TOTAL),
    Column("config_offset", U64),
)
