"""Money events on ``ledger``: each carries all a checker needs to add up an account from the raw log (DESIGN 7).

States of a hold: NONE -> HELD -> {SETTLED | RELEASED | FORFEIT}; an ADJUSTMENT corrects a FORFEIT in its window.
"""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from schemas.envelope import Event, Frozen
from schemas.money import Money


class WindowBounds(Frozen):
    """A budget window a hold counts in, half-open [start, end) in UTC, and the cap in force when it was held.

    Without a cap (None) the window only counts.
    """

    window: Literal["day", "month"]
    start: AwareDatetime
    end: AwareDatetime
    cap: Money | None = None


class LedgerEvent(Event):
    """Base: the hold it is about (one per decision)."""

    request_id: str
    hold_id: str
    decision_id: str


class Held(LedgerEvent):
    """``amount`` is reserved in every window of ``windows``."""

    TYPE: ClassVar[str] = "pointsman.ledger.held.v1"
    type: Literal["pointsman.ledger.held.v1"] = "pointsman.ledger.held.v1"
    number: int = 1
    """Number of the decision within its request."""
    amount: Money
    windows: tuple[WindowBounds, ...]
    per_request_cap: Money | None = None
    config_offset: int


class Settled(LedgerEvent):
    """The call's cost replaces the hold; ``overrun`` is how far the cost passed the hold (0: the bound held)."""

    TYPE: ClassVar[str] = "pointsman.ledger.settled.v1"
    type: Literal["pointsman.ledger.settled.v1"] = "pointsman.ledger.settled.v1"
    amount: Money
    attempt_id: str
    overrun: Money = 0


class Released(LedgerEvent):
    """The hold is given back in full, on proof that nothing was billed."""

    TYPE: ClassVar[str] = "pointsman.ledger.released.v1"
    type: Literal["pointsman.ledger.released.v1"] = "pointsman.ledger.released.v1"
    reason: str


class Forfeited(LedgerEvent):
    """Nobody knows whether the call was billed: the whole hold is charged."""

    TYPE: ClassVar[str] = "pointsman.ledger.forfeited.v1"
    type: Literal["pointsman.ledger.forfeited.v1"] = "pointsman.ledger.forfeited.v1"
    amount: Money
    attempt_id: str
    reason: str


class Adjusted(LedgerEvent):
    """A forfeited attempt's true cost came in late: ``difference`` is posted to its windows."""

    TYPE: ClassVar[str] = "pointsman.ledger.adjusted.v1"
    type: Literal["pointsman.ledger.adjusted.v1"] = "pointsman.ledger.adjusted.v1"
    difference: Money
    amount: Money
    attempt_id: str


class Conflicted(LedgerEvent):
    """A second, different settlement of a closed hold: recorded, alerted, never applied."""

    TYPE: ClassVar[str] = "pointsman.ledger.conflicted.v1"
    type: Literal["pointsman.ledger.conflicted.v1"] = "pointsman.ledger.conflicted.v1"
    amount: Money
    attempt_id: str


class AlertRaised(Event):
    """Something a person should know; on ``alerts``. ``kind`` is a closed set."""

    TYPE: ClassVar[str] = "pointsman.alert.raised.v1"
    type: Literal["pointsman.alert.raised.v1"] = "pointsman.alert.raised.v1"
    kind: Literal["budget_threshold", "budget_overrun", "ledger_conflict", "clock_jump", "stage_stopped", "fence_ahead"]
    severity: Literal["info", "warning", "critical"] = "warning"
    message: str
    details: dict[str, str] = {}
