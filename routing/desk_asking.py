"""Asking a model before a decision, at the desk: chosen by name under every veto, held, ordered (SPEC R6, R22, B9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from routing.build import build
from routing.decide import decide
from routing.desk_context import Context
from routing.desk_orders import Order
from routing.desk_requests import RequestDesk
from routing.desk_state import DecisionState, OpenRequest
from routing.tenant_policy import TenantPolicy
from schemas.classification import TaskDescriptor
from schemas.decision import AdviceOrdered, AttemptPlan, Choice, View
from schemas.request import RequestFacts


@dataclass(frozen=True, slots=True)
class Question:
    """Who is asked what, and how long it may take; ``fields`` are those of the order's event."""

    number: int
    """Below 1: what is asked comes before the first decision."""
    facts: RequestFacts
    task: TaskDescriptor
    timeout_ms: int
    fields: Mapping[str, Any]


class AskingDesk:
    """Orders what is asked before a decision: one way for advice and embeddings."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        """Bind to the shared context and the request desk."""
        self._context = context
        self._requests = requests

    def policy_of(self, request: OpenRequest) -> TenantPolicy | None:
        """Return the policy under which something may be asked; None: nothing, since a person's choice stands."""
        policy = self._context.config.tenant(request.facts.tenant, request.facts.plan)
        if policy is None or request.facts.model != "auto" or self._requests.standing(request) is not None:
            return None
        settings = self._context.state.settings.get((request.facts.tenant, request.facts.user or ""))
        return None if settings is not None and settings.auto != "on" else policy

    def view(self, request: OpenRequest, policy: TenantPolicy, number: int) -> View:
        """Return the values that the choice of who is asked reads."""
        return self._requests.view(request, policy, None, request.causation_id, number)

    def ask(self, request: OpenRequest, question: Question, view: View, policy: TenantPolicy) -> DecisionState | None:
        """Order the question with its hold; None: policy, health or budget leaves nobody to ask."""
        context = self._context
        chosen = decide(question.facts, question.task, view, policy, context.now)
        if not isinstance(chosen, Choice):
            return None
        chosen = build(Choice, {**chosen.__dict__, "chain": chosen.chain[:1]})  # nobody else is asked, nor paid for
        if not context.state.ledger(request.facts.tenant).fits(chosen.bound, policy.caps, context.now_ms):
            return None
        plan = build(AttemptPlan, {**chosen.chain[0].__dict__, "timeout_ms": question.timeout_ms})
        order = Order(
            AdviceOrdered,
            question.number,
            context.now + timedelta(milliseconds=question.timeout_ms),
            execute=True,
            stream=False,
            fields={"chain": (plan,), **question.fields},
        )
        return self._requests.orders.place(request, order, chosen, view, policy)
