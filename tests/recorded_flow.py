"""Whole flows of valid events as the stages write them, for tests of what reads the log afterwards."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas import topics as t
from schemas.classification import ClassificationMade, TaskDescriptor, TaskType
from schemas.decision import (
    AdviceOrdered,
    AttemptPlan,
    Candidate,
    DecisionMade,
    HoldTerms,
    Position,
    SignalsView,
    Veto,
    View,
)
from schemas.envelope import Event, to_ms
from schemas.ids import attempt_id, call_event_id, event_id, position_id
from schemas.ledger import Adjusted, Forfeited, Held, Settled, WindowBounds
from schemas.outcome import OutcomeRated, TechnicalOutcome
from schemas.partition import partition_for
from schemas.provider_call import CallFailed, CallFinished, CallStarted, CallUnknown
from schemas.record import Output, Record
from schemas.request import RequestReceived
from schemas.result import FinalResult, ResultStatus
from schemas.usage import Usage

PICO = 10**12
CHEAP, DEAR = "small-1", "large-1"


@dataclass
class Log:
    """A log in memory: outputs get positions as a broker would give them."""

    partitions: int = 8
    records: list[Record] = field(default_factory=list[Record])
    outputs: list[Output] = field(default_factory=list[Output])
    _next: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def append(self, output: Output, at: datetime) -> Record:
        """Append an output and return it as a record."""
        partition = partition_for(output.key, self.partitions) if output.partition is None else output.partition
        offset = self._next.get((output.topic, partition), 0)
        self._next[output.topic, partition] = offset + 1
        record = Record(output.topic, partition, offset, to_ms(at), output.key.encode(), output.value, output.headers)
        self.records.append(record)
        self.outputs.append(output)
        return record


@dataclass
class Flow:
    """One answered request of ``tenant``: every event from the request to the outcome."""

    log: Log
    number: int = 0
    tenant: str = "acme"
    user: str = "ann"
    model: str = CHEAP
    cost: int = 2_000_000_000
    at: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    prompt: str = "Write a function that reverses a list. " * 12
    answer: str = "def reverse(items): return items[::-1]\n" * 20
    candidates: int = 12
    day_cap: int | None = 5 * PICO
    attempt: int = 1
    purpose: str = "answer"

    def __post_init__(self) -> None:
        self.request_id = f"request-{self.number}"
        partition = partition_for(self.tenant, self.log.partitions)
        self.cause = position_id(t.REQUESTS, partition, self.number)
        self.decision_id = event_id(self.tenant, DecisionMade.TYPE, self.cause, 1)
        self.hold_id = event_id(self.tenant, Held.TYPE, self.cause, 1)
        self.place = Position(topic=t.REQUESTS, partition=partition, offset=self.number)
        self.hold = 4 * self.cost

    @property
    def envelope(self) -> dict[str, Any]:
        """The envelope of what is derived from the request."""
        return {
            "tenant": self.tenant,
            "user": self.user,
            "request_id": self.request_id,
            "causation_id": self.cause,
            "conversation_id": "talk-1",
            "occurred_at": self.at,
        }

    def request(self) -> Record:
        """Append the request."""
        event = RequestReceived(
            id=f"client-{self.tenant}-{self.number}",
            occurred_at=self.at,
            tenant=self.tenant,
            request_id=self.request_id,
            user=self.user,
            prompt=self.prompt,
            use_case="coding",
            tools=("search",),
            conversation_turns=3,
        )
        return self.log.append(event.to_output(t.REQUESTS), self.at)

    def decided(self, number: int = 1, cause: str = "request", **fields: Any) -> None:
        """Append classification, decision and hold; ``fields`` are the decision's own."""
        signals = SignalsView(has_code_blocks=True, estimated_tokens=120, intent="create")
        task = TaskDescriptor(
            type=TaskType.CODE_GENERATION,
            complexity="medium",
            pattern="single-shot",
            estimated_input_tokens=120,
            estimated_output_tokens=300,
            requires_extended_thinking=False,
            involves_code=True,
            priority=3,
            signals=signals,
        )
        if number == 1:
            self._put(
                t.CLASSIFICATIONS, ClassificationMade(**self._made(ClassificationMade.TYPE, 1), task=task, engine="e")
            )
        ordered = DecisionMade.TYPE if number else AdviceOrdered.TYPE
        self.purpose = "answer" if number else "advice"
        self.decision_id = event_id(self.tenant, ordered, self.cause, number)
        self.hold_id = event_id(self.tenant, Held.TYPE, self.cause, number)
        self.attempt = 1
        plan = AttemptPlan(
            model=self.model,
            provider="simulated-a",
            provider_model=f"{self.model}-2026",
            max_output_tokens=1000,
            timeout_ms=60_000,
            bound=self.hold,
            estimated_cost=self.cost,
            estimated_latency_ms=800,
        )
        candidates = tuple(
            Candidate(
                model=self.model if rank == 0 else f"other-{rank}",
                score=0.9 - rank / 100,
                capability=0.8,
                cost=0.7,
                quality=0.6,
                latency=0.5,
                history=0.5,
                estimated_cost=self.cost,
                estimated_latency_ms=800,
                propensity=1.0 if rank == 0 else 0.0,
            )
            for rank in range(self.candidates)
        )
        made = {
            **self._made(ordered, number),
            "number": number,
            "cause": cause,
            "model": self.model,
            "chain": (plan,),
            "tier": 2,
            "signals": signals,
            "task_type": "code-generation",
            "complexity": "medium",
            "confidence": 0.8,
            "reason": "it is the best value for code",
            "reason_codes": ("code",),
            "badge": "value",
            "candidates": candidates,
            "vetoes": (Veto(model="old-1", rule="retired", source="models@1"),),
            "input_tokens": 120,
            "output_tokens": 300,
            "policy": "default@1",
            "catalog": "models@1",
            "price_book": "current@1",
            "deadline": self.at + timedelta(minutes=1),
            "request_at": self.place,
            "calls_from": 0,
            "hold": HoldTerms(hold_id=self.hold_id, amount=self.hold),
            "view": View(),
            "config_offset": 7,
            "engine": "e",
            **fields,
        }
        if number:
            self._put(t.DECISIONS, DecisionMade(**made))
        else:
            self._put(t.DECISIONS, AdviceOrdered(**{name: value for name, value in made.items() if name != "cause"}))
        day = self.at.replace(hour=0, minute=0, second=0, microsecond=0)
        held = Held(
            **self._made(Held.TYPE, number),
            hold_id=self.hold_id,
            decision_id=self.decision_id,
            number=number,
            amount=self.hold,
            windows=(
                WindowBounds(window="day", start=day, end=day + timedelta(days=1), cap=self.day_cap),
                WindowBounds(window="month", start=day.replace(day=1), end=day.replace(day=28), cap=None),
            ),
            config_offset=7,
        )
        self._put(t.LEDGER, held)

    @property
    def call(self) -> dict[str, Any]:
        """What every call event of the current attempt says."""
        return {
            **self.envelope,
            "decision_id": self.decision_id,
            "attempt": self.attempt,
            "attempt_id": attempt_id(self.decision_id, self.attempt),
            "instance": "executor-0",
            "incarnation": 1,
            "model": self.model,
            "provider": "simulated-a",
            "task_type": "code-generation",
            "tier": 2,
            "purpose": self.purpose,
        }

    @property
    def usage(self) -> Usage:
        """What the answered call used."""
        return Usage(input_tokens=120, cached_input_tokens=20, output_tokens=300, reasoning_tokens=100)

    def started(self) -> None:
        """Append the claim of the current attempt."""
        self._put(t.PROVIDER_CALLS, CallStarted(**self._called(CallStarted.TYPE), expires_at=self.at))

    def finished(self) -> None:
        """Append the answer of the current attempt."""
        event = CallFinished(
            **self._called(CallFinished.TYPE),
            content=self.answer,
            usage=self.usage,
            cost=self.cost,
            latency_ms=700,
            ttft_ms=90,
            served_model=f"{self.model}-2026",
            simulated=True,
        )
        self._put(t.PROVIDER_CALLS, event)

    def failed(self, category: str = "rate_limited", status: int | None = 429) -> None:
        """Append an unbilled failure and go on to the next attempt."""
        event = CallFailed(
            **self._called(CallFailed.TYPE),
            category=category,
            billed="no",
            terminal=False,
            status=status,
            retry_after_ms=1500,
        )
        self._put(t.PROVIDER_CALLS, event)
        self.attempt += 1

    def unknown(self) -> None:
        """Append that nobody knows how the attempt ended."""
        self._put(t.PROVIDER_CALLS, CallUnknown(**self._called(CallUnknown.TYPE), reason="expired"))

    def settled(self) -> None:
        """Append the settlement."""
        self._put(t.LEDGER, Settled(**self._booked(Settled.TYPE), amount=self.cost))

    def forfeited(self) -> None:
        """Append the forfeit of the whole hold."""
        self._put(t.LEDGER, Forfeited(**self._booked(Forfeited.TYPE), amount=self.hold, reason="unknown"))

    def adjusted(self) -> None:
        """Append the correction of the forfeit to the true cost."""
        difference = self.cost - self.hold
        self._put(t.LEDGER, Adjusted(**self._booked(Adjusted.TYPE), amount=self.cost, difference=difference))

    def advised(self, kind: str, **fields: Any) -> None:
        """Append an order of advice with its hold; until the next decision, calls and money are the advice's."""
        self.decided(0, kind=kind, **fields)

    def answered(self, status: ResultStatus = ResultStatus.COMPLETED, **fields: Any) -> None:
        """Append final result and technical outcome; ``fields`` are the outcome's own."""
        result = FinalResult(
            **self._made(FinalResult.TYPE, 1),
            status=status,
            decision_id=self.decision_id,
            model=self.model,
            reason="answered",
            content=self.answer,
            usage=self.usage,
            cost=self.cost,
            latency_ms=700,
            ttft_ms=90,
            simulated=True,
            request_at=self.place,
        )
        self._put(t.RESULTS, result)
        outcome = {
            **self._made(TechnicalOutcome.TYPE, 1),
            "status": status,
            "result_id": result.id,
            "decision_id": self.decision_id,
            "model": self.model,
            "task_type": "code-generation",
            "complexity": "medium",
            "tier": 2,
            "decisions": 1,
            "attempts": self.attempt,
            "fallbacks": self.attempt - 1,
            "cost": self.cost,
            "estimated_cost": self.cost,
            "estimated_latency_ms": 800,
            "latency_ms": 700,
            "ttft_ms": 90,
            "usage": self.usage,
            "conversation_turns": 3,
            "tools": ("search",),
            "use_case": "coding",
            "simulated": True,
            **fields,
        }
        self._put(t.TECHNICAL_OUTCOMES, TechnicalOutcome(**outcome))

    def rated(self, rating: float) -> None:
        """Append a person's rating."""
        event = OutcomeRated(
            id=f"rating-{self.tenant}-{self.number}-{rating}",
            occurred_at=self.at,
            tenant=self.tenant,
            request_id=self.request_id,
            user=self.user,
            decision_id=self.decision_id,
            model=self.model,
            task_type="code-generation",
            rating=rating,
        )
        self._put(t.OUTCOMES, event)

    def whole(self) -> "Flow":
        """Append the whole flow of an answered request."""
        self.request()
        self.decided()
        self.started()
        self.finished()
        self.settled()
        self.answered()
        return self

    def _made(self, type_: str, ordinal: int) -> dict[str, Any]:
        return {"id": event_id(self.tenant, type_, self.cause, ordinal), **self.envelope}

    def _called(self, type_: str) -> dict[str, Any]:
        attempt = attempt_id(self.decision_id, self.attempt)
        return {"id": call_event_id(self.tenant, type_, attempt, "executor-0", 1), **self.call}

    def _booked(self, type_: str) -> dict[str, Any]:
        return {
            "id": event_id(self.tenant, type_, self.decision_id, 1),
            **self.envelope,
            "hold_id": self.hold_id,
            "decision_id": self.decision_id,
            "attempt_id": attempt_id(self.decision_id, self.attempt),
        }

    def _put(self, topic: str, event: Event) -> None:
        self.log.append(event.to_output(topic), self.at)
