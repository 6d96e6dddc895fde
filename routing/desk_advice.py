"""Advice at the desk (SPEC R22, B9): ordered before the first decision, its end is read by it; the spend is held."""

from typing import Final, Literal

from routing.advice import advised_task, adviser_facts, adviser_task, read_advice, wants_advice
from routing.calls import Transition
from routing.decide import decide
from routing.desk_asking import AskingDesk, Question
from routing.desk_context import Context
from routing.desk_embeddings import EmbeddingDesk
from routing.desk_requests import RequestDesk
from routing.desk_state import DecisionState, OpenRequest
from routing.embeddings import Unread
from routing.tenant_policy import TenantPolicy
from schemas.control_steering import Advice
from schemas.decision import AdviceView, Choice, View
from schemas.provider_call import CallEvent, CallFinished

NUMBER: Final = 0
"""Of the order and its hold: decisions are numbered from 1."""


class AdviceDesk:
    """Asks before the first decision, the vector of the text first, then advice; what came of it is decided with."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        """Bind to the shared context and the request desk."""
        self._context = context
        self._requests = requests
        self._asking = AskingDesk(context, requests)
        self._embeddings = EmbeddingDesk(context, self._asking)

    def order(self, request: OpenRequest, unread: Unread | None) -> bool:
        """Order what an accepted request has to wait for; return False where it is to be decided at once."""
        return (unread is not None and self._embeddings.order(request, unread)) or self._advise(request)

    def _advise(self, request: OpenRequest) -> bool:
        policy = self._asking.policy_of(request)
        advice = policy.settings.advice if policy is not None else None
        if policy is None or advice is None or not wants_advice(advice, request.facts, request.task, self._context.now):
            return False
        view = self._asking.view(request, policy, NUMBER)
        options = self._options(request, view, policy, advice)
        if options is None:
            return False
        question = Question(
            NUMBER,
            adviser_facts(request.facts, advice),
            adviser_task(request.task, advice, options),
            advice.timeout_ms,
            {"kind": advice.kind, "options": options},
        )
        state = self._asking.ask(request, question, view, policy)
        if state is None:
            return False
        request.advice = {"order": state.decision_id, "kind": advice.kind, "options": list(options)}
        return True

    def _options(
        self, request: OpenRequest, view: View, policy: TenantPolicy, advice: Advice
    ) -> tuple[str, ...] | None:
        """Return the models that a ``route`` advice may name, best first; None where there is nothing to choose."""
        if advice.kind == "classify":
            return ()
        local = decide(request.facts, request.task, view, policy, self._context.now)
        if not isinstance(local, Choice) or local.rule is not None:
            return None
        ranked = [item.model for item in local.candidates] + list(local.others)
        return tuple(ranked[: advice.options]) if len(ranked) > 1 else None

    def ended(self, request: OpenRequest, decision: DecisionState, event: CallEvent, transition: Transition) -> None:
        """Read what came of a question, and decide; a request that a person has decided meanwhile needs none."""
        ordered = request.advice
        if ordered is None or ordered["order"] != decision.decision_id:
            return
        finished = event if isinstance(event, CallFinished) and transition.kind == "finished" else None
        if ordered["kind"] == "embed":
            self._embeddings.ended(request, decision, finished)
            self._context.state.changed(request)
            if request.current is None and not self._advise(request):
                self._requests.decide_next(request, "request")
        elif request.current is None:
            self._advised(request, decision, finished)
            self._context.state.changed(request)
            self._requests.decide_next(request, "request")

    def _advised(self, request: OpenRequest, decision: DecisionState, finished: CallFinished | None) -> None:
        ordered = request.advice or {}
        content = None if finished is None else finished.content
        found = {} if content is None else read_advice(ordered["kind"], content, tuple(ordered["options"]))
        outcome: Literal["given", "unreadable", "failed"] = (
            "given" if found else ("failed" if content is None else "unreadable")
        )
        asked = {"order_id": decision.decision_id, "kind": ordered["kind"], "adviser": decision.model}
        request.advised = AdviceView.model_validate({**asked, **found, "outcome": outcome})
        policy = self._context.config.tenant(request.facts.tenant)
        if policy is not None:
            request.task = advised_task(request.task, request.advised, policy.taxonomy)
