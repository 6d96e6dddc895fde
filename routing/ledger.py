"""The money of one tenant: holds against budget windows, as decisions returning events and one fold applying them.

A hold goes NONE -> HELD -> {SETTLED | RELEASED | FORFEIT}, and FORFEIT -> SETTLED when the call's true cost comes late.
Deciding never changes the ledger; only ``apply`` does, with the same events live, at restore and in checks. So the
ledger is at any time the fold of the tenant's records on ``ledger``, whatever crashed in between.

The cap: spent + held <= cap holds in every window when a hold is taken, and only a hold raises that sum (a settlement
moves at most its hold; what it takes beyond, an *overrun*, is posted in full and blocks the tenant until the windows
concerned end). Time alone never gives money back. Amounts are whole pico-dollars.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Final

from routing.budget_policy import BudgetPolicy
from routing.build import build, fresh
from routing.ledger_alerts import Common, conflict_alert, overrun_alert, threshold_alert
from routing.ledger_state import (
    Hold,
    HoldState,
    WindowKey,
    WindowState,
    bounds_of,
    hold_key,
    instant,
    parse_key,
    window_key,
)
from routing.windows import WindowKind, window_bounds
from schemas.decision import WindowLine
from schemas.envelope import to_ms
from schemas.ids import event_id
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

FORGET_WINDOW_MS: Final = int(timedelta(days=31) / timedelta(milliseconds=1))
"""A window is kept this long after its end, and as long as a remembered hold counts in it."""


def _caps(policy: BudgetPolicy) -> tuple[tuple[WindowKind, int | None], ...]:
    return (("day", policy.daily), ("month", policy.monthly))


class LedgerError(Exception):
    """A caller's mistake: a hold that does not fit, or an event about a hold that is not there."""


class Ledger:
    """Windows and holds of one tenant. Single writer: the router that owns the tenant's partition."""

    KINDS: ClassVar[frozenset[str]] = frozenset({"window", "hold"})
    """First parts of the changelog keys."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.windows: dict[WindowKey, WindowState] = {}
        self.holds: dict[str, Hold] = {}
        self._dirty: dict[WindowKey | str, None] = {}
        self._blocked_until_ms = 0

    # Reading

    def lines(self, policy: BudgetPolicy, now_ms: int) -> tuple[WindowLine, ...]:
        """Return the capped windows that contain ``now_ms``, day before month, as a decision reads them."""
        return tuple(
            build(
                WindowLine,
                {
                    "window": kind,
                    "start": instant(start),
                    "end": instant(end),
                    "cap": cap,
                    "spent": spent,
                    "held": held,
                },
            )
            for kind, cap, start, end, spent, held in self._counts(policy, now_ms)
            if cap is not None
        )

    def is_blocked(self, now_ms: int) -> bool:
        """Return whether an overrun blocks the tenant: a settlement passed its hold, so a bound was no bound."""
        return now_ms < self._blocked_until_ms

    def fits(self, amount: int, policy: BudgetPolicy, now_ms: int) -> bool:
        """Return whether a hold of ``amount`` may be taken: the whole rule of admission."""
        if self.is_blocked(now_ms) or (policy.per_request is not None and amount > policy.per_request):
            return False
        return all(
            cap is None or spent + held + amount <= cap for _, cap, _, _, spent, held in self._counts(policy, now_ms)
        )

    # Deciding: returns events, changes nothing

    def hold(
        self,
        common: Common,
        decision_id: str,
        number: int,
        amount: int,
        policy: BudgetPolicy,
        now_ms: int,
        config_offset: int,
    ) -> Held:
        """Reserve ``amount`` in the day and the month of ``now_ms``; raises LedgerError where it does not fit."""
        if decision_id in self.holds:
            raise LedgerError("the decision has its hold already")
        if amount < 0 or not self.fits(amount, policy, now_ms):
            raise LedgerError("the hold does not fit")
        windows = tuple(
            bounds_of(kind, *window_bounds(kind, now_ms, policy.timezone), cap) for kind, cap in _caps(policy)
        )
        identity = event_id(self.tenant, Held.TYPE, common["causation_id"], number)
        return fresh(
            Held,
            {
                "id": identity,
                "hold_id": identity,
                "decision_id": decision_id,
                "number": number,
                "amount": amount,
                "windows": windows,
                "per_request_cap": policy.per_request,
                "config_offset": config_offset,
                **common,
            },
        )

    def settle(
        self, common: Common, decision_id: str, attempt_id: str, cost: int, policy: BudgetPolicy
    ) -> list[LedgerEvent | AlertRaised]:
        """Charge the call's cost instead of the hold; correct a forfeit; tell a second settlement from a repeat."""
        if cost < 0:
            raise LedgerError("a cost is not negative")
        hold = self._hold_of(decision_id)
        if hold.state is HoldState.HELD:
            overrun = max(0, cost - hold.amount)
            fields = self._fields(common, Settled, hold, decision_id)
            settled = fresh(Settled, {**fields, "attempt_id": attempt_id, "amount": cost, "overrun": overrun})
            return [settled, *self._alerts(common, settled, cost, overrun, policy)]
        if hold.state is HoldState.FORFEIT and hold.attempt_id == attempt_id:
            difference = cost - hold.charged
            adjusted = Adjusted(
                attempt_id=attempt_id,
                amount=cost,
                difference=difference,
                **self._fields(common, Adjusted, hold, decision_id),
            )
            return [adjusted, *self._alerts(common, adjusted, difference, max(0, difference), policy)]
        if hold.state is HoldState.SETTLED and hold.attempt_id == attempt_id and hold.charged == cost:
            return []
        return self._conflict(common, decision_id, hold, attempt_id, cost)

    def forfeit(
        self, common: Common, decision_id: str, attempt_id: str, reason: str, policy: BudgetPolicy
    ) -> list[LedgerEvent | AlertRaised]:
        """Charge the whole hold, because nobody knows whether the call was billed; nothing if the hold is closed."""
        hold = self._hold_of(decision_id)
        if hold.state is not HoldState.HELD:
            return []
        fields = self._fields(common, Forfeited, hold, decision_id)
        forfeited = Forfeited(attempt_id=attempt_id, amount=hold.amount, reason=reason, **fields)
        return [forfeited, *self._alerts(common, forfeited, hold.amount, 0, policy)]

    def release(self, common: Common, decision_id: str, reason: str) -> list[LedgerEvent | AlertRaised]:
        """Give the hold back on proof that nothing was billed; nothing if the hold is closed."""
        hold = self._hold_of(decision_id)
        if hold.state is not HoldState.HELD:
            return []
        return [Released(reason=reason, **self._fields(common, Released, hold, decision_id))]

    def thresholds(self, common: Common, held: Held, policy: BudgetPolicy) -> list[AlertRaised]:
        """Return the alerts due because ``held``, not applied yet, brings a lower cap of which more is spent."""
        alerts: list[AlertRaised] = []
        for bounds in held.windows:
            window = self.windows.get((bounds.window, to_ms(bounds.start)))
            if window is not None and window.cap != bounds.cap:
                alerts += self._reached(common, held, replace(window, cap=bounds.cap), 0, policy)
        return alerts

    # Folding

    def apply(self, event: LedgerEvent | AlertRaised) -> None:
        """Apply one event: the only way the ledger changes. Alerts and conflicts move no money."""
        if isinstance(event, Held):
            self._apply_held(event)
        elif isinstance(event, Settled):
            self._close(event, HoldState.SETTLED, event.amount, event.attempt_id, event.overrun)
        elif isinstance(event, Forfeited):
            self._close(event, HoldState.FORFEIT, event.amount, event.attempt_id, 0)
        elif isinstance(event, Released):
            self._close(event, HoldState.RELEASED, 0, None, 0)
        elif isinstance(event, Adjusted):
            self._apply_adjusted(event)
        elif isinstance(event, Conflicted):
            self._hold_of(event.decision_id).conflicts += 1
            self._dirty[event.decision_id] = None

    def forget(self, decision_id: str) -> None:
        """Forget a closed hold from which nothing more is expected; an open one stays, whatever the time."""
        hold = self.holds.get(decision_id)
        if hold is not None and hold.state is not HoldState.HELD:
            del self.holds[decision_id]
            self._dirty[decision_id] = None

    # Changelog

    def drain(self) -> dict[str, bytes | None]:
        """Return, once, the records changed since the last call; None where one is to be deleted."""
        changes = dict(self._record(key) for key in self._dirty)
        self._dirty.clear()
        return changes

    def load(self, key: str, value: bytes | None) -> None:
        """Take over one changelog record of this tenant; the newest of a key wins, keys come in any order."""
        record_key = parse_key(key)
        if isinstance(record_key, str):
            self.holds.pop(record_key, None)
            if value is not None:
                self.holds[record_key] = Hold.from_bytes(value)
            return
        self.windows.pop(record_key, None)
        if value is not None:
            window = self.windows[record_key] = WindowState.from_bytes(record_key, value)
            self._note_overrun(window)

    def snapshot(self) -> dict[str, bytes]:
        """Return every record as the changelog would hold it, in key order: equal ledgers give equal snapshots."""
        keys: list[WindowKey | str] = [*self.windows, *self.holds]
        records = [self._record(key) for key in keys]
        return {key: value for key, value in sorted(records) if value is not None}

    # Inside

    def _counts(self, policy: BudgetPolicy, now_ms: int) -> Iterator[tuple[WindowKind, int | None, int, int, int, int]]:
        """Yield kind, cap, start, end, spent, held of the day and the month."""
        for kind, cap in _caps(policy):
            start, end = window_bounds(kind, now_ms, policy.timezone)
            window = self.windows.get((kind, start))
            yield (
                (kind, cap, start, end, 0, 0) if window is None else (kind, cap, start, end, window.spent, window.held)
            )

    def _hold_of(self, decision_id: str) -> Hold:
        hold = self.holds.get(decision_id)
        if hold is None:
            raise LedgerError("no such hold")
        return hold

    def _record(self, key: WindowKey | str) -> tuple[str, bytes | None]:
        if isinstance(key, str):
            hold = self.holds.get(key)
            return hold_key(self.tenant, key), None if hold is None else hold.to_bytes()
        window = self.windows.get(key)
        return window_key(self.tenant, key), None if window is None else window.to_bytes()

    def _fields(self, common: Common, type_: type[LedgerEvent], hold: Hold, decision_id: str) -> dict[str, Any]:
        return {
            **common,
            "id": event_id(self.tenant, type_.TYPE, common["causation_id"], hold.number),
            "hold_id": hold.hold_id,
            "decision_id": decision_id,
        }

    def _alerts(
        self, common: Common, event: LedgerEvent, charged: int, overrun: int, policy: BudgetPolicy
    ) -> list[AlertRaised]:
        """Return the alerts of posting ``charged``: thresholds reached for the first time, and an overrun."""
        alerts: list[AlertRaised] = []
        for key in self.holds[event.decision_id].windows:
            alerts += self._reached(common, event, self.windows[key], charged, policy)
        if overrun:
            alerts.append(overrun_alert(common, event, overrun))
        return alerts

    @staticmethod
    def _reached(
        common: Common, event: LedgerEvent, window: WindowState, charged: int, policy: BudgetPolicy
    ) -> list[AlertRaised]:
        percent = window.spent_percent(charged)
        if percent <= window.peak_percent:
            return []
        thresholds = policy.daily_thresholds if window.kind == "day" else policy.monthly_thresholds
        return [
            threshold_alert(common, event, window, charged, threshold)
            for threshold in thresholds
            if window.peak_percent < threshold <= percent
        ]

    def _conflict(
        self, common: Common, decision_id: str, hold: Hold, attempt_id: str, cost: int
    ) -> list[LedgerEvent | AlertRaised]:
        ordinal = hold.number * 1000 + hold.conflicts
        fields = self._fields(common, Conflicted, hold, decision_id)
        fields["id"] = event_id(self.tenant, Conflicted.TYPE, common["causation_id"], ordinal)
        conflicted = Conflicted(attempt_id=attempt_id, amount=cost, **fields)
        return [conflicted, conflict_alert(common, conflicted)]

    def _apply_held(self, event: Held) -> None:
        if event.decision_id in self.holds:
            raise LedgerError("the decision has its hold already")
        held_ms = to_ms(event.occurred_at)
        keys: list[WindowKey] = []
        for bounds in event.windows:
            key = (bounds.window, to_ms(bounds.start))
            window = self.windows.get(key)
            if window is None:
                self._prune_windows(held_ms)
                window = self.windows[key] = WindowState(*key, to_ms(bounds.end), bounds.cap)
            window.cap = bounds.cap
            window.held += event.amount
            window.peak_percent = max(window.peak_percent, window.spent_percent())
            self._dirty[key] = None
            keys.append(key)
        self.holds[event.decision_id] = Hold(event.hold_id, event.number, event.amount, tuple(keys), held_ms)
        self._dirty[event.decision_id] = None

    def _close(self, event: LedgerEvent, state: HoldState, charged: int, attempt_id: str | None, overrun: int) -> None:
        hold = self._hold_of(event.decision_id)
        if hold.state is not HoldState.HELD:
            raise LedgerError("the hold is closed")
        hold.state, hold.charged, hold.attempt_id = state, charged, attempt_id
        self._post(hold, charged, hold.amount, overrun)
        self._dirty[event.decision_id] = None

    def _apply_adjusted(self, event: Adjusted) -> None:
        hold = self._hold_of(event.decision_id)
        if hold.state is not HoldState.FORFEIT:
            raise LedgerError("only a forfeit is adjusted")
        hold.state, hold.charged = HoldState.SETTLED, event.amount
        self._post(hold, event.difference, 0, max(0, event.difference))
        self._dirty[event.decision_id] = None

    def _post(self, hold: Hold, spent: int, freed: int, overrun: int) -> None:
        for key in hold.windows:
            window = self.windows[key]
            window.spent += spent
            window.held -= freed
            window.overrun += overrun
            window.peak_percent = max(window.peak_percent, window.spent_percent())
            self._dirty[key] = None
            self._note_overrun(window)

    def _prune_windows(self, now_ms: int) -> None:
        """Forget windows that ended long ago; called when a window begins, so it depends on the folded events alone."""
        ended = sorted(key for key, window in self.windows.items() if window.end_ms <= now_ms - FORGET_WINDOW_MS)
        if ended:
            counted = {key for hold in self.holds.values() for key in hold.windows}
            for key in ended:
                if key not in counted:
                    del self.windows[key]
                    self._dirty[key] = None

    def _note_overrun(self, window: WindowState) -> None:
        if window.overrun:
            self._blocked_until_ms = max(self._blocked_until_ms, window.end_ms)
