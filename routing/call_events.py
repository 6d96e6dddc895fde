"""The executor's events about attempts, built from a decision and a plan: deterministic ids, no clock."""

from typing import Any

from routing.dispatch_actions import Answered, Broke, Identity
from schemas.decision import AttemptPlan, CallOrder
from schemas.envelope import at_ms
from schemas.ids import attempt_id, call_event_id
from schemas.provider_call import (
    NOT_SENT,
    CallEvent,
    CallFailed,
    CallFinished,
    CallJob,
    CallStarted,
    CallUnknown,
    ExecutorStarted,
)

SYSTEM = "system"


def executor_started(identity: Identity, partition: int, now_ms: int) -> ExecutorStarted:
    """Return the announcement of an incarnation on one partition."""
    type_ = ExecutorStarted.TYPE
    return ExecutorStarted(
        id=call_event_id(SYSTEM, type_, str(partition), identity.instance, identity.incarnation),
        occurred_at=at_ms(now_ms),
        tenant=SYSTEM,
        instance=identity.instance,
        incarnation=identity.incarnation,
    )


def started(
    decision: CallOrder, plan: AttemptPlan, attempt: int, identity: Identity, expires_at_ms: int, *, now_ms: int
) -> CallStarted:
    """Return the claim of an attempt."""
    fields = _common(CallStarted, decision, plan, attempt, identity, now_ms=now_ms)
    return CallStarted(**fields, expires_at=at_ms(expires_at_ms))


def not_sent(
    decision: CallOrder, plan: AttemptPlan, attempt: int, identity: Identity, detail: str, *, now_ms: int
) -> CallFailed:
    """Return the claim that also ends the decision: no provider was called, none will be."""
    fields = _common(CallFailed, decision, plan, attempt, identity, now_ms=now_ms)
    return CallFailed(**fields, category=NOT_SENT, billed="no", terminal=True, detail=detail)


def unknown(
    decision: CallOrder, plan: AttemptPlan, attempt: int, identity: Identity, reason: str, *, now_ms: int
) -> CallUnknown:
    """Return the verdict that nobody can tell how an attempt ended."""
    fields = _common(CallUnknown, decision, plan, attempt, identity, now_ms=now_ms)
    return CallUnknown(**fields, reason=reason)


def job(
    decision: CallOrder,
    plan: AttemptPlan,
    attempt: int,
    identity: Identity,
    reference: dict[str, str],
    *,
    now_ms: int,
) -> CallJob:
    """Return the reference by which any executor can poll the attempt on."""
    fields = _common(CallJob, decision, plan, attempt, identity, now_ms=now_ms)
    return CallJob(**fields, job=reference)


def finished(
    decision: CallOrder, plan: AttemptPlan, attempt: int, identity: Identity, answer: Answered, *, now_ms: int
) -> CallFinished:
    """Return the answer of an attempt."""
    fields = _common(CallFinished, decision, plan, attempt, identity, now_ms=now_ms)
    return CallFinished(
        **fields,
        content=answer.content,
        content_reference=answer.content_reference,
        embedding=answer.embedding,
        tool_calls=answer.tool_calls,
        finish_reason=answer.finish_reason,
        finish_reason_raw=answer.finish_reason_raw,
        usage=answer.usage,
        cost=answer.cost,
        price_source=answer.price_source,
        latency_ms=answer.latency_ms,
        ttft_ms=answer.ttft_ms,
        served_model=answer.served_model,
        provider_request_id=answer.provider_request_id,
        simulated=answer.simulated,
        cancelled=answer.cancelled,
        warnings=answer.warnings,
    )


def broke(
    decision: CallOrder,
    plan: AttemptPlan,
    attempt: int,
    identity: Identity,
    end: Broke,
    *,
    terminal: bool,
    now_ms: int,
) -> CallFailed | CallUnknown:
    """Return the failure of an attempt: ``call.unknown`` unless it is proven whether it was billed."""
    if end.billed == "unknown":
        fields = _common(CallUnknown, decision, plan, attempt, identity, now_ms=now_ms)
        return CallUnknown(**fields, reason=end.category, partial=end.partial)
    fields = _common(CallFailed, decision, plan, attempt, identity, now_ms=now_ms)
    return CallFailed(
        **fields,
        category=end.category,
        billed=end.billed,
        terminal=terminal,
        status=end.status,
        detail=end.detail,
        retry_after_ms=end.retry_after_ms,
        latency_ms=end.latency_ms,
        usage=end.usage,
        cost=end.cost,
        partial=end.partial,
    )


def _common(
    event: type[CallEvent], decision: CallOrder, plan: AttemptPlan, attempt: int, identity: Identity, *, now_ms: int
) -> dict[str, Any]:
    attempt_key = attempt_id(decision.id, attempt)
    return {
        "id": call_event_id(decision.tenant, event.TYPE, attempt_key, identity.instance, identity.incarnation),
        "occurred_at": at_ms(now_ms),
        "tenant": decision.tenant,
        "request_id": decision.request_id,
        "user": decision.user,
        "conversation_id": decision.conversation_id,
        "causation_id": decision.id,
        "traceparent": decision.traceparent,
        "decision_id": decision.id,
        "attempt": attempt,
        "attempt_id": attempt_key,
        "instance": identity.instance,
        "incarnation": identity.incarnation,
        "model": plan.model,
        "provider": plan.provider,
        "task_type": decision.task_type,
        "tier": decision.tier,
        "forced_by": decision.forced_by,
        "from_model": decision.from_model,
        "purpose": decision.purpose,
        "space": decision.space,
    }
