"""Call events at the desk: settle, charge or release the hold; then the next decision, or the final result."""

from typing import Any, Final

from routing.budget_policy import BudgetPolicy
from routing.calls import Transition, fold
from routing.desk_advice import AdviceDesk
from routing.desk_cascades import CascadeDesk
from routing.desk_context import Context
from routing.desk_requests import MAX_DECISIONS, RequestDesk
from routing.desk_state import DecisionState, OpenRequest
from schemas.decision import OVERHEAD
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown
from schemas.result import ResultStatus

_NO_CAPS: Final = BudgetPolicy(None, None, None)


class CallDesk:
    """Folds call events into decisions, books what they cost, and ends requests or decides anew."""

    def __init__(self, context: Context, requests: RequestDesk, advice: AdviceDesk) -> None:
        """Bind to the shared context, the request desk and the advice desk."""
        self._context = context
        self._requests = requests
        self._advice = advice
        self._cascades = CascadeDesk(context, requests)

    def apply(self, event: CallEvent) -> str | None:
        """Apply one call event; returns why it belongs nowhere, or None."""
        request = self._context.state.by_decision.get(event.decision_id)
        if request is None or request.facts.tenant != event.tenant:
            return "no decision that is open or lately closed has this id"
        decision = request.decisions[event.decision_id]
        if event.decision_id not in self._context.state.ledger(event.tenant).holds:
            return "the decision has no hold that could be settled"
        calls, transition = fold(decision.calls, event)
        if transition.kind == "ignored":
            return None
        self._book(request, decision, event, transition)
        decision.calls = calls
        self._note(request, decision, event, transition)
        self._context.state.changed(request)
        if transition.closes:
            self._close(request, decision, event, transition)
        self._requests.linger(request)
        return None

    # Money -------------------------------------------------------------------------------------------------------

    def _book(self, request: OpenRequest, decision: DecisionState, event: CallEvent, transition: Transition) -> None:
        context = self._context
        ledger = context.state.ledger(event.tenant)
        policy = context.config.tenant(event.tenant)
        budget = _NO_CAPS if policy is None else policy.budget
        common = context.common(request)
        events: list[Any] = []
        match transition.kind:
            case "finished" | "failed_billed" | "late_finished" | "conflict":
                cost = event.cost if isinstance(event, CallFinished | CallFailed) else 0
                events = ledger.settle(common, decision.decision_id, event.attempt_id, cost, budget)
                if transition.kind != "conflict":
                    self._charge(request, decision, cost - ledger.holds[decision.decision_id].charged)
            case "unknown":
                reason = event.reason if isinstance(event, CallUnknown) else "unknown"
                events = ledger.forfeit(common, decision.decision_id, event.attempt_id, reason, budget)
                self._charge(request, decision, ledger.holds[decision.decision_id].amount)
            case "failed_unbilled" | "not_sent":
                detail = event.category if isinstance(event, CallFailed) else transition.kind
                events = ledger.release(common, decision.decision_id, detail)
            case _:
                return
        self._requests.book(request, events)

    @staticmethod
    def _charge(request: OpenRequest, decision: DecisionState, amount: int) -> None:
        request.cost += amount
        if decision.purpose in OVERHEAD:
            request.overhead += amount

    # The request -------------------------------------------------------------------------------------------------

    def _note(self, request: OpenRequest, decision: DecisionState, event: CallEvent, transition: Transition) -> None:
        """Add the attempt to the list that the result shows, when this event ended it."""
        if transition.kind not in (
            "next_attempt",
            "finished",
            "failed_unbilled",
            "failed_billed",
            "not_sent",
            "unknown",
        ):
            return
        outcome = event.category if isinstance(event, CallFailed) else transition.kind
        request.attempts.append(
            {
                "decision_id": decision.decision_id,
                "attempt": event.attempt,
                "model": event.model or decision.model,
                "outcome": outcome,
                "status": event.status if isinstance(event, CallFailed) else None,
                "cost": event.cost if isinstance(event, CallFinished | CallFailed) else 0,
                "purpose": decision.purpose,
            }
        )

    def _close(self, request: OpenRequest, decision: DecisionState, event: CallEvent, transition: Transition) -> None:
        """A decision is closed: end the request, or decide anew, if it was the request's current decision."""
        if request.final:
            return
        if request.cancelled:
            if all(other.calls.closed for other in request.decisions.values()):
                finished = event if isinstance(event, CallFinished) else None
                self._requests.end(request, ResultStatus.CANCELLED, "cancelled by the client", finished=finished)
            return
        if decision.purpose == "advice":
            self._advice.ended(request, decision, event, transition)
            return
        if decision.superseded or request.current != decision.decision_id:
            return
        match transition.kind:
            case "finished" if isinstance(event, CallFinished):
                self._cascades.answered(request, decision, event)
            case "not_sent":
                detail = event.detail if isinstance(event, CallFailed) else ""
                self._requests.end(
                    request,
                    ResultStatus.FAILED,
                    f"not sent to a provider: {detail or 'no attempt could start'}",
                    code="not_sent",
                )
            case "failed_unbilled":
                self._requests.end(
                    request, ResultStatus.FAILED, f"all {len(request.attempts)} attempts failed", code="all_failed"
                )
            case _:
                self._after_cost(request, decision, event, transition)

    def _after_cost(
        self, request: OpenRequest, decision: DecisionState, event: CallEvent, transition: Transition
    ) -> None:
        """After a billed failure or an UNKNOWN decide anew, with a new hold; a stream that may have shown text ends."""
        if decision.model not in request.tried:
            request.tried.append(decision.model)
        if event.model and event.model not in request.tried:
            request.tried.append(event.model)
        partial = isinstance(event, CallFailed) and event.partial
        if decision.stream and (partial or transition.kind == "unknown"):
            self._requests.end(
                request, ResultStatus.INTERRUPTED, "the stream broke after it may have shown text", code="interrupted"
            )
        elif request.numbers >= MAX_DECISIONS:
            self._requests.end(
                request, ResultStatus.FAILED, f"{request.numbers} decisions ended without an answer", code="all_failed"
            )
        else:
            self._requests.decide_next(request, "unknown" if transition.kind == "unknown" else "billed_failure")
