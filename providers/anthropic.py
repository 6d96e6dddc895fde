"""The Anthropic Messages dialect.

``POST /v1/messages``; ``input_tokens`` **excludes** the prompt cache, so the total is input + cache creation + cache
read. Streams are named events; usage in ``message_delta`` is cumulative and its fields may be null, which keeps the
value of ``message_start``; ``ping`` and unknown events are passed over; ``message_stop`` is the end marker; an
``error`` event may come inside status 200. From API version 2026-10-21 on, sampling parameters are refused: a request
that carries them is sent with ``anthropic_version_sampling``.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from providers import wire
from providers.adapter import StreamParser
from providers.base import (
    Capabilities,
    ChatRequest,
    ChatResult,
    EmbeddingRequest,
    EmbeddingResult,
    Finish,
    FinishReason,
    ImagePart,
    Message,
    Reasoning,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolDelta,
)
from providers.endpoint import EndpointConfig, ModelProfile
from providers.errors import IncompleteStreamError, InvalidRequestError, ProviderError
from providers.failures import ErrorBody, error_in_stream, error_of_answer
from providers.hints import rate_limit, request_id, safe_token
from providers.sse import ServerSentEvent, SseParser
from providers.tool_calls import compact_json, finished_tool_call
from providers.transport import HttpRequest, HttpResponse
from schemas.usage import Usage

MIN_THINKING_BUDGET = 1024
_CAPABILITIES = Capabilities(chat=True, stream=True, tools=True, json_schema=True, images=True)
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}


@dataclass(frozen=True, slots=True)
class AnthropicDialect:
    """The dialect as one endpoint speaks it."""

    endpoint: EndpointConfig

    @property
    def capabilities(self) -> Capabilities:
        """What the format can express."""
        return _CAPABILITIES

    def build_request(self, request: ChatRequest) -> HttpRequest:
        """Return the HTTP request; parameters the model does not take are left out, with a warning."""
        profile = self.endpoint.profile_of(request.provider_model)
        body: dict[str, Any] = {
            "model": request.provider_model,
            "max_tokens": request.max_output_tokens,
            "messages": _messages(request.messages),
        }
        if system := "\n\n".join(m.text() for m in request.messages if m.role in ("system", "developer")):
            body["system"] = system
        warnings = _add_thinking(body, request, profile)
        version, dropped = self._add_sampling(body, request, profile)
        warnings += [*dropped, *_add_format(body, request, profile)]
        if request.stop:
            body["stop_sequences"] = list(request.stop)
        if request.seed is not None:
            warnings.append("dropped_seed")
        _add_tools(body, request)
        if request.stream:
            body["stream"] = True
        return HttpRequest(
            path="/v1/messages",
            body=orjson.dumps(body),
            headers=(("anthropic-version", version),),
            warnings=tuple(warnings),
        )

    def parse_response(self, response: HttpResponse) -> ChatResult:
        """Return the answer of status 200."""
        body = wire.json_object(response.body)
        if body is None:
            raise wire.malformed("the answer is not a JSON object", response)
        if body.get("type") == "error":
            raise error_in_stream(_error_body(body), wire.facts_of(response), self.endpoint, produced=False)
        if not isinstance(body.get("content"), list):
            raise wire.malformed("the answer has no content", response)
        blocks = wire.objects(body["content"])
        calls = [block for block in blocks if block.get("type") == "tool_use"]
        usage, warnings = usage_of(wire.as_object(body.get("usage")))
        raw = wire.optional_text(body.get("stop_reason"))
        return ChatResult(
            content="".join(wire.text(block.get("text")) for block in blocks if block.get("type") == "text"),
            finish_reason=_FINISH.get(raw or "", "stop"),
            finish_reason_raw=safe_token(raw),
            usage=usage,
            tool_calls=tuple(_finished_call(call, ordinal) for ordinal, call in enumerate(calls)),
            reasoning=tuple(reasoning for block in blocks if (reasoning := _reasoning(block)) is not None),
            served_model=wire.optional_text(body.get("model")),
            provider_request_id=request_id(response.headers) or safe_token(body.get("id")),
            warnings=warnings,
            rate_limit=rate_limit(response.headers, response.received_at),
        )

    def build_embedding(self, request: EmbeddingRequest) -> HttpRequest:
        """Raise: the format has no vectors."""
        raise InvalidRequestError(f"no format for the vectors of {len(request.texts)} texts: the dialect has none")

    def parse_embedding(self, response: HttpResponse, request: EmbeddingRequest) -> EmbeddingResult:
        """Raise: nothing was asked that could be answered so."""
        raise wire.malformed(f"an answer of {len(request.texts)} vectors in a format without them", response)

    def parse_failure(self, response: HttpResponse) -> ProviderError:
        """Return the error of any other status."""
        body = wire.json_object(response.body) or wire.EMPTY
        return error_of_answer(_error_body(body), wire.facts_of(response), self.endpoint)

    def stream_parser(self, head: HttpResponse, provider_model: str) -> StreamParser:  # noqa: ARG002  (the protocol's)
        """Return a parser of one stream."""
        return AnthropicStream(self.endpoint, head)

    def _add_sampling(self, body: dict[str, Any], request: ChatRequest, profile: ModelProfile) -> tuple[str, list[str]]:
        """Add temperature and top_p where they are taken; return the API version to send and warnings."""
        wanted = {"temperature": request.temperature, "top_p": request.top_p}
        given = {name: value for name, value in wanted.items() if value is not None}
        version = self.endpoint.anthropic_version_sampling
        if not given:
            return self.endpoint.anthropic_version, []
        if not profile.sampling or version is None or "thinking" in body:
            return self.endpoint.anthropic_version, [f"dropped_{name}" for name in given]
        body |= given
        return version, []


class AnthropicStream:
    """Parser of one stream of message events."""

    def __init__(self, endpoint: EndpointConfig, head: HttpResponse) -> None:
        self._endpoint = endpoint
        self._head = head
        self._sse = SseParser()
        self._usage: dict[str, Any] = {}
        self._model: str | None = None
        self._id: str | None = None
        self._stop: str | None = None
        self._calls: dict[int, int] = {}
        self._reasoning: dict[int, int] = {}
        self._produced = False
        self.failure: ProviderError | None = None
        self.done = False

    @property
    def known_usage(self) -> Usage | None:
        """What ``message_start`` and ``message_delta`` have told so far."""
        usage, _ = usage_of(self._usage)
        return None if usage.estimated else usage

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return the events that ``data`` completes."""
        return self._take(self._sse.feed(data))

    def close(self) -> list[StreamEvent]:
        """Take the end of the body: without ``message_stop`` the stream is incomplete."""
        events = self._take(self._sse.close())
        if not self.done and self.failure is None:
            self.failure = IncompleteStreamError("the stream ended without its end marker")
        return events

    def _take(self, messages: list[ServerSentEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for message in messages:
            if self.done or self.failure is not None:
                break
            body = wire.json_object(message.data)
            if body is None:
                self.failure = wire.malformed("an event is not a JSON object", self._head, in_stream=True)
                break
            new = self._event(wire.text(body.get("type")) or message.event, body)
            self._produced = self._produced or bool(new)
            events += new
        if self._sse.overflow and not self.done and self.failure is None:
            self.failure = wire.malformed("an event is larger than 1 MiB", self._head, in_stream=True)
        return events

    def _event(self, kind: str, body: wire.Object) -> list[StreamEvent]:
        index = wire.whole(body.get("index")) or 0
        match kind:
            case "message_start":
                message = wire.as_object(body.get("message")) or wire.EMPTY
                self._model = wire.optional_text(message.get("model"))
                self._id = safe_token(message.get("id"))
                self._update_usage(message.get("usage"))
            case "content_block_start":
                return self._block_start(index, wire.as_object(body.get("content_block")) or wire.EMPTY)
            case "content_block_delta":
                return self._block_delta(index, wire.as_object(body.get("delta")) or wire.EMPTY)
            case "message_delta":
                delta = wire.as_object(body.get("delta")) or wire.EMPTY
                self._stop = wire.optional_text(delta.get("stop_reason")) or self._stop
                self._update_usage(body.get("usage"))
            case "message_stop":
                return [self._finish()]
            case "error":
                facts = wire.facts_of(self._head)
                self.failure = error_in_stream(_error_body(body), facts, self._endpoint, produced=self._produced)
            case _:
                pass  # ping, content_block_stop, and events newer than this parser
        return []

    def _block_start(self, index: int, block: wire.Object) -> list[StreamEvent]:
        match block.get("type"):
            case "text":
                text = wire.text(block.get("text"))
                return [TextDelta(text)] if text else []
            case "tool_use":
                call = self._calls[index] = len(self._calls)
                given = wire.as_object(block.get("input"))
                id_, name = wire.optional_text(block.get("id")), wire.optional_text(block.get("name"))
                return [ToolDelta(call, id_, name, compact_json(given) if given else "")]
            case "thinking" | "redacted_thinking":
                number = self._reasoning[index] = len(self._reasoning)
                reasoning = _reasoning(block) or Reasoning()
                return [ReasoningDelta(number, reasoning.text, reasoning.signature, reasoning.redacted)]
            case _:
                return []

    def _block_delta(self, index: int, delta: wire.Object) -> list[StreamEvent]:
        match delta.get("type"):
            case "text_delta":
                return [TextDelta(wire.text(delta.get("text")))]
            case "input_json_delta" if index in self._calls:
                return [ToolDelta(self._calls[index], arguments=wire.text(delta.get("partial_json")))]
            case "thinking_delta" if index in self._reasoning:
                return [ReasoningDelta(self._reasoning[index], wire.text(delta.get("thinking")))]
            case "signature_delta" if index in self._reasoning:
                return [ReasoningDelta(self._reasoning[index], signature=wire.optional_text(delta.get("signature")))]
            case _:
                return []

    def _update_usage(self, value: Any) -> None:
        reported = wire.as_object(value) or wire.EMPTY
        self._usage |= {name: count for name, count in reported.items() if count is not None}

    def _finish(self) -> Finish:
        self.done = True
        usage, warnings = usage_of(self._usage)
        return Finish(
            finish_reason=_FINISH.get(self._stop or "", "stop"),
            finish_reason_raw=safe_token(self._stop),
            usage=usage,
            served_model=self._model,
            provider_request_id=request_id(self._head.headers) or self._id,
            warnings=warnings,
            rate_limit=rate_limit(self._head.headers, self._head.received_at),
        )


def usage_of(usage: wire.Object | None) -> tuple[Usage, tuple[str, ...]]:
    """Return the normalised usage and warnings; what was not reported, or cannot be, is marked as estimated."""
    if not usage:
        return Usage(estimated=True), ("usage_missing",)
    fresh, output = wire.whole(usage.get("input_tokens")), wire.whole(usage.get("output_tokens"))
    if fresh is None or output is None:
        return Usage(estimated=True), ("usage_invalid",)
    read = wire.whole(usage.get("cache_read_input_tokens")) or 0
    written = wire.whole(usage.get("cache_creation_input_tokens")) or 0
    kept = wire.as_object(usage.get("cache_creation")) or wire.EMPTY
    details = wire.as_object(usage.get("output_tokens_details")) or wire.EMPTY
    reasoning = wire.whole(details.get("reasoning_tokens")) or wire.whole(details.get("thinking_tokens")) or 0
    served = wire.as_object(usage.get("server_tool_use")) or wire.EMPTY
    return (
        Usage(
            input_tokens=fresh + read + written,
            cached_input_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=min(written, wire.whole(kept.get("ephemeral_1h_input_tokens")) or 0),
            output_tokens=output,
            reasoning_tokens=min(output, reasoning),
            requests=wire.whole(served.get("web_search_requests")) or 0,
        ),
        (),
    )


def _messages(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """Return the turns: tool answers are the user's, and neighbours of one role are joined."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role in ("system", "developer"):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id or "", "content": message.text()}]
    blocks: list[dict[str, Any]] = [_reasoning_block(reasoning) for reasoning in message.reasoning]
    if isinstance(message.content, str):
        if message.content:
            blocks.append({"type": "text", "text": message.content})
    else:
        for part in message.content:
            if isinstance(part, ImagePart):
                source = {"type": "base64", "media_type": part.media_type, "data": part.data_base64}
                blocks.append({"type": "image", "source": source})
            else:
                blocks.append({"type": "text", "text": part.text})
    for call in message.tool_calls:
        arguments = wire.json_object(call.arguments) or {}
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
    return blocks


def _reasoning_block(reasoning: Reasoning) -> dict[str, Any]:
    if reasoning.redacted is not None:
        return {"type": "redacted_thinking", "data": reasoning.redacted}
    return {"type": "thinking", "thinking": reasoning.text, "signature": reasoning.signature or ""}


def _add_thinking(body: dict[str, Any], request: ChatRequest, profile: ModelProfile) -> list[str]:
    warnings: list[str] = []
    if request.reasoning_effort is not None:
        if profile.reasoning == "effort":
            effort = "low" if request.reasoning_effort == "minimal" else request.reasoning_effort
            body["output_config"] = {"effort": effort}
        else:
            warnings.append("dropped_reasoning_effort")
    if request.thinking_budget_tokens is not None:
        if profile.reasoning == "budget" and request.max_output_tokens > MIN_THINKING_BUDGET:
            most = request.max_output_tokens - 1  # the answer needs at least one token beside the thinking
            budget = max(MIN_THINKING_BUDGET, min(request.thinking_budget_tokens, most))
            body["thinking"] = {"type": "enabled", "budget_tokens": budget}
        else:
            warnings.append("dropped_thinking_budget")
    return warnings


def _add_format(body: dict[str, Any], request: ChatRequest, profile: ModelProfile) -> list[str]:
    wanted = request.response_format
    if wanted is None:
        return []
    if wanted.kind != "json_schema" or wanted.schema is None or profile.response_format != "json_schema":
        return ["dropped_response_format"]
    form = {"type": "json_schema", "schema": dict(wanted.schema)}
    body["output_config"] = {**body.get("output_config", {}), "format": form}
    return []


def _add_tools(body: dict[str, Any], request: ChatRequest) -> None:
    if request.tools:
        body["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
            | ({} if tool.strict is None else {"strict": tool.strict})
            for tool in request.tools
        ]
    choice = request.tool_choice
    if choice is not None:
        kind = "any" if choice.mode == "required" else choice.mode
        body["tool_choice"] = {"type": kind, "name": choice.name} if kind == "tool" else {"type": kind}


def _error_body(body: wire.Object) -> ErrorBody:
    error = wire.as_object(body.get("error")) or wire.EMPTY
    details = wire.as_object(error.get("details")) or wire.EMPTY
    return wire.error_body(error, details.get("error_code"), error.get("type"))


def _finished_call(block: wire.Object, ordinal: int) -> ToolCall:
    given = wire.as_object(block.get("input"))
    arguments = compact_json(given if given is not None else block.get("input"))
    return finished_tool_call(
        wire.optional_text(block.get("id")), wire.optional_text(block.get("name")), arguments, ordinal
    )


def _reasoning(block: wire.Object) -> Reasoning | None:
    if block.get("type") == "thinking":
        return Reasoning(wire.text(block.get("thinking")), wire.optional_text(block.get("signature")))
    if block.get("type") == "redacted_thinking":
        return Reasoning(redacted=wire.optional_text(block.get("data")))
    return None
