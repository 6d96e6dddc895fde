"""Random histories of one tenant's money against a second account kept from the raw events alone.

The second account (``Account``) reads the JSON of the events, as a checker of the topic would, and shares no code with
the ledger: it knows only what reliability invariants 1, 4-13 and 16 say.
"""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from routing.budget_policy import BudgetPolicy
from routing.ledger import Ledger, LedgerError
from routing.windows import window_bounds
from schemas.envelope import at_ms
from schemas.ledger import AlertRaised, Conflicted, LedgerEvent

START = 1_772_000_000_000
HOUR = 3_600_000
AMOUNTS = st.integers(0, 60)
CAPS = st.one_of(st.none(), st.integers(20, 400), st.integers(0, 10))
PICO_PLACES = Decimal(10) ** 12


class Account:
    """Adds up the events of one tenant: (window, start) -> spent and held, decision -> how its hold ended."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], int] = {}
        self.held: dict[tuple[str, str], int] = {}
        self.ends: dict[tuple[str, str], str] = {}
        self.holds: dict[str, tuple[int, list[tuple[str, str]]]] = {}
        self.state: dict[str, str] = {}
        self.charged: dict[str, int] = {}
        self.ids: set[str] = set()
        self.overrun_ends: list[str] = []

    def read(self, raw: bytes) -> None:
        event = json.loads(raw)
        assert event["id"] not in self.ids, "every event has an id of its own"
        self.ids.add(event["id"])
        kind = event["type"].split(".")[-2]
        if kind in {"raised", "conflicted"}:
            return
        decision = event["decision_id"]
        if kind == "held":
            self._held(decision, event)
            return
        amount, windows = self.holds[decision]
        money = self._pico(event["amount"]) if "amount" in event else 0
        before = self.state[decision]
        if kind == "adjusted":
            assert before == "forfeited"
            assert self._pico(event["difference"]) == money - amount
            self._post(windows, money - amount, 0)
        else:
            assert before == "held", "a hold is closed once (5)"
            assert money == (0 if kind == "released" else amount if kind == "forfeited" else money)
            self._post(windows, money, amount)
        self.state[decision], self.charged[decision] = kind, money
        if money > amount:
            self.overrun_ends += [self.ends[window] for window in windows]

    def _held(self, decision: str, event: dict[str, Any]) -> None:
        assert decision not in self.holds
        amount = self._pico(event["amount"])
        windows = []
        for bounds in event["windows"]:
            window = (bounds["window"], bounds["start"])
            windows.append(window)
            self.held[window] = self.held.get(window, 0) + amount
            self.spent.setdefault(window, 0)
            self.ends[window] = bounds["end"]
            if "cap" in bounds:
                total = self.held[window] + self.spent[window]
                assert total <= self._pico(bounds["cap"]), "a cap is never passed by a hold (1)"
        if "per_request_cap" in event:
            assert amount <= self._pico(event["per_request_cap"])
        assert all(end <= event["occurred_at"] for end in self.overrun_ends), "an overrun blocks (9)"
        self.holds[decision], self.state[decision] = (amount, windows), "held"

    def _post(self, windows: list[tuple[str, str]], spent: int, freed: int) -> None:
        for window in windows:
            self.spent[window] += spent
            self.held[window] -= freed

    def fits(self, amount: int, now: str, windows: list[tuple[str, str, int | None]], per_request: int | None) -> bool:
        if any(end > now for end in self.overrun_ends) or (per_request is not None and amount > per_request):
            return False
        return all(
            cap is None or self.spent.get((kind, start), 0) + self.held.get((kind, start), 0) + amount <= cap
            for kind, start, cap in windows
        )

    @staticmethod
    def _pico(text: str) -> int:
        assert isinstance(text, str), "money in JSON is a decimal string (16)"
        amount = Decimal(text) * PICO_PLACES
        assert amount == int(amount)
        return int(amount)


def text_of(unix_ms: int) -> str:
    return at_ms(unix_ms).isoformat().replace("+00:00", "Z")


class LedgerMachine(RuleBasedStateMachine):
    """Holds, settles, forfeits, repeats, restores and forgets in any order, over days and changing caps."""

    opened = Bundle("opened")
    forfeited = Bundle("forfeited")
    closed = Bundle("closed")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger("acme")
        self.account = Account()
        self.policy = BudgetPolicy(daily=100, monthly=150)
        self.now = START
        self.count = 0
        self.history: list[LedgerEvent | AlertRaised | str] = []
        self.changelog: dict[str, bytes] = {}
        self.bill = 0
        self.fired: set[tuple[str, str, str]] = set()

    def common(self, decision: str) -> dict[str, Any]:
        return {"occurred_at": at_ms(self.now), "tenant": "acme", "request_id": decision, "causation_id": decision}

    def fold(self, events: list[LedgerEvent | AlertRaised]) -> None:
        for event in events:
            self.account.read(event.to_json())
            if isinstance(event, AlertRaised) and event.kind == "budget_threshold":
                details = event.details
                alert = (details["window"], details["start"], details["threshold_percent"])
                assert alert not in self.fired, "a threshold alerts once per window"
                self.fired.add(alert)
            self.ledger.apply(event)
            self.history.append(event)

    @rule(target=opened, amount=AMOUNTS)
    def hold(self, amount: int) -> tuple[str, int]:
        """A hold is taken exactly when the account says that it fits: not over the cap (1), not denied falsely (12)."""
        self.count += 1
        decision = f"d{self.count}"
        policy = self.policy
        windows = [
            ("day", text_of(window_bounds("day", self.now, policy.timezone)[0]), policy.daily),
            ("month", text_of(window_bounds("month", self.now, policy.timezone)[0]), policy.monthly),
        ]
        expected = self.account.fits(amount, text_of(self.now), windows, policy.per_request)
        assert self.ledger.fits(amount, policy, self.now) == expected
        try:
            held = self.ledger.hold(self.common(decision), decision, 1, amount, policy, self.now, 1)
        except LedgerError:
            assert not expected
            return decision, -1
        assert expected
        self.fold([held, *self.ledger.thresholds(self.common(decision), held, policy)])
        return decision, amount

    @rule(target=closed, hold=consumes(opened), share=st.integers(0, 100))
    def settle(self, hold: tuple[str, int], share: int) -> tuple[str, int]:
        """An honest bill is at most its hold."""
        decision, amount = hold
        if amount >= 0:
            self.bill += amount * share // 100
            self.fold(self.ledger.settle(self.common(decision), decision, "a1", amount * share // 100, self.policy))
        return hold

    @rule(target=closed, hold=consumes(opened))
    def release(self, hold: tuple[str, int]) -> tuple[str, int]:
        if hold[1] >= 0:
            self.fold(self.ledger.release(self.common(hold[0]), hold[0], "not_sent"))
        return hold

    @rule(target=forfeited, hold=consumes(opened), share=st.integers(0, 100))
    def forfeit(self, hold: tuple[str, int], share: int) -> tuple[str, int, int]:
        """Nobody knows, but the provider has billed something."""
        decision, amount = hold
        if amount >= 0:
            self.bill += amount * share // 100
            self.fold(self.ledger.forfeit(self.common(decision), decision, "a1", "timeout", self.policy))
        return decision, amount, amount * share // 100

    @rule(target=closed, hold=consumes(forfeited))
    def settle_late(self, hold: tuple[str, int, int]) -> tuple[str, int]:
        """The true cost comes after the forfeit."""
        decision, amount, cost = hold
        if amount >= 0:
            self.fold(self.ledger.settle(self.common(decision), decision, "a1", cost, self.policy))
            assert self.account.charged[decision] == cost
        return decision, amount

    @precondition(lambda self: self.count > 4)
    @rule(target=closed, hold=consumes(opened), more=st.integers(1, 50))
    def overrun(self, hold: tuple[str, int], more: int) -> tuple[str, int]:
        """A wrong bound: posted in full, the tenant is blocked."""
        decision, amount = hold
        if amount >= 0:
            self.bill += amount + more
            self.fold(self.ledger.settle(self.common(decision), decision, "a1", amount + more, self.policy))
            assert self.ledger.is_blocked(self.now) == any(end > text_of(self.now) for end in self.account.overrun_ends)
        return hold

    @rule(hold=closed, cost=AMOUNTS, again=st.booleans())
    def repeat(self, hold: tuple[str, int], cost: int, again: bool) -> None:
        """Whatever comes after the end moves no money: a repeat is nothing, another settlement a conflict (5)."""
        decision, amount = hold
        if amount < 0 or decision not in self.ledger.holds:
            return
        money = dict(self.account.spent), dict(self.account.held)
        same = again and self.account.state[decision] in {"settled", "adjusted"}
        cost = self.account.charged[decision] if again else cost
        events = self.ledger.settle(self.common(decision), decision, "a1" if again else "a2", cost, self.policy)
        expected: list[type] = [] if same else [Conflicted, AlertRaised]
        assert [type(event) for event in events] == expected
        self.fold(events)
        assert self.ledger.forfeit(self.common(decision), decision, "a1", "late", self.policy) == []
        assert self.ledger.release(self.common(decision), decision, "late") == []
        assert (self.account.spent, self.account.held) == money

    @rule(hold=forfeited, cost=AMOUNTS)
    def contradict(self, hold: tuple[str, int, int], cost: int) -> None:
        """A cost of another attempt than the forfeited one is a conflict (5)."""
        if hold[1] >= 0 and hold[0] in self.ledger.holds:
            events = self.ledger.settle(self.common(hold[0]), hold[0], "a2", cost, self.policy)
            assert isinstance(events[0], Conflicted)
            self.fold(events)

    @rule(hours=st.sampled_from((1, 6, 24, 24 * 9, 24 * 40)))
    def wait(self, hours: int) -> None:
        """Time passes; it frees nothing (8)."""
        self.now += hours * HOUR

    @rule(daily=CAPS, monthly=CAPS, per_request=CAPS)
    def change_caps(self, daily: int | None, monthly: int | None, per_request: int | None) -> None:
        self.policy = replace(self.policy, daily=daily, monthly=monthly, per_request=per_request)

    @rule(timezone=st.sampled_from(("UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")))
    def move(self, timezone: str) -> None:
        self.policy = replace(self.policy, timezone=timezone)

    @rule(hold=st.one_of(closed, opened))
    def forget(self, hold: tuple[str, int]) -> None:
        """What is closed may be forgotten; an open hold stays (8)."""
        is_open = self.account.state.get(hold[0]) == "held"
        self.ledger.forget(hold[0])
        assert (hold[0] in self.ledger.holds) == is_open
        self.history.append(hold[0])

    @rule()
    def restore(self) -> None:
        """A router that takes over restores the ledger from the changelog."""
        self.keep_changelog()
        restored = Ledger("acme")
        for key, value in sorted(self.changelog.items(), reverse=True):
            restored.load(key, value)
        assert restored.is_blocked(self.now) == self.ledger.is_blocked(self.now)
        self.ledger = restored

    @invariant()
    def keep_changelog(self) -> None:
        """The changelog equals the ledger at any prefix (10)."""
        for key, value in self.ledger.drain().items():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        assert self.changelog == self.ledger.snapshot()

    @invariant()
    def totals_agree(self) -> None:
        """Spent and held of every window are what the raw events add up to, and no sum is negative (10, 16)."""
        for (kind, start_ms), window in self.ledger.windows.items():
            key = (kind, text_of(start_ms))
            assert (window.spent, window.held) == (self.account.spent[key], self.account.held[key])
            assert window.spent >= 0
            assert window.held >= 0

    @invariant()
    def bills_are_covered(self) -> None:
        """What is charged covers what the providers billed (10)."""
        assert sum(self.account.charged.values()) >= self.bill

    def teardown(self) -> None:
        """Folding the log from the start gives the same ledger, byte for byte (10)."""
        folded = Ledger("acme")
        for step in self.history:
            if isinstance(step, str):
                folded.forget(step)
            else:
                folded.apply(step)
        assert folded.snapshot() == self.ledger.snapshot()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
