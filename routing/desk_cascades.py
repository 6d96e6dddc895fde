"""Answers at the desk: given as they are, or checked first, where a cascade asked for it (SPEC R13)."""

from typing import Final

from routing.answer_check import WORDS, first_fault
from routing.desk_context import Context
from routing.desk_requests import MAX_DECISIONS, RequestDesk
from routing.desk_state import DecisionState, OpenRequest
from schemas.control_steering import AnswerCheck, Cascade
from schemas.decision import Choice
from schemas.provider_call import CallFinished
from schemas.result import ResultStatus

_CUT_OFF: Final = "the answer was cut off at the limit of its length"


class CascadeDesk:
    """Ends a request with its answer, or escalates: decides anew, with a hold of its own, for a better model."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        """Bind to the shared context and the request desk."""
        self._context = context
        self._requests = requests

    def answered(self, request: OpenRequest, decision: DecisionState, event: CallFinished) -> None:
        """Take the answer of the request's current decision."""
        policy = self._context.config.tenant(event.tenant)
        cascade = policy.settings.cascade if policy is not None else None
        fault = self._fault(request, decision, event, cascade)
        if fault is None or cascade is None:
            degraded = _CUT_OFF if event.finish_reason == "length" else None
            self._requests.end(request, ResultStatus.COMPLETED, "answered", finished=event, degraded=degraded)
            return
        request.fault = WORDS[fault]
        request.above_quality = decision.quality + cascade.min_gain
        for model in (decision.model, event.model):
            if model not in request.tried:
                request.tried.append(model)
        if request.escalations < cascade.max_escalations and request.numbers < MAX_DECISIONS:
            self._escalate(request, event)
        else:
            self._give(request, event, "no further model is tried")

    def _fault(
        self, request: OpenRequest, decision: DecisionState, event: CallFinished, cascade: Cascade | None
    ) -> AnswerCheck | None:
        """Return what is wrong with an answer that is to be checked; answers of tools and by reference are not read."""
        checked = decision.cascade or request.escalations > 0
        if cascade is None or not checked or event.content is None or event.tool_calls or decision.stream:
            return None
        return first_fault(
            event.content,
            event.finish_reason,
            cascade.checks,
            wants_json=request.task.wants_json,
            refusals=cascade.refusals,
        )

    def _escalate(self, request: OpenRequest, event: CallFinished) -> None:
        number = request.numbers + 1
        chosen, view, policy = self._requests.choose(request, number, None)
        if isinstance(chosen, Choice) and policy is not None:
            request.escalations += 1
            self._context.state.keep_answer(request, event.to_json())
            self._requests.commit(request, number, "escalation", chosen, view, policy)
        else:
            self._give(request, event, "no better model fits" if policy is None else getattr(chosen, "reason", ""))

    def _give(self, request: OpenRequest, event: CallFinished, why: str) -> None:
        """Give the answer although it is not good enough, and say so."""
        degraded = f"{request.fault}; {why}"
        self._requests.end(request, ResultStatus.COMPLETED, "answered", finished=event, degraded=degraded)
