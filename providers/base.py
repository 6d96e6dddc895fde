"""What an adapter is asked and what it answers: one protocol over all providers.

An adapter makes exactly **one** attempt per call. Retries, fallback, breakers and rate limits belong to the executor,
so that every attempt is an event in the log. No field of a request can carry an address: where a call goes is decided
by the endpoint's configuration alone.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas.usage import Usage

Role = Literal["system", "developer", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "content_filter", "tool_call", "error"]
ReasoningEffort = Literal["minimal", "low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text inside a message of several parts."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture, sent inline; never a URL, so neither we nor a provider fetches for a caller."""

    media_type: str
    data_base64: str


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A finished tool call. ``arguments`` is compact JSON of an object, or the raw text when ``malformed``."""

    id: str
    name: str
    arguments: str
    malformed: bool = False


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A block of visible reasoning; with tools, ``signature`` and ``redacted`` must go back unchanged."""

    text: str = ""
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. ``tool_call_id`` names the call a ``tool`` message answers."""

    role: Role
    content: str | tuple[Part, ...] = ""
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    reasoning: tuple[Reasoning, ...] = ()

    def text(self) -> str:
        """Return the text of all parts, joined."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool the model may call; ``parameters`` is a JSON Schema of an object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    strict: bool | None = None


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools may, must or must not be called; ``name`` with mode ``tool`` only."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFormat:
    """The form of the answer: any JSON object, or JSON of a schema."""

    kind: Literal["json_object", "json_schema"]
    name: str = "answer"
    schema: Mapping[str, Any] | None = None
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One chat call. ``max_output_tokens`` is always sent: without it no hold is a true bound."""

    provider_model: str
    messages: tuple[Message, ...]
    max_output_tokens: int
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    thinking_budget_tokens: int | None = None
    stream: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    """For our own use; never sent to a provider."""

    def __post_init__(self) -> None:
        if self.max_output_tokens < 1:
            raise ValueError("max_output_tokens is at least 1")
        if not self.messages:
            raise ValueError("a chat request has at least one message")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The provider's rate limit state as its headers tell it; ``reset`` in seconds from the answer."""

    requests_limit: int | None = None
    requests_remaining: int | None = None
    requests_reset_s: float | None = None
    tokens_limit: int | None = None
    tokens_remaining: int | None = None
    tokens_reset_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatResult:
    """A complete answer. ``served_model`` is what the provider says it ran."""

    content: str
    finish_reason: FinishReason
    finish_reason_raw: str | None
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: tuple[Reasoning, ...] = ()
    served_model: str | None = None
    provider_request_id: str | None = None
    warnings: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """One call for the vectors of texts, none of them empty; ``dimensions`` is their length."""

    provider_model: str
    texts: tuple[str, ...]
    dimensions: int

    def __post_init__(self) -> None:
        if not self.texts or not all(self.texts):
            raise ValueError("an embedding request has at least one text, and none is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingResult:
    """The vectors of all texts, in their order: finite numbers, each of the length asked for."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage
    served_model: str | None = None
    provider_request_id: str | None = None
    warnings: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """What had arrived when a stream broke. The usage is an estimate wherever the provider reported none."""

    content: str
    reasoning: tuple[Reasoning, ...]
    tool_calls: tuple[ToolCall, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More reasoning of block ``block`` (0, 1, ... in order of appearance)."""

    block: int
    text: str = ""
    signature: str | None = None
    redacted: str | None = None


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A fragment of tool call ``call`` (0, 1, ... in order of appearance, whatever index the provider uses)."""

    call: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The end of a complete stream: always the last event, exactly once."""

    finish_reason: FinishReason
    finish_reason_raw: str | None
    usage: Usage
    served_model: str | None = None
    provider_request_id: str | None = None
    warnings: tuple[str, ...] = ()
    rate_limit: RateLimit | None = None


StreamEvent = TextDelta | ReasoningDelta | ToolDelta | Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The limits of one attempt. Times in seconds; ``deadline`` on the clock of ``time.monotonic``."""

    attempt_id: str
    deadline: float
    ttft_timeout: float = 30.0
    """Streams: longest wait for the first content."""
    inter_chunk_timeout: float = 60.0
    """Streams: longest silence after the first content."""
    cancel: asyncio.Event | None = None
    traceparent: str | None = None
    task_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do at all; what one model can do is in the catalog."""

    chat: bool = False
    stream: bool = False
    tools: bool = False
    json_schema: bool = False
    images: bool = False
    embeddings: bool = False


class ProviderAdapter(Protocol):
    """One endpoint of one provider. Calls raise ``providers.errors.ProviderError`` and nothing else of their own."""

    @property
    def name(self) -> str:
        """Name of the endpoint in the configuration."""
        ...

    @property
    def simulated(self) -> bool:
        """True when the answers are made by the simulator."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What may be called."""
        ...

    async def chat(self, request: ChatRequest, context: CallContext) -> ChatResult:
        """Make one attempt and return the whole answer."""
        ...

    def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """Make one attempt and yield its events, ``Finish`` last; close it with ``contextlib.aclosing``."""
        ...

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingResult:
        """Make one attempt and return the vectors; without ``capabilities.embeddings`` nothing is sent."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
