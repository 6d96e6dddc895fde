"""The executor's core for one partition: from decisions and call records to claims, calls and commits (DESIGN 8).

Pure: no I/O, no clock, no randomness. The shell hands in records in offset order, ends of calls and the time, and
carries out the returned actions in order; a simulation does the same with a modelled log.

One attempt goes: wait (backoff, place in the queue) -> write ``call.started`` -> read it back as first claim of the
current attempt -> call -> write the end -> read the end back -> done. Everything decided is decided from what was
**read back**, so that any number of executors, also paused or restarted ones, agree.
"""

import heapq
from typing import Final

from routing import call_events
from routing.calls import Claim
from routing.dispatch_actions import (
    Action,
    Answered,
    Broke,
    CancelCall,
    CommitUpTo,
    Completion,
    Enqueue,
    Identity,
    Leave,
    PollJob,
    StartCall,
    StartTail,
    Write,
)
from routing.dispatch_items import Item, Mine, plan_of
from routing.dispatch_trail import Trail, Trails
from routing.offsets import OffsetTracker
from routing.retry import Blocked, RetryPolicy, Step, Tried, next_step
from schemas.decision import CallOrder, DecisionCancelled, RequestRefused
from schemas.envelope import to_ms
from schemas.ids import attempt_id
from schemas.provider_call import NOT_SENT, CallEvent, ExecutorStarted

UNKNOWN_AFTER_MS: Final = 30_000
"""How long after an attempt's expiry any owner may call it unknown."""


def _never_blocked(_provider: str, _model: str, _now_ms: int) -> bool:
    return False


class DispatchCore:
    """State of one partition of the executor. Every method returns the actions to carry out, in order."""

    def __init__(
        self,
        partition: int,
        identity: Identity,
        policy: RetryPolicy | None = None,
        blocked: Blocked = _never_blocked,
    ) -> None:
        self.partition = partition
        self._identity = identity
        self._policy = policy or RetryPolicy()
        self._blocked = blocked
        self._held = False
        self._draining = False
        self._mine: dict[str, Mine] = {}
        self._incarnations = {identity.instance: identity.incarnation}
        self._reset()

    def _reset(self) -> None:
        self._caught_up = False
        self._tail_start: int | None = None
        self._items: dict[str, Item] = {}
        self._trails = Trails()
        self._offsets = OffsetTracker()
        self._committed: int | None = None
        self._timers: list[tuple[int, str]] = []

    # What the shell asks -------------------------------------------------------------------------------------------

    @property
    def uncommitted(self) -> int:
        """Return the number of records read and not committable: the shell pauses the partition at 10,000."""
        return len(self._offsets)

    @property
    def idle(self) -> bool:
        """Return whether no attempt of this process is claimed or running: a lost partition may be forgotten."""
        return all(mine.state == "reported" for mine in self._mine.values())

    @property
    def quiet(self) -> bool:
        """Return whether nothing is under way, and everything reported was read back."""
        return not self._mine

    @property
    def running(self) -> tuple[str, ...]:
        """Return the attempts whose call was started and has not been completed."""
        return tuple(key for key, mine in self._mine.items() if mine.state == "running")

    def next_wakeup(self) -> int | None:
        """Return the Unix ms at which ``tick`` has something to do, or None."""
        return self._timers[0][0] if self._timers else None

    # What the shell tells ------------------------------------------------------------------------------------------

    def assigned(self) -> list[Action]:
        """Take note that the partition was gained, or regained: decisions follow from the committed offset on."""
        out: list[Action] = [Leave(item.id) for item in self._items.values() if item.step is not None]
        self._reset()
        self._held = True
        return out

    def revoked(self) -> list[Action]:
        """Take note that the partition was lost: what waits is left to the next owner, what is claimed is finished."""
        self._held = False
        lost = [
            key for key, mine in self._mine.items() if mine.state == "claimed" and mine.decision.id not in self._items
        ]
        for key in lost:
            del self._mine[key]
        busy = {mine.decision.id for mine in self._mine.values() if mine.state != "reported"}
        out: list[Action] = []
        for item in [item for item in self._items.values() if item.id not in busy]:
            self._let_go(item, out)
        return out

    def drain(self) -> list[Action]:
        """Claim nothing more; what is claimed or runs is finished and its offsets are committed as usual."""
        self._draining = True
        out: list[Action] = []
        for item in self._items.values():
            self._leave_queue(item, out)
        return out

    def decision(
        self, offset: int, event: CallOrder | RequestRefused | DecisionCancelled | None, now_ms: int
    ) -> list[Action]:
        """Take the next record of ``decisions``; None stands for one that is not a valid event."""
        out: list[Action] = []
        self._offsets.add(offset)
        if self._committed is None:
            self._committed = offset
        if isinstance(event, CallOrder) and event.execute and event.id not in self._items:
            self._tail_from(event.calls_from, out)
            self._supersede(event.supersedes, "superseded", now_ms, out)
            self._take(event, offset, now_ms, out)
        else:
            if isinstance(event, DecisionCancelled):
                self._supersede(event.decision_id, "cancelled", now_ms, out)
            self._offsets.done(offset)
        self._commit(out)
        return out

    def call(self, offset: int, event: CallEvent | ExecutorStarted, now_ms: int) -> list[Action]:
        """Take the next record of ``provider-calls``; for an invalid terminal one, the unknown it stands for."""
        out: list[Action] = []
        if isinstance(event, ExecutorStarted):
            if event.incarnation > self._incarnations.get(event.instance, 0):
                self._incarnations[event.instance] = event.incarnation
                self._advance_all(now_ms, out)
        elif self._held or event.decision_id in self._items:
            self._trails.add(offset, event)
            if (item := self._items.get(event.decision_id)) is not None:
                self._advance(item, now_ms, out)
        self._commit(out)
        return out

    def caught_up(self, now_ms: int) -> list[Action]:
        """Take note that the tail has reached the end ``provider-calls`` had when it was started: claims may follow."""
        out: list[Action] = []
        self._caught_up = True
        self._advance_all(now_ms, out)
        self._commit(out)
        return out

    def admitted(self, decision_id: str, now_ms: int) -> list[Action]:
        """Write the claim of a decision that got its place, unless it is no longer wanted."""
        item = self._items.get(decision_id)
        step = item.step if item is not None else None
        if item is None or step is None or not self._held or self._draining:
            return [Leave(decision_id)]
        out: list[Action] = []
        attempt = self._trails[decision_id].attempt
        if now_ms >= item.deadline_ms:
            self._give_up(item, attempt, "deadline", now_ms, out)
            return out
        item.step = None
        expires = min(item.deadline_ms, now_ms + step.plan.timeout_ms)
        self._mine[attempt_id(decision_id, attempt)] = Mine(item.decision, step.plan, attempt, expires, "claimed")
        event = call_events.started(item.decision, step.plan, attempt, self._identity, expires, now_ms=now_ms)
        out.append(Write(event))
        return out

    def completed(self, attempt_key: str, end: Completion, now_ms: int) -> list[Action]:
        """Journal the end of a started call, whether the partition is still held or not."""
        mine = self._mine.get(attempt_key)
        if mine is None or mine.state != "running":
            return []
        item = self._items.get(mine.decision.id)
        if isinstance(end, Answered):
            event: CallEvent = call_events.finished(
                mine.decision, mine.plan, mine.attempt, self._identity, end, now_ms=now_ms
            )
        else:
            terminal = item is None or self._ends(item, mine, end, now_ms)
            event = call_events.broke(
                mine.decision, mine.plan, mine.attempt, self._identity, end, terminal=terminal, now_ms=now_ms
            )
        mine.state = "reported"
        if item is None:
            del self._mine[attempt_key]
        return [Write(event), Leave(mine.decision.id)]

    def job_started(self, attempt_key: str, reference: dict[str, str], now_ms: int) -> list[Action]:
        """Journal the reference of the job that a started call became, so that a restarted executor polls it on."""
        mine = self._mine.get(attempt_key)
        if mine is None or mine.state != "running":
            return []
        event = call_events.job(mine.decision, mine.plan, mine.attempt, self._identity, reference, now_ms=now_ms)
        return [Write(event)]

    def tick(self, now_ms: int) -> list[Action]:
        """Take note of the time: deadlines, backoffs and expiries that are due."""
        out: list[Action] = []
        while self._timers and self._timers[0][0] <= now_ms:
            _, key = heapq.heappop(self._timers)
            if (item := self._items.get(key)) is not None:
                self._advance(item, now_ms, out)
        self._commit(out)
        return out

    # One decision --------------------------------------------------------------------------------------------------

    def _take(self, decision: CallOrder, offset: int, now_ms: int, out: list[Action]) -> None:
        deadline = to_ms(decision.deadline)
        item = self._items[decision.id] = Item(decision, offset, deadline)
        self._trails.take(decision.id)
        heapq.heappush(self._timers, (deadline, decision.id))
        self._advance(item, now_ms, out)

    def _supersede(self, decision_id: str | None, reason: str, now_ms: int, out: list[Action]) -> None:
        item = self._items.get(decision_id) if decision_id is not None else None
        if item is not None and item.drop is None:
            item.drop = reason
            self._advance(item, now_ms, out)

    def _advance_all(self, now_ms: int, out: list[Action]) -> None:
        for item in list(self._items.values()):
            self._advance(item, now_ms, out)

    def _advance(self, item: Item, now_ms: int, out: list[Action]) -> None:
        """Do whatever the log allows for this decision now; harmless when there is nothing to do."""
        trail = self._trails[item.id]
        if trail.closed:
            self._let_go(item, out)
            self._offsets.done(item.offset)
        elif self._held and not self._caught_up:
            return
        elif trail.claim is None:
            self._claim(item, trail, now_ms, out)
        elif self._is_ours(trail.claim) and trail.attempt_id in self._mine:
            self._own(item, self._mine[trail.attempt_id], now_ms, out)
        else:
            self._foreign(item, trail, trail.claim, now_ms, out)

    def _claim(self, item: Item, trail: Trail, now_ms: int, out: list[Action]) -> None:
        """Deal with a current attempt that belongs to nobody yet."""
        if trail.attempt_id in self._mine:
            return
        self._forget_earlier_claims(trail, out)
        if not self._held:
            self._let_go(item, out)
        elif item.drop is not None:
            self._give_up(item, trail.attempt, item.drop, now_ms, out)
        elif now_ms >= item.deadline_ms:
            self._give_up(item, trail.attempt, "deadline", now_ms, out)
        elif item.step is None and not self._draining:
            step = self._next_step(item, trail.tried, now_ms)
            if step is None:
                self._give_up(item, trail.attempt, "no further attempt fits", now_ms, out)
            elif step.not_before_ms > now_ms:
                heapq.heappush(self._timers, (step.not_before_ms, item.id))
            else:
                item.step = step
                out.append(Enqueue(item.id, step.plan.provider, item.decision.tenant))

    def _own(self, item: Item, mine: Mine, now_ms: int, out: list[Action]) -> None:
        """Deal with a current attempt that is ours by the log."""
        if mine.state == "claimed":
            if item.drop is not None or now_ms >= mine.expires_at_ms:
                mine.state = "reported"
                detail = item.drop or "expired before the call"
                self._write_not_sent(mine, detail, now_ms, out)
                out.append(Leave(item.id))
            else:
                mine.state = "running"
                out.append(StartCall(mine.decision, mine.plan, mine.attempt, mine.key, mine.expires_at_ms))
        elif mine.state == "running" and item.drop is not None and not mine.cancelled:
            mine.cancelled = True
            out.append(CancelCall(mine.key, item.drop))

    def _foreign(self, item: Item, trail: Trail, claim: Claim, now_ms: int, out: list[Action]) -> None:
        """Deal with a current attempt that is open and runs elsewhere, or nowhere any more."""
        decision, attempt, key = item.decision, trail.attempt, trail.attempt_id
        if key in self._mine and self._mine[key].state != "running":
            del self._mine[key]
            out.append(Leave(decision.id))
        self._leave_queue(item, out)
        if not self._held:
            self._let_go(item, out)
            return
        if item.unknown_attempt == attempt:
            return
        job = trail.calls.job
        restarted = self._incarnations.get(claim.instance, 0) > claim.incarnation
        unknown_at = claim.expires_ms + UNKNOWN_AFTER_MS
        plan = plan_of(decision, trail.model)
        if now_ms >= unknown_at or (restarted and job is None):
            item.unknown_attempt = attempt
            reason = "no end reported in time" if now_ms >= unknown_at else "the executor restarted"
            out.append(Write(call_events.unknown(decision, plan, attempt, self._identity, reason, now_ms=now_ms)))
            return
        heapq.heappush(self._timers, (unknown_at, decision.id))
        if restarted and job is not None and key not in self._mine:
            self._mine[key] = Mine(decision, plan, attempt, claim.expires_ms, "running")
            out.append(PollJob(decision, plan, attempt, key, claim.expires_ms, dict(job)))

    def _give_up(self, item: Item, attempt: int, detail: str, now_ms: int, out: list[Action]) -> None:
        """Claim the attempt by not calling: it ends the decision when it is read back as first claim."""
        plan = item.step.plan if item.step is not None else item.decision.chain[0]
        self._leave_queue(item, out)
        mine = Mine(item.decision, plan, attempt, now_ms, "reported")
        self._mine[mine.key] = mine
        self._write_not_sent(mine, detail, now_ms, out)

    def _write_not_sent(self, mine: Mine, detail: str, now_ms: int, out: list[Action]) -> None:
        event = call_events.not_sent(mine.decision, mine.plan, mine.attempt, self._identity, detail, now_ms=now_ms)
        out.append(Write(event))

    def _ends(self, item: Item, mine: Mine, end: Broke, now_ms: int) -> bool:
        """Return whether no attempt of the decision can follow this failed one."""
        if end.billed != "no" or end.category == NOT_SENT or end.partial or item.drop is not None:
            return True
        again = now_ms + end.retry_after_ms if end.retry_after_ms is not None else 0
        this = Tried(mine.plan.model, mine.plan.provider, end.category, now_ms, again)
        return self._next_step(item, (*self._trails[item.id].tried, this), now_ms) is None

    def _next_step(self, item: Item, tried: tuple[Tried, ...], now_ms: int) -> Step | None:
        jitter = int(item.id[:8], 16) / 2**32
        chain = item.decision.chain
        return next_step(self._policy, chain, tried, item.deadline_ms, jitter, now_ms=now_ms, blocked=self._blocked)

    def _is_ours(self, claim: Claim) -> bool:
        return claim.instance == self._identity.instance and claim.incarnation == self._identity.incarnation

    # Bookkeeping ---------------------------------------------------------------------------------------------------

    def _let_go(self, item: Item, out: list[Action]) -> None:
        """Have the decision in hand no longer; a call of it that still runs keeps its place until it ends."""
        last = self._trails[item.id].attempt
        self._trails.release(item.id)
        del self._items[item.id]
        busy = False
        for attempt in range(1, last + 1):
            key = attempt_id(item.id, attempt)
            mine = self._mine.get(key)
            if mine is not None and mine.state == "running":
                busy = True
            elif mine is not None:
                del self._mine[key]
        if not busy:
            out.append(Leave(item.id))

    def _leave_queue(self, item: Item, out: list[Action]) -> None:
        if item.step is not None:
            item.step = None
            out.append(Leave(item.id))

    def _forget_earlier_claims(self, trail: Trail, out: list[Action]) -> None:
        """Give back the place of a claim that lost, when the attempt it was for is over already."""
        decision_id = trail.calls.decision_id
        for attempt in range(1, trail.attempt):
            mine = self._mine.pop(attempt_id(decision_id, attempt), None)
            if mine is not None and mine.state == "claimed":
                out.append(Leave(decision_id))

    def _tail_from(self, calls_from: int, out: list[Action]) -> None:
        """Read call records from the first decision's ``calls_from``; again if one ever comes that needs older ones."""
        if self._tail_start is not None and calls_from >= self._trails.forgotten_below:
            self._trails.forget_below(calls_from)
            return
        if self._tail_start is not None and not self._caught_up:
            calls_from = min(calls_from, self._tail_start)
        self._trails.forgotten_below = calls_from
        self._tail_start = calls_from
        self._caught_up = False
        out.append(StartTail(calls_from))

    def _commit(self, out: list[Action]) -> None:
        if self._held and self._committed is not None and self._offsets.committable > self._committed:
            self._committed = self._offsets.committable
            out.append(CommitUpTo(self._committed))
