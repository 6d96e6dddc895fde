"""Executor events on ``provider-calls``: every attempt is in the log before it is made (DESIGN 8)."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime

from schemas.decision import Purpose
from schemas.envelope import Event, Frozen
from schemas.money import Money
from schemas.record import Headers
from schemas.usage import Usage
from schemas.vector import PackedVector

NOT_SENT = "not_sent"


class ExecutorStarted(Event):
    """An executor announces a new incarnation on every partition before anything else; ``tenant`` is ``system``."""

    TYPE: ClassVar[str] = "pointsman.executor.started.v1"
    type: Literal["pointsman.executor.started.v1"] = "pointsman.executor.started.v1"
    instance: str
    incarnation: int


class CallEvent(Event):
    """Base: which attempt of which decision, by whom. Repeats the decision's facts so that feedback needs no join."""

    request_id: str
    decision_id: str
    attempt: int
    """1 for the first attempt of the decision, then 2, 3, ...; an attempt closed unbilled opens the next."""
    attempt_id: str
    instance: str
    incarnation: int
    model: str
    provider: str
    task_type: str
    tier: int
    forced_by: str | None = None
    from_model: str | None = None
    purpose: Purpose = "answer"
    """Advice and probes say nothing about how well a model answers people."""
    space: str | None = None

    def extension_headers(self) -> Headers:
        """Return decision and attempt ids as headers: readable even when the value is not valid."""
        return (("ce_decisionid", self.decision_id.encode()), ("ce_attemptid", self.attempt_id.encode()))


class CallStarted(CallEvent):
    """A claim: the writer will call once it has read this back as the first claim of the current attempt."""

    TYPE: ClassVar[str] = "pointsman.call.started.v1"
    type: Literal["pointsman.call.started.v1"] = "pointsman.call.started.v1"
    expires_at: AwareDatetime
    """Never after the decision's deadline; 30 s later any owner may call the attempt unknown."""


class CallFailed(CallEvent):
    """The attempt ended without an answer. ``not_sent`` is also a claim; ``terminal`` ends the decision."""

    TYPE: ClassVar[str] = "pointsman.call.failed.v1"
    type: Literal["pointsman.call.failed.v1"] = "pointsman.call.failed.v1"
    category: str
    """``not_sent`` or an error category of ``providers.errors``."""
    billed: Literal["no", "yes"]
    terminal: bool
    """True when no further attempt of this decision follows (always for billed failures and ``not_sent``)."""
    status: int | None = None
    detail: str = ""
    retry_after_ms: int | None = None
    latency_ms: int = 0
    usage: Usage = Usage()
    cost: Money = 0
    partial: bool = False
    """A stream broke after its first published token."""


class CallFinished(CallEvent):
    """The provider answered: content (or a blob reference), usage, cost, latency, time to first token."""

    TYPE: ClassVar[str] = "pointsman.call.finished.v1"
    type: Literal["pointsman.call.finished.v1"] = "pointsman.call.finished.v1"
    content: str | None = None
    content_reference: str | None = None
    embedding: PackedVector | None = None
    """The answer of an encoder, quantised: equal vectors give equal scores on any machine."""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: Literal["stop", "length", "content_filter", "tool_call", "error"] = "stop"
    finish_reason_raw: str | None = None
    usage: Usage
    cost: Money
    price_source: str = ""
    latency_ms: int
    ttft_ms: int | None = None
    served_model: str | None = None
    provider_request_id: str | None = None
    simulated: bool = False
    cancelled: bool = False
    """The answer is what had arrived when the call was cancelled."""
    warnings: tuple[str, ...] = ()


class CallUnknown(CallEvent):
    """Nobody knows how the attempt ended: its hold is charged at once."""

    TYPE: ClassVar[str] = "pointsman.call.unknown.v1"
    type: Literal["pointsman.call.unknown.v1"] = "pointsman.call.unknown.v1"
    reason: str
    partial: bool = False


class CallJob(CallEvent):
    """The provider runs the attempt as a job that can be polled on, also by another executor."""

    TYPE: ClassVar[str] = "pointsman.call.job.v1"
    type: Literal["pointsman.call.job.v1"] = "pointsman.call.job.v1"
    job: dict[str, str]


class ResultChunk(Event):
    """Live tokens on ``result-chunks``: ``seq`` counts from 0 within the attempt."""

    TYPE: ClassVar[str] = "pointsman.result.chunk.v1"
    type: Literal["pointsman.result.chunk.v1"] = "pointsman.result.chunk.v1"
    request_id: str
    decision_id: str
    attempt_id: str
    seq: int
    text: str = ""
    tool_delta: dict[str, Any] | None = None
    last: bool = False


class ProviderHealth(Frozen):
    """A row of ``provider-health`` (key ``provider|model|region|instance``), as one executor sees it."""

    provider: str
    model: str
    region: str = "default"
    instance: str
    version: int
    state: Literal["closed", "half_open", "open"]
    error_rate: float = 0.0
    rate_limited_until: AwareDatetime | None = None
    updated_at: AwareDatetime
