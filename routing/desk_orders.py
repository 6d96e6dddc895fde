"""Orders at the desk: a decision or an advice, with its hold, as one record that executors act on (DESIGN 7, 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from routing.build import build, fresh
from routing.calls import Calls
from routing.desk_context import Context
from routing.desk_state import DecisionState, OpenRequest
from routing.tenant_policy import TenantPolicy
from schemas import topics as t
from schemas.decision import CallOrder, Choice, HoldTerms, Position, View
from schemas.envelope import to_ms
from schemas.ids import event_id


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered besides the choice itself; ``fields`` are those of the event's own type."""

    event: type[CallOrder]
    number: int
    deadline: datetime
    execute: bool
    stream: bool
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])


class OrderDesk:
    """Writes orders and takes their holds."""

    def __init__(self, context: Context) -> None:
        """Bind to the desk's shared context."""
        self._context = context

    def place(
        self, request: OpenRequest, order: Order, choice: Choice, view: View, policy: TenantPolicy
    ) -> DecisionState:
        """Write the order, and its hold if it is to be called; fold both into the state."""
        context, facts = self._context, request.facts
        common = context.common(request)
        order_id = event_id(facts.tenant, order.event.TYPE, request.causation_id, order.number)
        ledger = context.state.ledger(facts.tenant)
        held = hold = None
        if order.execute:
            held = ledger.hold(
                common, order_id, order.number, choice.bound, policy.budget, context.now_ms, context.config_offset
            )
            hold = build(HoldTerms, {"hold_id": held.hold_id, "amount": held.amount})
        event = fresh(
            order.event,
            {
                **choice.__dict__,
                "id": order_id,
                "number": order.number,
                "space": facts.space,
                "execute": order.execute,
                "stream": order.stream,
                "deadline": order.deadline,
                "request_at": position(t.REQUESTS, context.partition, request.offset),
                "calls_from": context.calls_from,
                "hold": hold,
                "view": view,
                "config_offset": context.config_offset,
                "engine": context.engine,
                **order.fields,
                **common,
            },
        )
        context.emit(t.DECISIONS, event)
        if held is not None:
            context.emit(t.LEDGER, held)
            for alert in ledger.thresholds(common, held, policy.budget):
                context.emit(t.ALERTS, alert)
            ledger.apply(held)
        state = DecisionState(
            order_id,
            order.number,
            choice.model,
            order.stream,
            choice.tier,
            choice.chain[0].estimated_cost,
            choice.chain[0].estimated_latency_ms,
            Calls(order_id),
            choice.forced_by,
            deadline_ms=to_ms(order.deadline),
            made_ms=context.now_ms,
            cascade=choice.cascade,
            quality=next((one.predicted_quality or 0.0 for one in choice.candidates if one.model == choice.model), 0.0),
            purpose=event.purpose,
        )
        request.decisions[order_id] = state
        context.state.by_decision[order_id] = request
        context.state.changed(request)
        return state


def position(topic: str, partition: int, offset: int) -> Position:
    """Return a place in the log."""
    return build(Position, {"topic": topic, "partition": partition, "offset": offset})
