"""A modelled log for one partition and executors over it: what is written appears in the log, and is read when told."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from routing.call_events import executor_started
from routing.dispatch import DispatchCore
from routing.dispatch_actions import (
    Action,
    Answered,
    CancelCall,
    CommitUpTo,
    Completion,
    Enqueue,
    Identity,
    PollJob,
    StartCall,
    StartTail,
    Write,
)
from schemas.decision import (
    AttemptPlan,
    DecisionCancelled,
    DecisionMade,
    HoldTerms,
    Position,
    RequestRefused,
    SignalsView,
    View,
)
from schemas.envelope import Event, at_ms
from schemas.ids import uuid5_of
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallStarted, CallUnknown, ExecutorStarted
from schemas.usage import Usage

NOW = 1_770_000_000_000
ANSWER = Answered(usage=Usage(input_tokens=10, output_tokens=5), cost=1_000, latency_ms=100, content="hello")


def plan(model: str, provider: str = "p", timeout_ms: int = 10_000) -> AttemptPlan:
    return AttemptPlan(
        model=model,
        provider=provider,
        provider_model=model,
        max_output_tokens=100,
        timeout_ms=timeout_ms,
        bound=5_000,
        estimated_cost=1_000,
        estimated_latency_ms=100,
    )


def decision(name: str, calls_from: int = 0, **given: Any) -> DecisionMade:
    """A decision whose id follows from ``name``; ``in_ms`` until its deadline."""
    chain = given.pop("chain", (plan("m1"), plan("m2"), plan("m3")))
    in_ms = given.pop("in_ms", 60_000)
    values: dict[str, Any] = {
        "id": uuid5_of((name,)),
        "occurred_at": at_ms(NOW),
        "tenant": "acme",
        "request_id": f"r-{name}",
        "model": chain[0].model,
        "chain": chain,
        "tier": 3,
        "signals": SignalsView(),
        "task_type": "general",
        "complexity": "simple",
        "confidence": 1.0,
        "reason": "it is the default",
        "reason_codes": ("default",),
        "badge": "Auto",
        "candidates": (),
        "input_tokens": 10,
        "output_tokens": 5,
        "policy": "default@1",
        "catalog": "models@1",
        "price_book": "current@1",
        "number": 1,
        "deadline": at_ms(NOW) + timedelta(milliseconds=in_ms),
        "request_at": Position(topic="requests", partition=0, offset=0),
        "calls_from": calls_from,
        "hold": HoldTerms(hold_id="h", amount=5_000),
        "view": View(),
        "config_offset": 0,
        "engine": "0",
    }
    return DecisionMade(**values | given)


def cancellation(of: DecisionMade) -> DecisionCancelled:
    return DecisionCancelled(
        id=uuid5_of((of.id, "cancel")),
        occurred_at=at_ms(NOW),
        tenant=of.tenant,
        request_id=of.request_id,
        decision_id=of.id,
    )


class World:
    """One partition's ``decisions`` and ``provider-calls``, the time, and every provider call that was made."""

    def __init__(self) -> None:
        self.now = NOW
        self.decisions: list[tuple[int, Event | None]] = []
        self.calls: list[CallEvent | ExecutorStarted] = []
        self.made: list[tuple[str, str]] = []
        """(attempt id, instance) of every call to a provider."""

    def decide(self, event: Event | None, gap: int = 0) -> Event | None:
        last = self.decisions[-1][0] if self.decisions else -1
        self.decisions.append((last + 1 + gap, event))
        return event

    def of(self, kind: type[CallEvent]) -> list[Any]:
        return [event for event in self.calls if isinstance(event, kind)]

    @property
    def terminal(self) -> list[CallEvent]:
        return [
            event
            for event in self.calls
            if isinstance(event, CallFinished | CallUnknown) or (isinstance(event, CallFailed) and event.terminal)
        ]


class Executor:
    """A core with its shell: actions go to the world; ``run`` alternates reading until nothing moves."""

    def __init__(self, world: World, name: str = "e1", incarnation: int = 1, **core: Any) -> None:
        self.world = world
        self.identity = Identity(name, incarnation)
        self.core = DispatchCore(0, self.identity, **core)
        self.queue: list[str] = []
        self.grant = True
        self.paused_writes: list[CallEvent] | None = None
        self.running: dict[str, StartCall | PollJob] = {}
        self.cancelled: dict[str, str] = {}
        self.committed = 0
        self._decision_at = 0
        self._call_at = 0
        self._tail: int | None = None
        self._end: int | None = None
        self.log: list[Action] = []
        world.calls.append(executor_started(self.identity, 0, world.now))

    def assign(self, committed: int = 0) -> None:
        self.committed = committed
        self._decision_at = next(
            (index for index, (offset, _) in enumerate(self.world.decisions) if offset >= committed),
            len(self.world.decisions),
        )
        self._tail = self._end = None
        self.perform(self.core.assigned())

    def revoke(self) -> None:
        self.perform(self.core.revoked())

    def perform(self, actions: Iterable[Action]) -> None:  # noqa: C901, PLR0912 - one line for each kind of action
        for action in actions:
            self.log.append(action)
            match action:
                case Write(event):
                    if self.paused_writes is None:
                        self.world.calls.append(event)
                    else:
                        self.paused_writes.append(event)
                case Enqueue(decision_id):
                    if self.grant:
                        self.perform(self.core.admitted(decision_id, self.world.now))
                    else:
                        self.queue.append(decision_id)
                case StartCall() | PollJob():
                    assert action.attempt_id not in self.running
                    if isinstance(action, StartCall):
                        self.world.made.append((action.attempt_id, self.identity.instance))
                    self.running[action.attempt_id] = action
                case CancelCall(attempt_id, reason):
                    self.cancelled[attempt_id] = reason
                case StartTail(offset):
                    self._tail, self._end = offset, len(self.world.calls)
                    self.settle_tail()
                case CommitUpTo(offset):
                    assert offset > self.committed
                    self.committed = offset
                case _:
                    pass

    def settle_tail(self) -> None:
        if self._tail is not None and self._end is not None and self._tail >= self._end:
            self._end = None
            self.perform(self.core.caught_up(self.world.now))

    def read_decision(self) -> bool:
        if self._decision_at >= len(self.world.decisions):
            return False
        offset, event = self.world.decisions[self._decision_at]
        self._decision_at += 1
        assert event is None or isinstance(event, DecisionMade | RequestRefused | DecisionCancelled)
        self.perform(self.core.decision(offset, event, self.world.now))
        return True

    def read_call(self) -> bool:
        if self._tail is None or self._tail >= len(self.world.calls):
            return False
        offset = self._tail
        self._tail += 1
        self.perform(self.core.call(offset, self.world.calls[offset], self.world.now))
        self.settle_tail()
        return True

    def run(self) -> None:
        moved = True
        while moved:
            self.perform(self.core.tick(self.world.now))
            moved = self.read_decision() or self.read_call()

    def complete(self, end: Completion = ANSWER, attempt_id: str | None = None) -> None:
        key = attempt_id or next(iter(self.running))
        del self.running[key]
        self.perform(self.core.completed(key, end, self.world.now))

    def later(self, ms: int) -> None:
        self.world.now += ms
        self.run()


def claims(world: World) -> list[CallStarted]:
    return world.of(CallStarted)
