"""One tenant's money, added up from the raw ``ledger`` events alone; shares no code with the product (DESIGN 7)."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


class Violation(AssertionError):  # noqa: N818 - a finding, not a mistake of the caller
    """A promise was broken."""


def require(holds: bool, text: str) -> None:
    """Raise Violation with ``text`` unless the promise holds."""
    if not holds:
        raise Violation(text)


def pico(dollars: str) -> int:
    """Return pico-dollars of a decimal string."""
    return int(Decimal(dollars).scaleb(12))


@dataclass(slots=True)
class HeldMoney:
    """One hold: its amount, its windows, how it ended and what was charged."""

    amount: int
    windows: list[tuple[str, str]]
    state: str = "held"
    charged: int = 0


@dataclass(slots=True)
class Account:
    """Sums per window of one tenant, and its holds."""

    tenant: str
    spent: dict[tuple[str, str], int] = field(default_factory=dict)
    held: dict[tuple[str, str], int] = field(default_factory=dict)
    holds: dict[str, HeldMoney] = field(default_factory=dict)

    def add(self, event: dict[str, Any]) -> None:
        """Add the next event; raises Violation where a cap is passed or a hold is closed twice."""
        kind = event["type"].split(".")[-2]
        if kind == "held":
            self._hold(event)
            return
        require(kind != "conflicted", f"conflict on {event['decision_id']}: {event}")
        hold = self.holds.get(event["decision_id"])
        require(hold is not None, f"{kind} without a hold: {event}")
        assert hold is not None
        before = "forfeited" if kind == "adjusted" else "held"
        require(hold.state == before, f"{kind} of a hold that is {hold.state}: {event}")
        charged = 0 if kind == "released" else pico(event["amount"])
        require(charged <= hold.amount, f"charged more than held: {event}")
        self._post(hold, charged - hold.charged, hold.amount if before == "held" else 0)
        hold.state, hold.charged = kind, charged

    def _hold(self, event: dict[str, Any]) -> None:
        amount = pico(event["amount"])
        require(event["decision_id"] not in self.holds, f"held twice: {event}")
        windows: list[tuple[str, str]] = []
        for bounds in event["windows"]:
            window = (bounds["window"], bounds["start"])
            windows.append(window)
            self.held[window] = self.held.get(window, 0) + amount
            self.spent.setdefault(window, 0)
            if "cap" in bounds:
                total = self.held[window] + self.spent[window]
                require(total <= pico(bounds["cap"]), f"cap passed with {total}: {event}")
        if "per_request_cap" in event:
            require(amount <= pico(event["per_request_cap"]), f"cap of one request passed: {event}")
        self.holds[event["decision_id"]] = HeldMoney(amount, windows)

    def _post(self, hold: HeldMoney, spent: int, freed: int) -> None:
        for window in hold.windows:
            self.spent[window] += spent
            self.held[window] -= freed

    def sums(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (spent, held) of every window."""
        return {window: (spent, self.held[window]) for window, spent in self.spent.items()}
