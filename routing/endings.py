"""How a request ends: the one final result for its client, and the one technical outcome (DESIGN 8.2, SPEC F6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from routing.build import build, fresh
from routing.desk_state import OpenRequest
from schemas.decision import Position
from schemas.ids import event_id
from schemas.outcome import TechnicalOutcome
from schemas.provider_call import CallFinished
from schemas.result import AttemptSummary, FinalResult, ResultStatus

_ANSWER = (
    "content",
    "content_reference",
    "tool_calls",
    "finish_reason",
    "usage",
    "latency_ms",
    "ttft_ms",
    "simulated",
)
_MEASURED = ("latency_ms", "ttft_ms", "usage", "simulated")


@dataclass(frozen=True, slots=True)
class Ending:
    """Status, reason for people, code; when a refusal would fit; the answer, and why it is less than was wanted."""

    status: ResultStatus
    reason: str
    code: str | None = None
    fits_at: datetime | None = None
    finished: CallFinished | None = None
    degraded: str | None = None


def settled_for(ending: Ending, kept: bytes | None, fault: str | None) -> Ending:
    """Return the ending in which an answer that was not good enough is given after all: nothing better came."""
    if kept is None or ending.status is not ResultStatus.FAILED:
        return ending
    reason = f"answered; a better answer was tried for: {ending.reason}"
    return Ending(ResultStatus.COMPLETED, reason, finished=CallFinished.model_validate_json(kept), degraded=fault)


def final_result(request: OpenRequest, ending: Ending, at: Position, common: Mapping[str, Any]) -> FinalResult:
    """Return the final result; ``at`` is where the request lies, ``common`` the envelope of what follows from it."""
    finished = ending.finished
    answer = {} if finished is None else {name: getattr(finished, name) for name in _ANSWER}
    return fresh(
        FinalResult,
        {
            "id": result_id(request),
            "status": ending.status,
            "decision_id": request.current,
            "model": _model(request, ending),
            "reason": ending.reason,
            "code": ending.code,
            "fits_at": ending.fits_at.isoformat() if ending.fits_at is not None else None,
            "cost": request.cost,
            "overhead": request.overhead,
            "degraded": ending.degraded,
            "attempts": tuple(build(AttemptSummary, attempt) for attempt in request.attempts),
            "request_at": at,
            **answer,
            **common,
        },
    )


def technical_outcome(request: OpenRequest, ending: Ending, common: Mapping[str, Any]) -> TechnicalOutcome:
    """Return the technical outcome: what feedback and analysts read of a request."""
    facts, finished = request.facts, ending.finished
    current = request.decisions.get(request.current or "")
    answers = [attempt for attempt in request.attempts if attempt["purpose"] != "advice"]
    measured = {} if finished is None else {name: getattr(finished, name) for name in _MEASURED}
    return fresh(
        TechnicalOutcome,
        {
            "id": event_id(facts.tenant, TechnicalOutcome.TYPE, request.causation_id, 0),
            "status": ending.status.value,
            "result_id": result_id(request),
            "decision_id": request.current,
            "model": _model(request, ending),
            "task_type": request.task.type,
            "complexity": request.task.complexity,
            "tier": current.tier if current is not None else None,
            "decisions": request.numbers,
            "attempts": len(answers),
            "fallbacks": sum(1 for attempt in answers if attempt["outcome"] != "finished"),
            "cost": request.cost,
            "overhead": request.overhead,
            "estimated_cost": current.estimated_cost if current is not None else 0,
            "estimated_latency_ms": current.estimated_latency_ms if current is not None else None,
            "conversation_turns": facts.conversation_turns,
            "tools": facts.tools,
            "mcp_tools": facts.mcp_tools,
            "use_case": facts.use_case,
            "space": facts.space,
            "area": facts.area,
            "prompt_version": facts.prompt_version,
            "override_model": request.override_model,
            "degraded": ending.degraded is not None,
            "escalations": request.escalations,
            **measured,
            **common,
        },
    )


def result_id(request: OpenRequest) -> str:
    """Return the id of a request's final result."""
    return event_id(request.facts.tenant, FinalResult.TYPE, request.causation_id, 0)


def _model(request: OpenRequest, ending: Ending) -> str | None:
    if ending.finished is not None:
        return ending.finished.model
    current = request.decisions.get(request.current or "")
    return current.model if current is not None else None
