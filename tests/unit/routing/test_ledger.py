"""The ledger of one tenant, case by case; ``test_ledger_machine`` searches for what these leave out."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from routing.budget_policy import BudgetPolicy
from routing.ledger import FORGET_WINDOW_MS, Ledger, LedgerError
from routing.ledger_state import HoldState
from schemas.envelope import at_ms, to_ms
from schemas.ledger import (
    Adjusted,
    AlertRaised,
    Conflicted,
    Forfeited,
    Held,
    LedgerEvent,
    Released,
    Settled,
)
from schemas.money import PICO

NOON = to_ms(datetime(2026, 3, 10, 12, tzinfo=UTC))
DAY_MS = 86_400_000
POLICY = BudgetPolicy(daily=10 * PICO, monthly=100 * PICO)


def common(now_ms: int = NOON, request: str = "r1") -> dict[str, Any]:
    return {
        "occurred_at": at_ms(now_ms),
        "tenant": "acme",
        "request_id": request,
        "user": "ann",
        "conversation_id": None,
        "causation_id": f"cause-{request}",
        "traceparent": None,
    }


class Book:
    """A ledger with everything it ever folded."""

    def __init__(self, policy: BudgetPolicy = POLICY) -> None:
        self.policy = policy
        self.ledger = Ledger("acme")
        self.log: list[LedgerEvent | AlertRaised] = []

    def fold(self, *events: LedgerEvent | AlertRaised) -> list[LedgerEvent | AlertRaised]:
        for event in events:
            self.ledger.apply(event)
            self.log.append(event)
        return list(events)

    def hold(self, decision: str, amount: int, now_ms: int = NOON) -> Held:
        held = self.ledger.hold(common(now_ms, decision), decision, 1, amount, self.policy, now_ms, 7)
        self.fold(held)
        return held

    def settle(self, decision: str, cost: int, attempt: str = "a1") -> list[LedgerEvent | AlertRaised]:
        return self.fold(*self.ledger.settle(common(request=decision), decision, attempt, cost, self.policy))

    def forfeit(self, decision: str, attempt: str = "a1") -> list[LedgerEvent | AlertRaised]:
        return self.fold(*self.ledger.forfeit(common(request=decision), decision, attempt, "timeout", self.policy))

    def release(self, decision: str) -> list[LedgerEvent | AlertRaised]:
        return self.fold(*self.ledger.release(common(request=decision), decision, "not_sent"))

    def day(self, now_ms: int = NOON) -> tuple[int, int]:
        line = self.ledger.lines(self.policy, now_ms)[0]
        return line.spent, line.held


def test_a_hold_that_fills_the_cap_fits_and_one_more_pico_does_not() -> None:
    """A cap is reached exactly, never passed: invariants 1 and 12 (B1)."""
    book = Book()
    book.hold("d1", 4 * PICO)
    assert book.ledger.fits(6 * PICO, POLICY, NOON)
    assert not book.ledger.fits(6 * PICO + 1, POLICY, NOON)
    with pytest.raises(LedgerError):
        book.hold("d2", 6 * PICO + 1)
    book.hold("d2", 6 * PICO)
    assert book.day() == (0, 10 * PICO)
    assert book.ledger.fits(0, POLICY, NOON)
    assert not book.ledger.fits(1, POLICY, NOON)


def test_day_month_and_request_bind_together() -> None:
    """The narrowest of daily, monthly and per-request cap decides (B1)."""
    policy = BudgetPolicy(daily=10, monthly=15, per_request=8)
    book = Book(policy)
    assert [book.ledger.fits(amount, policy, NOON) for amount in (8, 9)] == [True, False]
    book.hold("d1", 8)
    book.settle("d1", 8)
    assert [book.ledger.fits(amount, policy, NOON) for amount in (2, 3)] == [True, False]
    tomorrow = NOON + DAY_MS
    assert [book.ledger.fits(amount, policy, tomorrow) for amount in (7, 8)] == [True, False]


def test_without_caps_money_is_counted_all_the_same() -> None:
    """A tenant without caps has no lines, yet day and month are known once a cap comes (B1)."""
    book = Book(BudgetPolicy())
    book.hold("d1", 5)
    book.settle("d1", 3)
    assert book.ledger.lines(book.policy, NOON) == ()
    capped = BudgetPolicy(daily=4, monthly=4)
    assert [line.spent for line in book.ledger.lines(capped, NOON)] == [3, 3]
    assert book.ledger.fits(1, capped, NOON)
    assert not book.ledger.fits(2, capped, NOON)


def test_a_hold_carries_all_a_checker_needs() -> None:
    """A held event has amount, window bounds, caps and config version, so that the raw log adds up by itself."""
    held = Book(replace(POLICY, timezone="America/New_York", per_request=3 * PICO)).hold("d1", PICO)
    day, month = held.windows
    assert (day.window, day.start, day.cap) == ("day", datetime(2026, 3, 10, 4, tzinfo=UTC), 10 * PICO)
    assert day.end == datetime(2026, 3, 11, 4, tzinfo=UTC)
    assert (month.window, month.start, month.cap) == ("month", datetime(2026, 3, 1, 5, tzinfo=UTC), 100 * PICO)
    assert (held.per_request_cap, held.config_offset, held.hold_id) == (3 * PICO, 7, held.id)


def test_a_settlement_replaces_the_hold_by_the_cost() -> None:
    """What was held and not used is free again as soon as the call is settled."""
    book = Book()
    book.hold("d1", 5 * PICO)
    (settled,) = book.settle("d1", 2 * PICO)
    assert isinstance(settled, Settled)
    assert (settled.amount, settled.overrun, settled.attempt_id) == (2 * PICO, 0, "a1")
    assert book.day() == (2 * PICO, 0)


def test_an_unknown_call_charges_the_whole_hold_and_its_late_cost_corrects_it() -> None:
    """A forfeit charges the hold at once; the true cost that comes later is adjusted in the original window: (8)."""
    book = Book()
    book.hold("d1", 5 * PICO)
    (forfeited,) = book.forfeit("d1")
    assert isinstance(forfeited, Forfeited)
    assert (forfeited.amount, book.day()) == (5 * PICO, (5 * PICO, 0))
    tomorrow = NOON + DAY_MS
    events = book.ledger.settle(common(tomorrow, "d1"), "d1", "a1", 2 * PICO, POLICY)
    (adjusted,) = book.fold(*events)
    assert isinstance(adjusted, Adjusted)
    assert (adjusted.amount, adjusted.difference) == (2 * PICO, -3 * PICO)
    assert (book.day(), book.day(tomorrow)) == ((2 * PICO, 0), (0, 0))
    assert book.ledger.holds["d1"].state is HoldState.SETTLED


def test_repeats_are_no_ops() -> None:
    """The same settlement, forfeit or release a second time writes nothing: invariant 5."""
    book = Book()
    for decision in ("s", "f", "r"):
        book.hold(decision, PICO)
    book.settle("s", 1)
    book.forfeit("f")
    book.release("r")
    before = book.ledger.snapshot()
    assert [book.settle("s", 1), book.forfeit("f"), book.release("r"), book.release("s"), book.forfeit("s")] == [[]] * 5
    assert [book.release("f"), book.forfeit("r")] == [[], []]
    assert book.ledger.snapshot() == before


@pytest.mark.parametrize("how", ["settled", "released", "forfeit of another attempt", "adjusted"])
def test_a_second_settlement_is_a_conflict_and_never_applied(how: str) -> None:
    """A different settlement of a closed hold is recorded and alerted once each, and moves no money: invariant 5."""
    book = Book()
    book.hold("d1", 5)
    if how == "settled":
        book.settle("d1", 3)
    elif how == "released":
        book.release("d1")
    else:
        book.forfeit("d1", "a1" if how == "adjusted" else "a2")
        if how == "adjusted":
            book.settle("d1", 3)
    money = book.day()
    conflict, alert = book.settle("d1", 4)
    again, _ = book.settle("d1", 4)
    assert isinstance(conflict, Conflicted)
    assert isinstance(alert, AlertRaised)
    assert (alert.kind, alert.severity) == ("ledger_conflict", "critical")
    assert conflict.id != again.id
    assert book.day() == money


def test_an_overrun_is_posted_in_full_and_blocks_the_tenant() -> None:
    """A cost above its hold is charged completely, alerted, and nothing more is admitted: invariant 9."""
    book = Book()
    book.hold("d1", 2)
    settled, alert = book.settle("d1", 7)
    assert isinstance(settled, Settled)
    assert isinstance(alert, AlertRaised)
    assert (settled.overrun, alert.kind, book.day()) == (5, "budget_overrun", (7, 0))
    assert book.ledger.is_blocked(NOON)
    assert not book.ledger.fits(0, POLICY, NOON)
    assert book.ledger.is_blocked(NOON + 2 * DAY_MS)
    assert not book.ledger.is_blocked(to_ms(datetime(2026, 4, 1, tzinfo=UTC)))


def test_a_late_cost_above_the_forfeit_is_an_overrun_too() -> None:
    """An adjustment upwards is posted in full and blocks as well: invariant 9."""
    book = Book()
    book.hold("d1", 2)
    book.forfeit("d1")
    adjusted, alert = book.settle("d1", 3)
    assert isinstance(adjusted, Adjusted)
    assert isinstance(alert, AlertRaised)
    assert (adjusted.difference, alert.kind, book.ledger.is_blocked(NOON)) == (1, "budget_overrun", True)


def test_a_settlement_counts_in_the_window_of_its_hold() -> None:
    """Midnight passes between hold and settlement: the old window pays, the new one is untouched: invariant 9."""
    book = Book()
    book.hold("d1", 5)
    tomorrow = NOON + DAY_MS
    book.fold(*book.ledger.settle(common(tomorrow, "d1"), "d1", "a1", 4, POLICY))
    assert (book.day(), book.day(tomorrow)) == ((4, 0), (0, 0))


def test_time_alone_frees_nothing() -> None:
    """An open hold stays through months and cannot be forgotten: invariant 8."""
    book = Book()
    book.hold("d1", 5)
    book.hold("later", 1, NOON + 3 * FORGET_WINDOW_MS)
    book.ledger.forget("d1")
    assert book.day() == (0, 5)


def test_a_lower_cap_blocks_new_holds_and_cancels_none() -> None:
    """Lowering a cap below what is held leaves the holds and refuses new ones: invariant 1."""
    book = Book()
    book.hold("d1", 8 * PICO)
    book.policy = replace(POLICY, daily=2 * PICO)
    assert not book.ledger.fits(1, book.policy, NOON)
    assert book.day() == (0, 8 * PICO)
    book.settle("d1", PICO)
    assert book.ledger.fits(PICO, book.policy, NOON)


def alerts(events: list[LedgerEvent | AlertRaised]) -> list[tuple[str, str]]:
    return [
        (event.details["window"], event.details["threshold_percent"])
        for event in events
        if isinstance(event, AlertRaised)
    ]


def test_each_threshold_alerts_once_per_window() -> None:
    """75 % of the day alerts once, 80 % of the month once, however often spending crosses it (B3)."""
    book = Book(BudgetPolicy(daily=100, monthly=110, daily_thresholds=(50, 75)))
    for decision in ("d1", "d2", "d3", "d4"):
        book.hold(decision, 25)
    assert alerts(book.settle("d1", 25)) == []
    assert alerts(book.forfeit("d2")) == [("day", "50")]
    assert alerts(book.settle("d2", 1)) == []
    assert alerts(book.settle("d3", 24)) == []
    assert alerts(book.settle("d4", 25)) == [("day", "75")]
    book.hold("d5", 25)
    assert alerts(book.settle("d5", 25)) == [("month", "80")]


def test_a_lowered_cap_alerts_with_the_next_hold() -> None:
    """What is spent can pass a threshold because the cap came down; the next hold tells, once (B3)."""
    book = Book(BudgetPolicy(daily=100))
    book.hold("d1", 50)
    book.settle("d1", 50)
    book.policy = BudgetPolicy(daily=60)
    for decision, expected in (("d2", [("day", "75")]), ("d3", [])):
        held = book.ledger.hold(common(request=decision), decision, 1, 1, book.policy, NOON, 8)
        assert alerts([*book.ledger.thresholds(common(request=decision), held, book.policy)]) == expected
        book.fold(held)


def test_ids_repeat_when_the_cause_does() -> None:
    """Deciding the same thing twice gives the same events, byte for byte, and decides nothing by itself."""
    book, again = Book(BudgetPolicy(daily=10)), Book(BudgetPolicy(daily=10))
    for each in (book, again):
        each.hold("d1", 9)
        each.ledger.settle(common(request="d1"), "d1", "a1", 9, each.policy)
        each.settle("d1", 9)
    assert [event.to_json() for event in book.log] == [event.to_json() for event in again.log]
    assert len({event.id for event in book.log}) == len(book.log)


def test_the_changelog_restores_the_ledger() -> None:
    """The newest record of each key, in any order, gives the same ledger; deleted keys are tombstones."""
    book = Book(replace(POLICY, timezone="Asia/Kathmandu"))
    changelog: dict[str, bytes | None] = {}
    for decision, amount in (("d1", 3), ("d2", 9_300_000 * PICO), ("d3", 1)):
        book.policy = replace(POLICY, daily=10**7 * PICO, monthly=None)
        book.hold(decision, amount)
        changelog |= book.ledger.drain()
    book.settle("d1", 99)
    book.forfeit("d2")
    changelog |= book.ledger.drain()
    book.ledger.forget("d1")
    changelog |= book.ledger.drain()
    assert changelog["hold/acme/d1"] is None
    restored = Ledger("acme")
    for key, value in reversed(changelog.items()):
        restored.load(key, value)
    assert restored.snapshot() == book.ledger.snapshot()
    assert restored.is_blocked(NOON)
    assert restored.drain() == {}


def test_a_change_costs_a_constant_number_of_records() -> None:
    """A hold or a settlement writes one hold and two windows, however much is open (DESIGN 6.2)."""
    book = Book()
    for number in range(50):
        book.hold(f"d{number}", 1)
        assert len(book.ledger.drain()) == 3
    book.settle("d7", 1)
    assert sorted(key.split("/")[0] for key in book.ledger.drain()) == ["hold", "window", "window"]


def test_windows_of_last_month_are_forgotten_when_nothing_counts_in_them() -> None:
    """A window that ended over a month ago goes with the next new window, unless a hold still counts in it."""
    book = Book()
    book.hold("open", 1, NOON)
    book.hold("closed", 1, NOON + DAY_MS)
    book.release("closed")
    book.ledger.forget("closed")
    book.ledger.drain()
    book.hold("new", 1, NOON + 3 * FORGET_WINDOW_MS)
    dropped = [key for key, value in book.ledger.drain().items() if value is None]
    assert dropped == [f"window/acme/day/{to_ms(datetime(2026, 3, 11, tzinfo=UTC))}"]


def test_a_caller_that_is_wrong_is_told() -> None:
    """A second hold, a negative amount, an unknown hold, a foreign key: each is refused, not guessed about."""
    book = Book()
    book.hold("d1", 1)
    for wrong in (
        lambda: book.hold("d1", 1),
        lambda: book.hold("d2", -1),
        lambda: book.settle("d1", -1),
        lambda: book.settle("nobody", 1),
        lambda: book.ledger.apply(book.log[0]),
    ):
        with pytest.raises(LedgerError):
            wrong()
    with pytest.raises(ValueError, match="key"):
        book.ledger.load("dedupe/acme/x", b"{}")
    assert isinstance(book.release("d1")[0], Released)
