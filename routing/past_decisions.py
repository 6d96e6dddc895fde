"""A tenant's past decisions with what became of them, put together from events in any order (SPEC R16, A5)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from routing.advice import advised_task
from routing.build import build
from routing.draws import draw
from routing.request_facts import facts_of
from routing.rescore_table import Past
from routing.reward import Signal, inferred, reward
from routing.taxonomy import Taxonomy
from schemas.classification import ClassificationMade, TaskDescriptor
from schemas.control_preferences import SignalWeights
from schemas.decision import DecisionMade
from schemas.envelope import Event
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.request import RequestReceived

_AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class PastDecision:
    """The first decision about a request, what it read, and what was seen of its answer."""

    request: RequestReceived
    task: TaskDescriptor
    decision: DecisionMade
    signals: tuple[Signal, ...]
    overridden_to: str | None = None
    """The model that a person named in the place of the one chosen."""

    @property
    def unit(self) -> str:
        """Whose decisions hang together: the conversation's, else the user's, else this one alone."""
        request = self.request
        return request.conversation_id or request.user or request.request_id or request.id

    @property
    def free(self) -> bool:
        """Whether the router chose, not a person or a probe: only then the propensities tell how it came about."""
        decision = self.decision
        return decision.forced_by is None and decision.view.override is None and not decision.probe

    @property
    def sensitive(self) -> bool:
        """Whether the text is sensitive: nothing is learned from such."""
        return self.request.sensitive or bool(self.task.signals.sensitive)

    def reward(self, weights: SignalWeights) -> float | None:
        """Return the reward of the answer, or None where nothing was seen of it."""
        return reward(self.signals, weights)

    def past(self, taxonomy: Taxonomy) -> Past:
        """Return what the decision read, to make it again: the classification, and what was asked for after it."""
        decision, task = self.decision, self.task
        if decision.view.embedding is not None:
            found = {"cluster": decision.cluster, "cluster_score": decision.cluster_score}
            task = build(TaskDescriptor, {**task.__dict__, **found})
        if decision.view.advice is not None:
            task = advised_task(task, decision.view.advice, taxonomy)
        number = draw("explore", decision.causation_id or "", decision.number)
        return Past(facts_of(self.request), task, decision.view, decision.occurred_at, number)


class HistoryFold:
    """Takes the events of one tenant and partition, in any order; the first event of an id counts."""

    def __init__(self, tenant: str) -> None:
        """Start empty."""
        self._tenant = tenant
        self._seen: set[str] = set()
        self._requests: dict[int, RequestReceived] = {}
        self._tasks: dict[str, TaskDescriptor] = {}
        self._decisions: dict[str, list[DecisionMade]] = {}
        self._told: dict[str, list[OutcomeRated | OutcomeInferred | OverrideRequested]] = {}

    def add(self, event: Event, offset: int) -> None:
        """Take an event and where in its partition it lies; events that say nothing of a decision are let pass."""
        if event.tenant != self._tenant or event.id in self._seen:
            return
        name = event.request_id or ""
        if isinstance(event, RequestReceived):
            self._requests[offset] = event
        elif isinstance(event, ClassificationMade):
            self._tasks[event.causation_id or name] = event.task
        elif isinstance(event, DecisionMade):
            self._decisions.setdefault(name, []).append(event)
        elif isinstance(event, OutcomeRated | OutcomeInferred | OverrideRequested):
            self._told.setdefault(name, []).append(event)
        else:
            return
        self._seen.add(event.id)

    @property
    def without_text(self) -> int:
        """Requests with a decision whose text the log no longer has: texts are kept shorter than decisions."""
        return sum(self._first(decisions) is None for decisions in self._decisions.values())

    def decisions(self) -> list[PastDecision]:
        """Return the first decision about each request whose text and classification are there, oldest first."""
        found = [
            PastDecision(*known, *self._outcome(known[2], decisions))
            for decisions in self._decisions.values()
            if (known := self._first(decisions)) is not None
        ]
        return sorted(found, key=lambda past: (past.decision.occurred_at, past.decision.id))

    def _first(self, decisions: list[DecisionMade]) -> tuple[RequestReceived, TaskDescriptor, DecisionMade] | None:
        decision = min(decisions, key=lambda each: each.number)
        request = self._requests.get(decision.request_at.offset)
        task = self._tasks.get(decision.causation_id or decision.request_id)
        if request is None or task is None or decision.cause != "request":
            return None
        return request, task, decision

    def _outcome(self, decision: DecisionMade, of_request: list[DecisionMade]) -> tuple[tuple[Signal, ...], str | None]:
        """Return what was seen of the answer of ``decision``, and the model that a person wanted instead."""
        signals: list[Signal] = []
        wanted: str | None = None
        for event in sorted(self._told.get(decision.request_id, ()), key=lambda each: (each.occurred_at, each.id)):
            if event.decision_id not in (None, decision.id):
                continue
            if isinstance(event, OverrideRequested):
                wanted = event.model if _replaces(event, decision) else wanted
            elif event.model == decision.model:
                seen = Signal("rated", event.rating) if isinstance(event, OutcomeRated) else inferred(event)
                signals += () if seen is None else (seen,)
        if wanted is not None:
            signals.append(Signal("overridden", 0.0))
        if any(other.cause == "escalation" and other.number == decision.number + 1 for other in of_request):
            signals.append(Signal("escalated", 0.0))
        return tuple(signals), wanted


def _replaces(event: OverrideRequested, decision: DecisionMade) -> bool:
    named = event.from_model in (None, decision.model)
    return event.model not in (_AUTO, decision.model) and named


def rewarded(history: Iterable[PastDecision], weights: SignalWeights) -> list[tuple[PastDecision, float]]:
    """Return the decisions that nobody forced, of which something was seen, with their reward."""
    found = [(past, past.reward(weights)) for past in history if past.free]
    return [(past, worth) for past, worth in found if worth is not None]
