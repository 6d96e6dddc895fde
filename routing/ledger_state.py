"""What the ledger of a tenant remembers: its windows and its holds, and how both are written to the changelog."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from routing.windows import WindowKind
from schemas.envelope import at_ms
from schemas.ledger import WindowBounds

WindowKey = tuple[WindowKind, int]
"""Kind and start in Unix milliseconds."""


class HoldState(StrEnum):
    """NONE is the absence of a hold. A late cost turns FORFEIT into SETTLED; nothing else leaves a closed state."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    FORFEIT = "forfeit"


@dataclass(slots=True)
class WindowState:
    """One budget window, half-open [start, end) in Unix milliseconds; amounts in pico-dollars.

    ``cap`` is the one last seen in a hold (None: no cap), ``peak_percent`` the highest share of it ever spent, and
    ``overrun`` what settlements took beyond their holds.
    """

    kind: WindowKind
    start_ms: int
    end_ms: int
    cap: int | None
    spent: int = 0
    held: int = 0
    overrun: int = 0
    peak_percent: int = 0

    def spent_percent(self, more: int = 0) -> int:
        """Return the whole percentage of the cap that is spent once ``more`` is posted; 0 without a cap."""
        spent = self.spent + more
        if self.cap is None or spent <= 0:
            return 0
        return spent * 100 // max(self.cap, 1)

    def to_bytes(self) -> bytes:
        """Return the changelog value; amounts are strings, since they pass 64 bits at nine million dollars."""
        return orjson.dumps(
            {
                "end": self.end_ms,
                "cap": None if self.cap is None else str(self.cap),
                "spent": str(self.spent),
                "held": str(self.held),
                "overrun": str(self.overrun),
                "peak": self.peak_percent,
            }
        )

    @classmethod
    def from_bytes(cls, key: WindowKey, value: bytes) -> "WindowState":
        """Return the window of a changelog value."""
        row: dict[str, Any] = orjson.loads(value)
        cap = None if row["cap"] is None else int(row["cap"])
        return cls(
            key[0], key[1], row["end"], cap, int(row["spent"]), int(row["held"]), int(row["overrun"]), row["peak"]
        )


@dataclass(slots=True)
class Hold:
    """The hold of one decision. ``charged`` is what it cost once closed, ``attempt_id`` the attempt that closed it."""

    hold_id: str
    number: int
    amount: int
    windows: tuple[WindowKey, ...]
    held_ms: int
    state: HoldState = HoldState.HELD
    charged: int = 0
    attempt_id: str | None = None
    conflicts: int = 0

    def to_bytes(self) -> bytes:
        """Return the changelog value."""
        return orjson.dumps(
            {
                "id": self.hold_id,
                "number": self.number,
                "amount": str(self.amount),
                "windows": self.windows,
                "held_at": self.held_ms,
                "state": self.state.value,
                "charged": str(self.charged),
                "attempt": self.attempt_id,
                "conflicts": self.conflicts,
            }
        )

    @classmethod
    def from_bytes(cls, value: bytes) -> "Hold":
        """Return the hold of a changelog value."""
        row: dict[str, Any] = orjson.loads(value)
        return cls(
            row["id"],
            row["number"],
            int(row["amount"]),
            tuple((kind, start) for kind, start in row["windows"]),
            row["held_at"],
            HoldState(row["state"]),
            int(row["charged"]),
            row["attempt"],
            row["conflicts"],
        )


def window_key(tenant: str, key: WindowKey) -> str:
    """Return the changelog key of a window."""
    return f"window/{tenant}/{key[0]}/{key[1]}"


def hold_key(tenant: str, decision_id: str) -> str:
    """Return the changelog key of a hold."""
    return f"hold/{tenant}/{decision_id}"


def parse_key(key: str) -> WindowKey | str:
    """Return what a changelog key names: a window, or the decision id of a hold; raises ValueError for another key."""
    match key.split("/"):
        case ["hold", _, decision_id]:
            return decision_id
        case ["window", _, "day", start]:
            return "day", int(start)
        case ["window", _, "month", start]:
            return "month", int(start)
        case _:
            raise ValueError("not a key of a ledger")


@lru_cache(maxsize=8192)
def instant(unix_ms: int) -> datetime:
    """Return the UTC instant of a window's bound; bounds repeat, so they are kept."""
    return at_ms(unix_ms)


@lru_cache(maxsize=8192)
def bounds_of(kind: WindowKind, start_ms: int, end_ms: int, cap: int | None) -> WindowBounds:
    """Return the bounds as events carry them; they repeat for every hold of a window, so they are kept."""
    return WindowBounds(window=kind, start=instant(start_ms), end=instant(end_ms), cap=cap)
