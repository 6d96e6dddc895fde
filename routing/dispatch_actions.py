"""What the executor's core asks its shell to do, and what the shell tells it about a call: plain values."""

from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.decision import AttemptPlan, CallOrder
from schemas.provider_call import CallEvent
from schemas.usage import Usage


@dataclass(frozen=True, slots=True)
class Identity:
    """This executor: its name, stable over restarts, and its incarnation, larger with each start."""

    instance: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write this event to this partition of ``provider-calls``, in the order of the actions."""

    event: CallEvent


@dataclass(frozen=True, slots=True)
class StartCall:
    """Call the provider now: the claim has been read back. Tell the end with ``DispatchCore.completed``."""

    decision: CallOrder
    plan: AttemptPlan
    attempt: int
    attempt_id: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class PollJob:
    """Go on polling the job of an attempt whose executor was restarted; tell the end with ``completed``."""

    decision: CallOrder
    plan: AttemptPlan
    attempt: int
    attempt_id: str
    expires_at_ms: int
    job: dict[str, str]


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Stop a running call: nobody wants its answer. Its end is still told with ``completed``."""

    attempt_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Ask for a place among the calls of this provider and tenant; grant it with ``DispatchCore.admitted``."""

    decision_id: str
    provider: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The decision gives up its place, waiting or granted; harmless when it has none."""

    decision_id: str


@dataclass(frozen=True, slots=True)
class StartTail:
    """Read ``provider-calls`` of this partition from this offset; tell its present end with ``caught_up``."""

    offset: int


@dataclass(frozen=True, slots=True)
class CommitUpTo:
    """All decisions below this offset are done: it may be committed."""

    offset: int


Action = Write | StartCall | PollJob | CancelCall | Enqueue | Leave | StartTail | CommitUpTo


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The provider answered. ``cost`` in pico-dollars, times in milliseconds."""

    usage: Usage
    cost: int
    latency_ms: int
    content: str | None = None
    content_reference: str | None = None
    embedding: str | None = None
    """The packed vector that an encoder answered."""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: Literal["stop", "length", "content_filter", "tool_call", "error"] = "stop"
    finish_reason_raw: str | None = None
    price_source: str = ""
    ttft_ms: int | None = None
    served_model: str | None = None
    provider_request_id: str | None = None
    simulated: bool = False
    cancelled: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """The attempt ended without an answer. ``billed``: ``no`` is proof, ``unknown`` charges the hold.

    ``category``: ``not_sent`` (the call was never made) or an error category of ``providers.errors``; ``partial``: a
    stream broke after its first published token.
    """

    category: str
    billed: Literal["no", "unknown", "yes"]
    status: int | None = None
    detail: str = ""
    retry_after_ms: int | None = None
    latency_ms: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: int = 0
    partial: bool = False


Completion = Answered | Broke
