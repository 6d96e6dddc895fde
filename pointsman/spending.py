"""What tenants have spent and hold right now: their ledgers, folded from the raw log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from routing.budget_policy import BudgetPolicy
from routing.ledger import Ledger, LedgerError
from schemas import topics
from schemas.decision import WindowLine
from schemas.ledger import LedgerEvent
from schemas.partition import partition_for
from streams.log_reader import read_range
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Spending:
    """One tenant's capped windows as of now, and whether an overrun blocks it."""

    tenant: str
    lines: tuple[WindowLine, ...]
    blocked: bool


def read_spending(
    settings: Settings, partitions: int, budgets: Mapping[str, BudgetPolicy], now_ms: int
) -> list[Spending]:
    """Return the spending of each tenant of ``budgets``; reads only the partitions they live on."""
    ledgers = {tenant: Ledger(tenant) for tenant in budgets}
    _fold(settings, ledgers, {partition_for(tenant, partitions) for tenant in budgets})
    return [
        Spending(tenant, ledger.lines(budgets[tenant], now_ms), ledger.is_blocked(now_ms))
        for tenant, ledger in sorted(ledgers.items())
    ]


def _fold(settings: Settings, ledgers: Mapping[str, Ledger], partitions: Iterable[int]) -> None:
    seen: set[str] = set()
    for record in read_range(settings, {(topics.LEDGER, partition): 0 for partition in partitions}):
        ledger = ledgers.get((record.key or b"").decode(errors="replace"))
        model = topics.EVENT_TYPES.get(record.header("ce_type") or "")
        if ledger is None or model is None or not issubclass(model, LedgerEvent):
            continue
        try:
            event = model.model_validate_json(record.value or b"")
            if event.id not in seen:
                seen.add(event.id)
                ledger.apply(event)
        except (ValidationError, LedgerError):
            continue  # what the log no longer holds in full cannot be added up; the rest can
