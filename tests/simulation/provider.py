"""The providers with a bill of their own: what was called, by whom, and what it cost, whoever hears of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from providers.simulated.openai_embeddings import vector_of
from routing.dispatch_actions import Answered, Broke, Completion, StartCall
from routing.encoder import packed, quantised
from schemas.usage import Usage
from tests.simulation.scheduler import Process, Scheduler

_CONTENTS: Final = ("ok", "ok", "", '{"type": "debugging", "complexity": "simple"}')
_VECTORS: Final = (*(packed(quantised(vector_of(text, 8).tolist())) for text in ("hello", "something else")), None)
"""In every answer: who asked for none does not look."""
_UNBILLED: Final = ("connect", "server_error", "overloaded", "rate_limited", "not_found", "authentication")


@dataclass(slots=True)
class Call:
    """One call as the provider knows it."""

    attempt_id: str
    decision_id: str
    process: Process
    bound: int
    ended: bool = False


@dataclass(slots=True)
class Provider:
    """Answers, fails, bills; ends arrive in the caller's inbox if the caller still lives."""

    random: Random
    scheduler: Scheduler
    on_call: Callable[[Process, StartCall], None]
    bill: dict[str, int] = field(default_factory=dict)
    """Attempt id -> pico-dollars."""
    by_decision: dict[str, int] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)

    def call(self, process: Process, action: StartCall, clock_ms: int) -> None:
        """Take a call: decide now how it ends, and bill it now if it ever will be."""
        self.on_call(process, action)
        call = Call(action.attempt_id, action.decision.id, process, action.plan.bound)
        self.calls[action.attempt_id] = call
        latency = self.random.choice((20, 300, 2_000, 8_000))
        left = max(action.expires_at_ms - clock_ms, 1)
        end = self._end(call, latency) if latency < left else self._silence(call)
        self.scheduler.later(min(latency, left), lambda: self._tell(call, end))

    def cancel(self, attempt_id: str) -> None:
        """Stop a call: what has arrived is the answer, or nobody knows."""
        call = self.calls[attempt_id]
        if call.ended:
            return
        if self.random.random() < 0.5:
            cost = self.bill.get(attempt_id, 0)
            self._tell(call, Answered(usage=Usage(), cost=cost, latency_ms=1, content="cut", cancelled=True))
        else:
            self._tell(call, self._silence(call))

    def _end(self, call: Call, latency: int) -> Completion:
        drawn = self.random.random()
        if drawn < 0.62:
            usage, content = Usage(input_tokens=5, output_tokens=5), self.random.choice(_CONTENTS)
            vector = _VECTORS[len(self.calls) % len(_VECTORS)]
            cost = self._charge(call)
            return Answered(usage=usage, cost=cost, latency_ms=latency, content=content, embedding=vector)
        if drawn < 0.80:
            again = self.random.choice((None, None, 200, 5_000))
            return Broke(category=self.random.choice(_UNBILLED), billed="no", status=429, retry_after_ms=again)
        if drawn < 0.88:
            return Broke(category="content_policy", billed="yes", status=200, cost=self._charge(call))
        return self._silence(call)

    def _silence(self, call: Call) -> Broke:
        """The connection breaks: perhaps billed, perhaps not."""
        if self.random.random() < 0.6:
            self._charge(call)
        return Broke(category="timeout", billed="unknown", partial=self.random.random() < 0.2)

    def _charge(self, call: Call) -> int:
        if call.attempt_id not in self.bill:
            cost = self.random.choice((call.bound, call.bound // 2, call.bound // 7, 1))
            self.bill[call.attempt_id] = cost
            self.by_decision[call.decision_id] = self.by_decision.get(call.decision_id, 0) + cost
        return self.bill[call.attempt_id]

    def _tell(self, call: Call, end: Completion) -> None:
        if not call.ended:
            call.ended = True
            if call.process.alive:
                call.process.inbox.append((call.attempt_id, end))
