"""The OpenAI chat completions dialect, spoken by OpenAI, OpenRouter and many compatible servers.

``POST /chat/completions``; usage includes cached tokens in the prompt and reasoning in the completion; streams are
unnamed server-sent events of ``chat.completion.chunk``, then (asked for with ``include_usage``) a chunk with empty
``choices`` and the usage, then ``[DONE]``. Errors may arrive inside an answer of status 200. OpenRouter's
``usage.cost`` (dollars) is taken as the provider's own cost.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from providers import openai_embeddings, wire
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
)
from providers.endpoint import EndpointConfig, ModelProfile
from providers.errors import IncompleteStreamError, ProviderError
from providers.failures import error_in_stream, error_of_answer
from providers.hints import rate_limit, request_id, safe_token
from providers.sse import ServerSentEvent, SseParser
from providers.tool_calls import ToolCallRouter, finished_tool_call
from providers.transport import HttpRequest, HttpResponse
from schemas.money import MoneyError, usd_to_pico
from schemas.usage import Usage

_CAPABILITIES = Capabilities(chat=True, stream=True, tools=True, json_schema=True, images=True, embeddings=True)
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "content_filter": "content_filter",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class OpenAIDialect:
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
            "messages": [_message(message, profile) for message in request.messages],
            profile.max_tokens_field: request.max_output_tokens,
        }
        warnings = [*_add_optional(body, request, profile), *_add_format(body, request, profile)]
        if request.tools:
            body["tools"] = [_tool(request, index) for index in range(len(request.tools))]
        if request.tool_choice is not None:
            choice = request.tool_choice
            named = {"type": "function", "function": {"name": choice.name}}
            body["tool_choice"] = named if choice.mode == "tool" else choice.mode
        if request.stream:
            body["stream"] = True
            if profile.stream_usage:
                body["stream_options"] = {"include_usage": True}
        return HttpRequest(path="/chat/completions", body=orjson.dumps(body), warnings=tuple(warnings))

    def parse_response(self, response: HttpResponse) -> ChatResult:
        """Return the answer of status 200."""
        body = wire.json_object(response.body)
        if body is None:
            raise wire.malformed("the answer is not a JSON object", response)
        if (error := _embedded_error(body)) is not None:
            raise error_in_stream(_error_body(error), wire.facts_of(response), self.endpoint, produced=False)
        choice = next(iter(wire.objects(body.get("choices"))), None)
        message = wire.as_object(choice.get("message")) if choice is not None else None
        if choice is None or message is None:
            raise wire.malformed("the answer has no choice with a message", response)
        calls = tuple(
            _finished_call(call, ordinal) for ordinal, call in enumerate(wire.objects(message.get("tool_calls")))
        )
        usage, warnings = usage_of(body.get("usage"))
        raw = wire.optional_text(choice.get("finish_reason"))
        refusal = wire.text(message.get("refusal"))
        reasoning = _reasoning_text(message)
        return ChatResult(
            content=_content_text(message.get("content")) + refusal,
            finish_reason=_finish_reason(raw, has_calls=bool(calls), refused=bool(refusal)),
            finish_reason_raw=safe_token(raw),
            usage=usage,
            tool_calls=calls,
            reasoning=(Reasoning(reasoning),) if reasoning else (),
            served_model=wire.optional_text(body.get("model")),
            provider_request_id=request_id(response.headers) or safe_token(body.get("id")),
            warnings=warnings,
            rate_limit=rate_limit(response.headers, response.received_at),
        )

    def build_embedding(self, request: EmbeddingRequest) -> HttpRequest:
        """Return the HTTP request for vectors."""
        return openai_embeddings.build(request)

    def parse_embedding(self, response: HttpResponse, request: EmbeddingRequest) -> EmbeddingResult:
        """Return the vectors of an answer of status 200."""
        body = wire.json_object(response.body)
        if body is None:
            raise wire.malformed("the answer is not a JSON object", response)
        if (error := _embedded_error(body)) is not None:
            raise error_in_stream(_error_body(error), wire.facts_of(response), self.endpoint, produced=False)
        usage, warnings = usage_of({"completion_tokens": 0, **(wire.as_object(body.get("usage")) or wire.EMPTY)})
        return EmbeddingResult(
            vectors=openai_embeddings.vectors_of(body, response, request),
            usage=openai_embeddings.estimated_usage(request) if usage.estimated else usage,
            served_model=wire.optional_text(body.get("model")),
            provider_request_id=request_id(response.headers) or safe_token(body.get("id")),
            warnings=warnings,
            rate_limit=rate_limit(response.headers, response.received_at),
        )

    def parse_failure(self, response: HttpResponse) -> ProviderError:
        """Return the error of any other status."""
        body = wire.json_object(response.body) or wire.EMPTY
        error = wire.as_object(body.get("error"))
        return error_of_answer(_error_body(error), wire.facts_of(response), self.endpoint)

    def stream_parser(self, head: HttpResponse, provider_model: str) -> StreamParser:
        """Return a parser of one stream."""
        return OpenAIStream(self.endpoint, head, done_marker=self.endpoint.profile_of(provider_model).done_marker)


class OpenAIStream:
    """Parser of one stream of chunks."""

    def __init__(self, endpoint: EndpointConfig, head: HttpResponse, *, done_marker: bool = True) -> None:
        self._endpoint = endpoint
        self._head = head
        self._done_marker = done_marker
        self._sse = SseParser()
        self._router = ToolCallRouter()
        self._raw_finish: str | None = None
        self._model: str | None = None
        self._id: str | None = None
        self._usage: Usage | None = None
        self._warnings: tuple[str, ...] = ()
        self._has_calls = False
        self._refused = False
        self._produced = False
        self.failure: ProviderError | None = None
        self.done = False

    @property
    def known_usage(self) -> Usage | None:
        """Usage, once its chunk has come."""
        return self._usage

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return the events that ``data`` completes."""
        return self._take(self._sse.feed(data))

    def close(self) -> list[StreamEvent]:
        """Take the end of the body: without the end marker the stream is incomplete."""
        events = self._take(self._sse.close())
        if self.done or self.failure is not None:
            return events
        if not self._done_marker and self._raw_finish is not None:
            return [*events, self._finish()]
        self.failure = IncompleteStreamError("the stream ended without its end marker")
        return events

    def _take(self, messages: list[ServerSentEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for message in messages:
            if self.done or self.failure is not None:
                break
            if message.data.strip() == "[DONE]":
                events.append(self._finish())
            else:
                self._chunk(message.event, message.data, events)
        if self._sse.overflow and not self.done and self.failure is None:
            self.failure = wire.malformed("an event is larger than 1 MiB", self._head, in_stream=True)
        return events

    def _chunk(self, name: str, data: str, events: list[StreamEvent]) -> None:
        chunk = wire.json_object(data)
        if chunk is None:
            self.failure = wire.malformed("an event is not a JSON object", self._head, in_stream=True)
            return
        error = _embedded_error(chunk)
        if error is not None or name == "error":
            body = _error_body(error or chunk)
            self.failure = error_in_stream(body, wire.facts_of(self._head), self._endpoint, produced=self._produced)
            return
        self._model = wire.optional_text(chunk.get("model")) or self._model
        self._id = safe_token(chunk.get("id")) or self._id
        if chunk.get("usage") is not None:
            self._usage, self._warnings = usage_of(chunk["usage"])
        for choice in wire.objects(chunk.get("choices")):
            if choice.get("index", 0) == 0:
                self._delta(wire.as_object(choice.get("delta")) or wire.EMPTY, events)
                self._raw_finish = wire.optional_text(choice.get("finish_reason")) or self._raw_finish

    def _delta(self, delta: wire.Object, events: list[StreamEvent]) -> None:
        before = len(events)
        if reasoning := _reasoning_text(delta):
            events.append(ReasoningDelta(0, reasoning))
        if content := _content_text(delta.get("content")):
            events.append(TextDelta(content))
        if refusal := wire.text(delta.get("refusal")):
            self._refused = True
            events.append(TextDelta(refusal))
        for call in wire.objects(delta.get("tool_calls")):
            function = wire.as_object(call.get("function")) or wire.EMPTY
            self._has_calls = True
            events.append(
                self._router.route(
                    id_=wire.optional_text(call.get("id")),
                    index=wire.whole(call.get("index")),
                    name=wire.optional_text(function.get("name")),
                    arguments=wire.text(function.get("arguments")),
                )
            )
        self._produced = self._produced or len(events) > before

    def _finish(self) -> Finish:
        self.done = True
        usage, warnings = (self._usage, self._warnings) if self._usage is not None else usage_of(None)
        return Finish(
            finish_reason=_finish_reason(self._raw_finish, has_calls=self._has_calls, refused=self._refused),
            finish_reason_raw=safe_token(self._raw_finish),
            usage=usage,
            served_model=self._model,
            provider_request_id=request_id(self._head.headers) or self._id,
            warnings=warnings,
            rate_limit=rate_limit(self._head.headers, self._head.received_at),
        )


def usage_of(value: Any) -> tuple[Usage, tuple[str, ...]]:
    """Return the normalised usage and warnings; what was not reported, or cannot be, is marked as estimated."""
    usage = wire.as_object(value)
    if usage is None:
        return Usage(estimated=True), ("usage_missing",)
    prompt, completion = wire.whole(usage.get("prompt_tokens")), wire.whole(usage.get("completion_tokens"))
    if prompt is None or completion is None:
        return Usage(estimated=True), ("usage_invalid",)
    read = wire.as_object(usage.get("prompt_tokens_details")) or wire.EMPTY
    made = wire.as_object(usage.get("completion_tokens_details")) or wire.EMPTY
    cached = wire.whole(read.get("cached_tokens")) or 0
    written = wire.whole(read.get("cache_write_tokens")) or 0
    reasoning = wire.whole(made.get("reasoning_tokens")) or 0
    cost, warnings = _cost(usage.get("cost"))
    if cached + written > prompt or reasoning > completion:
        cached, written, reasoning = 0, 0, 0  # the totals decide the bill; parts that do not fit are no information
        warnings = (*warnings, "usage_parts_invalid")
    return (
        Usage(
            input_tokens=prompt,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            output_tokens=completion,
            reasoning_tokens=reasoning,
            provider_cost=cost,
        ),
        warnings,
    )


def _cost(value: Any) -> tuple[int | None, tuple[str, ...]]:
    if value is None:
        return None, ()
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None, ("cost_invalid",)
    try:
        return usd_to_pico(Decimal(repr(value)), round_up=True), ()  # repr: the shortest decimal that was sent
    except MoneyError:
        return None, ("cost_invalid",)


def _message(message: Message, profile: ModelProfile) -> dict[str, Any]:
    role = profile.system_role if message.role in ("system", "developer") else message.role
    out: dict[str, Any] = {"role": role, "content": _content(message)}
    if message.name is not None:
        out["name"] = message.name
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        out["tool_calls"] = [_tool_call(call) for call in message.tool_calls]
        out["content"] = out["content"] or None
    return out


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data_base64}"}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": part.text}
        for part in message.content
    ]


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool(request: ChatRequest, index: int) -> dict[str, Any]:
    tool = request.tools[index]
    function: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _add_optional(body: dict[str, Any], request: ChatRequest, profile: ModelProfile) -> list[str]:
    """Add what the model takes; return a warning for each parameter left out."""
    takes: Mapping[str, tuple[Any, bool]] = {
        "temperature": (request.temperature, profile.sampling),
        "top_p": (request.top_p, profile.sampling),
        "stop": (list(request.stop) or None, profile.stop),
        "seed": (request.seed, profile.seed),
        "reasoning_effort": (request.reasoning_effort, profile.reasoning == "effort"),
    }
    wanted = {name: pair for name, pair in takes.items() if pair[0] is not None}
    body |= {name: value for name, (value, taken) in wanted.items() if taken}
    warnings = [f"dropped_{name}" for name, (_, taken) in wanted.items() if not taken]
    if request.thinking_budget_tokens is not None:
        if profile.reasoning == "budget":
            body["reasoning"] = {"max_tokens": min(request.thinking_budget_tokens, request.max_output_tokens)}
        else:
            warnings.append("dropped_thinking_budget")
    return warnings


def _add_format(body: dict[str, Any], request: ChatRequest, profile: ModelProfile) -> list[str]:
    wanted = request.response_format
    if wanted is None:
        return []
    if profile.response_format == "none":
        return ["dropped_response_format"]
    if wanted.kind == "json_schema" and wanted.schema is not None and profile.response_format == "json_schema":
        schema = {"name": wanted.name, "schema": dict(wanted.schema), "strict": wanted.strict}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return []
    body["response_format"] = {"type": "json_object"}
    return ["response_format_without_schema"] if wanted.kind == "json_schema" else []


def _embedded_error(body: wire.Object) -> wire.Object | None:
    """Return the error inside an answer of status 200, also one inside its choice (OpenRouter)."""
    error = body.get("error")
    if error is None:
        error = next((choice["error"] for choice in wire.objects(body.get("choices")) if choice.get("error")), None)
    if error is None:
        return None
    return wire.as_object(error) or wire.EMPTY


def _error_body(error: wire.Object | None) -> Any:
    found = error or wire.EMPTY
    metadata = wire.as_object(found.get("metadata")) or wire.EMPTY
    return wire.error_body(
        found, metadata.get("limit_source"), metadata.get("error_type"), found.get("code"), found.get("type")
    )


def _finish_reason(raw: str | None, *, has_calls: bool, refused: bool) -> FinishReason:
    if refused:
        return "content_filter"
    reason = _FINISH.get(raw or "", "stop")
    return "tool_call" if has_calls and reason == "stop" else reason


def _finished_call(call: wire.Object, ordinal: int) -> ToolCall:
    function = wire.as_object(call.get("function")) or wire.EMPTY
    name, arguments = wire.optional_text(function.get("name")), wire.text(function.get("arguments"))
    return finished_tool_call(wire.optional_text(call.get("id")), name, arguments, ordinal)


def _content_text(content: Any) -> str:
    """Return the text of a message's content, which some servers send as a list of parts."""
    if isinstance(content, str):
        return content
    return "".join(wire.text(part.get("text")) for part in wire.objects(content))


def _reasoning_text(message: wire.Object) -> str:
    return wire.text(message.get("reasoning")) or wire.text(message.get("reasoning_content"))
