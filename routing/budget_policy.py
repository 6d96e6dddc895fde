"""What a tenant may spend: frozen limits, as its tenant document states them. The state lives in ``routing.ledger``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """Caps in pico-dollars (None: no cap), the tenant's IANA zone, and the percentages that raise an alert.

    All caps bind at once. ``per_request`` bounds the hold of one decision.
    """

    daily: int | None = None
    monthly: int | None = None
    per_request: int | None = None
    timezone: str = "UTC"
    daily_thresholds: tuple[int, ...] = (75,)
    monthly_thresholds: tuple[int, ...] = (80,)
