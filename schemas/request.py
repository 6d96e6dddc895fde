"""What a service asks for (SPEC F1): the request, its cancellation, and the facts of it that routing may read."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schemas.envelope import Event, Frozen, Name, Traceparent
from schemas.money import Usd

MAX_MESSAGES = 200
MAX_INLINE_BYTES = 64 * 1024
PROBE = "pointsman.probe"
"""Use case of requests that find out how good a named model is: all they cost is overhead, and they teach nothing."""


class CopilotMode(StrEnum):
    """The seven copilot modes (SPEC R2)."""

    REALTIME_ASSIST = "realtime_assist"
    STRUCTURED_PLANNING = "structured_planning"
    TIMELINE_DOCTOR = "timeline_doctor"
    RESEARCH_ANALYST = "research_analyst"
    VISION_EDITING = "vision_editing"
    VOICE_GENERATION = "voice_generation"
    SYSTEM_OPTIMIZER = "system_optimizer"


class JobType(StrEnum):
    """Job types with routes of their own (SPEC R3)."""

    LLM_DEFAULT = "llm.default"
    LLM_PREMIUM = "llm.premium"
    LLM_ALT = "llm.alt"
    RETRIEVAL_WEB = "retrieval.web"
    RETRIEVAL_DEEP = "retrieval.deep"
    RETRIEVAL_DOCS = "retrieval.docs"
    RETRIEVAL_NEWS = "retrieval.news"
    RETRIEVAL_FINANCE = "retrieval.finance"
    MEDIA_BACKGROUND_REMOVAL = "media.background_removal"
    MEDIA_UPSCALING = "media.upscaling"
    MEDIA_STYLE_TRANSFER = "media.style_transfer"
    MEDIA_GENERATIVE_FILL = "media.generative_fill"
    MEDIA_VIDEO = "media.video"
    VOICE_VOICEOVER = "voice.voiceover"
    VOICE_SPEECH = "voice.speech"
    VOICE_DUBBING = "voice.dubbing"
    STRUCTURED_ANALYTICS = "structured.analytics"
    STRUCTURED_FINANCIAL_MODELLING = "structured.financial_modelling"
    BACKGROUND_TRANSCRIPTION = "background.transcription"
    BACKGROUND_AUTO_CLIP = "background.auto_clip"
    BACKGROUND_TAGGING = "background.tagging"


class SpaceType(StrEnum):
    """Kinds of space (SPEC R4)."""

    CODING = "coding"
    WRITING = "writing"
    RESEARCH = "research"
    GENERAL = "general"


class Message(Frozen):
    """One message of the prompt; ``content`` is text."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["system", "developer", "user", "assistant", "tool"] = "user"
    content: Annotated[str, StringConstraints(max_length=MAX_INLINE_BYTES)] = ""
    name: Name | None = None
    tool_call_id: Name | None = None


class Attachment(Frozen):
    """A part held in the blob store (never a URL): kind, media type, size, and how to verify it."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["document", "image", "audio", "video", "timeline", "logs", "mask", "keyframes"]
    reference: Name
    media_type: Annotated[str, StringConstraints(max_length=100)] = "application/octet-stream"
    length: Annotated[int, Field(ge=0)] = 0
    hmac: Annotated[str, StringConstraints(max_length=128)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None


class Constraints(Frozen):
    """Limits of one request (SPEC R10): dollars, quality 0-100, milliseconds, an instant."""

    model_config = ConfigDict(extra="forbid")

    max_cost: Annotated[Usd, Field(ge=0)] | None = None
    min_quality: Annotated[float, Field(ge=0, le=100)] | None = None
    max_latency_ms: Annotated[int, Field(gt=0)] | None = None
    deadline: AwareDatetime | None = None


class RequestFacts(Frozen):
    """Everything about a request that routing may read: no message text, so a prompt cannot change caps or policy."""

    tenant: str
    request_id: str
    user: str | None = None
    conversation_id: str | None = None
    space: Name | None = None
    space_type: SpaceType | None = None
    area: Name | None = None
    area_task_type: str | None = None
    team: Name | None = None
    use_case: Name | None = None
    mode: CopilotMode | None = None
    job_type: JobType | None = None
    automation: Literal["human_in_loop", "automated"] = "human_in_loop"
    latency_class: Literal["interactive", "background"] = "interactive"
    conversation_turns: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    planning: bool = False
    assist: bool = False
    sensitive: bool = False
    tools: Annotated[tuple[Name, ...], Field(max_length=128)] = ()
    mcp_tools: Annotated[tuple[Name, ...], Field(max_length=128)] = ()
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] = "auto"
    constraints: Constraints = Constraints()
    plan: Name | None = None
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    execute: bool = True
    stream: bool = False
    max_output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    prompt_version: Name | None = None
    stickiness: Literal["message", "conversation"] | None = None

    @property
    def probe(self) -> bool:
        """Whether a named model is probed: nobody reads the answer."""
        return self.use_case == PROBE and self.model != "auto"


class RequestReceived(Event):
    """A request for an AI call, published by a service or the gateway to ``requests`` (SPEC F1).

    ``prompt`` is short for one user message. Unknown fields are refused by name: a field that has no effect would
    otherwise be a silent misunderstanding, and no field can carry an address for pointsman to call.
    """

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.request.received.v1"

    type: Literal["pointsman.request.received.v1"] = "pointsman.request.received.v1"
    request_id: Name
    user: Name | None = None
    conversation_id: Name | None = None
    traceparent: Traceparent | None = None
    prompt: Annotated[str, StringConstraints(max_length=MAX_INLINE_BYTES)] | None = None
    messages: Annotated[tuple[Message, ...], Field(max_length=MAX_MESSAGES)] = ()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=64)] = ()
    payload: Attachment | None = None
    tool_definitions: Annotated[tuple[dict[str, Any], ...], Field(max_length=128)] = ()
    response_format: dict[str, Any] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stop: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    seed: int | None = None

    space: Name | None = None
    space_type: SpaceType | None = None
    area: Name | None = None
    area_task_type: Name | None = None
    team: Name | None = None
    use_case: Name | None = None
    mode: CopilotMode | None = None
    job_type: JobType | None = None
    automation: Literal["human_in_loop", "automated"] = "human_in_loop"
    latency_class: Literal["interactive", "background"] = "interactive"
    conversation_turns: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    planning: bool = False
    assist: bool = False
    sensitive: bool = False
    tools: Annotated[tuple[Name, ...], Field(max_length=128)] = ()
    mcp_tools: Annotated[tuple[Name, ...], Field(max_length=128)] = ()
    model: Annotated[str, StringConstraints(min_length=1, max_length=128)] = "auto"
    constraints: Constraints = Constraints()
    plan: Name | None = None
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    execute: bool = True
    stream: bool = False
    max_output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    prompt_version: Name | None = None
    stickiness: Literal["message", "conversation"] | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.prompt is None and not self.messages and self.payload is None and not self.attachments:
            message = "give one of prompt, messages, payload or attachments"
            raise ValueError(message)
        return self

    def conversation(self) -> tuple[Message, ...]:
        """Return the messages to send: ``messages``, then ``prompt`` as a last user message."""
        if self.prompt is None:
            return self.messages
        return (*self.messages, Message(role="user", content=self.prompt))


class RequestCancelled(Event):
    """A client no longer wants the answer of ``request_id``; published to ``requests``."""

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.request.cancelled.v1"

    type: Literal["pointsman.request.cancelled.v1"] = "pointsman.request.cancelled.v1"
    request_id: Name
    reason: Annotated[str, StringConstraints(max_length=200)] | None = None
