"""The alerts a ledger raises. Each is caused by one ledger event, so its id derives from that event's."""

from collections.abc import Mapping
from typing import Any

from routing.ledger_state import WindowState, instant
from schemas.ids import event_id
from schemas.ledger import AlertRaised, Conflicted, LedgerEvent
from schemas.money import format_usd

Common = Mapping[str, Any]
"""Envelope fields of the events to come: occurred_at, tenant, request_id, causation_id, and the optional ones."""

_OVERRUN = 0
_CONFLICT = 1
_THRESHOLD = 10


def threshold_alert(
    common: Common, event: LedgerEvent, window: WindowState, charged: int, threshold: int
) -> AlertRaised:
    """Return the alert that posting ``charged`` makes a window's spending reach ``threshold`` percent of its cap."""
    spent, cap = format_usd(window.spent + charged), format_usd(window.cap or 0)
    ordinal = _THRESHOLD + 2 * threshold + (window.kind == "month")
    return _alert(
        common,
        event,
        ordinal,
        kind="budget_threshold",
        message=f"{threshold} % of the budget of this {window.kind} is spent: {spent} of {cap} dollars",
        details={
            "window": window.kind,
            "start": instant(window.start_ms).isoformat(),
            "end": instant(window.end_ms).isoformat(),
            "threshold_percent": str(threshold),
            "spent": spent,
            "cap": cap,
        },
    )


def overrun_alert(common: Common, event: LedgerEvent, overrun: int) -> AlertRaised:
    """Return the alert that a call cost more than its hold: a bound was wrong, the tenant is blocked."""
    amount = format_usd(overrun)
    return _alert(
        common,
        event,
        _OVERRUN,
        kind="budget_overrun",
        severity="critical",
        message=f"a call cost {amount} dollars more than its hold; the tenant is blocked until its windows end",
        details={"decision_id": event.decision_id, "overrun": amount},
    )


def conflict_alert(common: Common, event: Conflicted) -> AlertRaised:
    """Return the alert that a closed hold was settled again, differently; nothing was applied."""
    return _alert(
        common,
        event,
        _CONFLICT,
        kind="ledger_conflict",
        severity="critical",
        message="a closed hold was settled a second time with another amount or attempt; not applied",
        details={
            "decision_id": event.decision_id,
            "attempt_id": event.attempt_id,
            "amount": format_usd(event.amount),
        },
    )


def _alert(common: Common, event: LedgerEvent, ordinal: int, **fields: Any) -> AlertRaised:
    identity = event_id(event.tenant, AlertRaised.TYPE, event.id, ordinal)
    merged: dict[str, Any] = {**common, **fields, "id": identity}
    return AlertRaised(**merged)
