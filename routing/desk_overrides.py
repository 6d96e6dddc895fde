"""People's control at the desk: overrides and cancellations (SPEC U1, DESIGN 7).

An override of an unresolved request makes its next decision, with a hold of its own; the earlier decision keeps its
hold until the executor reports. Any other override stands until lifted and decides later requests.
"""

from typing import Any, Final

from routing.desk_context import Context
from routing.desk_requests import RequestDesk
from routing.desk_state import OpenRequest, Standing
from routing.explain import veto_words
from schemas import topics as t
from schemas.decision import DecisionCancelled, Denial, OverrideView
from schemas.ids import event_id
from schemas.override import OverrideApplied, OverrideRejected, OverrideRequested, OverrideTooLate
from schemas.record import Record
from schemas.request import RequestCancelled
from schemas.result import ResultStatus

AUTO: Final = "auto"


class OverrideDesk:
    """Validates override commands and answers each on ``outcomes.technical``; cancels requests."""

    def __init__(self, context: Context, requests: RequestDesk) -> None:
        """Bind to the shared context and the request desk."""
        self._context = context
        self._requests = requests

    # Overrides ---------------------------------------------------------------------------------------------------

    def override(self, record: Record, event: OverrideRequested) -> None:
        """Apply an override, or answer why not."""
        if not self._context.first_time(record, event.tenant, "override", event.id):
            return
        answer: dict[str, Any] = {
            "occurred_at": self._context.now,
            "tenant": event.tenant,
            "user": event.user,
            "conversation_id": event.conversation_id,
            "request_id": event.request_id,
            "causation_id": event.id,
            "traceparent": event.traceparent,
            "override_id": event.id,
            "scope": event.scope,
            "model": event.model,
        }
        policy = self._context.config.tenant(event.tenant)
        if policy is None:
            self._reject(answer, "no tenant document names this tenant")
            return
        meant = policy.names.resolve(event.model)
        if meant.kind == "unknown":
            self._reject(answer, "the catalog has no such model")
        elif event.scope == "request":
            self._override_request(event, answer)
        elif meant.kind == "model":
            barred = policy.row(policy.models[meant.models[0]], self._context.now).veto
            if barred is not None:
                self._reject(answer, f"not followed: {veto_words(barred.rule)} ({barred.source})")
                return
            self._stand(event, answer, meant.models[0])
        else:
            self._stand(event, answer, event.model)

    def _stand(self, event: OverrideRequested, answer: dict[str, Any], model: str) -> None:
        target = {
            "conversation": event.conversation_id,
            "area": event.area,
            "space": event.space,
            "always": event.user,
        }[event.scope]
        standing = None if event.model == AUTO else Standing(model, event.id)
        self._context.state.stand(event.tenant, event.scope, str(target), standing)
        reason = "routing decides again" if standing is None else f"holds for this {event.scope} from now on"
        self._emit(OverrideApplied, answer, reason=reason)

    def _override_request(self, event: OverrideRequested, answer: dict[str, Any]) -> None:
        request = self._context.state.requests.get((event.tenant, event.request_id or ""))
        if request is None:
            self._reject(answer, "no open request has this id")
        elif request.final or request.cancelled:
            self._emit(OverrideTooLate, answer, reason="the request has its result already")
        elif event.model == AUTO:
            self._reject(answer, "a request that is decided cannot go back to auto; name a model")
        else:
            self._redecide(event, answer, request)

    def _redecide(self, event: OverrideRequested, answer: dict[str, Any], request: OpenRequest) -> None:
        number = request.numbers + 1
        override = OverrideView(scope="request", model=event.model, override_id=event.id)
        chosen, view, policy = self._requests.choose(request, number, override)
        if isinstance(chosen, Denial) or policy is None:
            reason = chosen.reason if isinstance(chosen, Denial) else "no tenant document names this tenant"
            self._emit(OverrideRejected, answer, reason=f"not followed: {reason}", view=view)
            return
        previous = request.decisions.get(request.current or "")
        decision = self._requests.commit(request, number, "override", chosen, view, policy)
        if previous is not None:
            previous.superseded = True
        request.override_model = chosen.model
        self._emit(OverrideApplied, answer, reason="replaces the earlier decision", decision_id=decision.decision_id)

    def _reject(self, answer: dict[str, Any], reason: str) -> None:
        self._emit(OverrideRejected, answer, reason=reason)

    def _emit(self, type_: type[Any], answer: dict[str, Any], **more: Any) -> None:
        identity = event_id(answer["tenant"], type_.TYPE, answer["override_id"], 0)
        self._context.emit(t.TECHNICAL_OUTCOMES, type_(id=identity, **answer, **more))

    # Cancellation ------------------------------------------------------------------------------------------------

    def cancel(self, record: Record, event: RequestCancelled) -> None:
        """Cancel an open request; what is running is stopped by the executor, and its report ends the request."""
        if not self._context.first_time(record, event.tenant, "cancel", event.id):
            return
        context = self._context
        request = context.state.requests.get((event.tenant, event.request_id))
        if request is None or request.final or request.cancelled:
            return
        request.cancelled = True
        context.state.changed(request)
        waiting = [decision for decision in request.decisions.values() if not decision.calls.closed]
        for decision in waiting:
            context.emit(
                t.DECISIONS,
                DecisionCancelled(
                    id=event_id(event.tenant, DecisionCancelled.TYPE, request.causation_id, decision.number),
                    decision_id=decision.decision_id,
                    **context.common(request),
                ),
            )
        if not waiting:
            self._requests.end(request, ResultStatus.CANCELLED, "cancelled by the client")
