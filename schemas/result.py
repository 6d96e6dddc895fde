"""What a client reads on ``results``: exactly one final result for each accepted request, and non-final notices."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from enum import StrEnum
from typing import Any, ClassVar, Literal

from schemas.decision import Position, Purpose, RefusalCode
from schemas.envelope import Event, Frozen
from schemas.money import Money
from schemas.usage import Usage


class ResultStatus(StrEnum):
    """How a request ended."""

    COMPLETED = "completed"
    ROUTED = "routed"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class AttemptSummary(Frozen):
    """One attempt as the result lists it."""

    decision_id: str
    attempt: int
    model: str
    outcome: str
    status: int | None = None
    cost: Money = 0
    purpose: Purpose = "answer"


class FinalResult(Event):
    """The one final result of an accepted request."""

    TYPE: ClassVar[str] = "pointsman.result.final.v1"
    type: Literal["pointsman.result.final.v1"] = "pointsman.result.final.v1"
    request_id: str
    final: Literal[True] = True
    status: ResultStatus
    decision_id: str | None = None
    model: str | None = None
    reason: str
    code: RefusalCode | str | None = None
    fits_at: str | None = None
    content: str | None = None
    content_reference: str | None = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    cost: Money = 0
    """What all attempts of the request were charged."""
    overhead: Money = 0
    """Of the cost: what was spent on choosing the model, or on probing one."""
    latency_ms: int | None = None
    ttft_ms: int | None = None
    simulated: bool = False
    degraded: str | None = None
    """Why the answer is less than was wanted (checked and found wanting, cut off); None: it is not."""
    attempts: tuple[AttemptSummary, ...] = ()
    request_at: Position


class NoticeBase(Event):
    """A non-final notice: it never counts as an answer."""

    request_id: str
    final: Literal[False] = False
    request_at: Position


class DuplicateNotice(NoticeBase):
    """The same request came again: its answer is, or will be, that of ``original``."""

    TYPE: ClassVar[str] = "pointsman.result.duplicate.v1"
    type: Literal["pointsman.result.duplicate.v1"] = "pointsman.result.duplicate.v1"
    original: Position
    result_id: str | None = None


class ConflictNotice(NoticeBase):
    """The request id was used before with other content."""

    TYPE: ClassVar[str] = "pointsman.result.conflict.v1"
    type: Literal["pointsman.result.conflict.v1"] = "pointsman.result.conflict.v1"
    original: Position


class StaleNotice(NoticeBase):
    """``occurred_at`` lies more than the dedupe window before the append: not accepted."""

    TYPE: ClassVar[str] = "pointsman.result.stale.v1"
    type: Literal["pointsman.result.stale.v1"] = "pointsman.result.stale.v1"


class RejectedNotice(Event):
    """An invalid request that could be attributed: a ``rejected`` result, with its dead letter's id."""

    TYPE: ClassVar[str] = "pointsman.result.rejected.v1"
    type: Literal["pointsman.result.rejected.v1"] = "pointsman.result.rejected.v1"
    final: Literal[True] = True
    status: Literal[ResultStatus.REJECTED] = ResultStatus.REJECTED
    reason: str
    code: str
    dead_letter_id: str
    request_at: Position
