"""Advice at the desk (SPEC R22, B9): ordered before the first decision, its end is read by it; the spend is held."""

from datetime import timedelta
from typing import Final, Literal

from routing.advice import advised_task, adviser_facts, adviser_task, read_advice, wants_advice
from routing.build import build
from routing.calls import Transition
from routing.decide import decide
from routing.desk_context import Context
from routing.desk_orders import Order
from routing.desk_requests import RequestDesk
from routing.desk_state import DecisionState, OpenRequest
from routing.tenant_policy import TenantPolicy
from schemas.control_steering import Advice
from schemas.decision import AdviceOrdered, AdviceView, AttemptPlan, Choice, View
from schemas.provider_call import CallEvent, CallFinished

NUMBER: Final = 0
"""Of the order and its hold: decisions are numbered from 1."""


class AdviceDesk:
    """Orders advice, and lets the request be decided when it has ended, whatever came of it."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        """Bind to the shared context and the request desk."""
        self._context = context
        self._requests = requests

    def order(self, request: OpenRequest) -> bool:
        """Order advice for an accepted request; return False where it is to be decided at once."""
        policy = self._context.config.tenant(request.facts.tenant, request.facts.plan)
        advice = policy.settings.advice if policy is not None else None
        if policy is None or advice is None or not wants_advice(advice, request.facts, request.task, self._context.now):
            return False
        if self._requests.standing(request) is not None:
            return False
        view = self._requests.view(request, policy, None, request.causation_id, NUMBER)
        if view.settings is not None and view.settings.auto != "on":
            return False
        options = self._options(request, view, policy, advice)
        if options is None:
            return False
        chosen = decide(
            adviser_facts(request.facts, advice),
            adviser_task(request.task, advice, options),
            view,
            policy,
            self._context.now,
        )
        if not isinstance(chosen, Choice) or not self._fits(request, chosen, policy):
            return False
        plan = build(AttemptPlan, {**chosen.chain[0].__dict__, "timeout_ms": advice.timeout_ms})
        order = Order(
            AdviceOrdered,
            NUMBER,
            self._context.now + timedelta(milliseconds=advice.timeout_ms),
            execute=True,
            stream=False,
            fields={"chain": (plan,), "kind": advice.kind, "options": options},
        )
        state = self._requests.orders.place(request, order, chosen, view, policy)
        request.advice = {"order": state.decision_id, "kind": advice.kind, "options": list(options)}
        return True

    def _fits(self, request: OpenRequest, chosen: Choice, policy: TenantPolicy) -> bool:
        ledger = self._context.state.ledger(request.facts.tenant)
        return ledger.fits(chosen.bound, policy.caps, self._context.now_ms)

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
        """Read what came of an advice, and decide; a request that a person has decided meanwhile needs none."""
        ordered = request.advice
        if ordered is None or request.current is not None:
            return
        content = event.content if isinstance(event, CallFinished) and transition.kind == "finished" else None
        found = {} if content is None else read_advice(ordered["kind"], content, tuple(ordered["options"]))
        outcome: Literal["given", "unreadable", "failed"] = (
            "given" if found else ("failed" if content is None else "unreadable")
        )
        asked = {"order_id": decision.decision_id, "kind": ordered["kind"], "adviser": decision.model}
        request.advised = AdviceView.model_validate({**asked, **found, "outcome": outcome})
        policy = self._context.config.tenant(request.facts.tenant)
        if policy is not None:
            request.task = advised_task(request.task, request.advised, policy.taxonomy)
        self._context.state.changed(request)
        self._requests.decide_next(request, "request")
