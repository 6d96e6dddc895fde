"""From the events of a stream to a whole answer, or to what had come when it broke."""

from collections.abc import Iterable
from dataclasses import replace

from providers.base import (
    ChatRequest,
    ChatResult,
    Finish,
    Message,
    Partial,
    Reasoning,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TextPart,
    ToolCall,
    ToolDelta,
)
from providers.tool_calls import compact_json, finished_tool_call
from schemas.usage import Usage

BYTES_PER_TOKEN = 4
"""Rule of thumb for estimates; holds never rest on it (they take a token per byte)."""
_IMAGE_TOKENS = 800


class Accumulator:
    """A fold over stream events."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: dict[int, Reasoning] = {}
        self._calls: dict[int, tuple[str | None, str | None, list[str]]] = {}
        self.finish: Finish | None = None
        self.produced = False
        """True once content (text, reasoning or a tool call) has come."""

    def add(self, event: StreamEvent) -> None:
        """Take the next event."""
        match event:
            case TextDelta():
                self._text.append(event.text)
            case ReasoningDelta():
                self._add_reasoning(event)
            case ToolDelta():
                id_, name, fragments = self._calls.get(event.call, (None, None, []))
                fragments.append(event.arguments)
                self._calls[event.call] = (id_ or event.id, name or event.name, fragments)
            case Finish():
                self.finish = event
                return
        self.produced = True

    def result(self) -> ChatResult:
        """Return the whole answer; only after ``Finish``."""
        if self.finish is None:
            raise ValueError("a stream is a result only after its Finish event")
        finish = self.finish
        return ChatResult(
            content=self.text(),
            finish_reason=finish.finish_reason,
            finish_reason_raw=finish.finish_reason_raw,
            usage=finish.usage,
            tool_calls=self.tool_calls(),
            reasoning=self.reasoning(),
            served_model=finish.served_model,
            provider_request_id=finish.provider_request_id,
            warnings=finish.warnings,
            rate_limit=finish.rate_limit,
        )

    def partial(self, known: Usage | None, request: ChatRequest) -> Partial:
        """Return what has come; counts the provider did not report are estimated."""
        generated = self.text() + "".join(block.text for block in self.reasoning())
        generated += "".join(call.name + call.arguments for call in self.tool_calls())
        return Partial(
            content=self.text(),
            reasoning=self.reasoning(),
            tool_calls=self.tool_calls(),
            usage=estimated_usage(known, request, generated),
        )

    def text(self) -> str:
        """Return the text so far."""
        return "".join(self._text)

    def reasoning(self) -> tuple[Reasoning, ...]:
        """Return the reasoning blocks so far."""
        return tuple(self._reasoning[block] for block in sorted(self._reasoning))

    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls so far, arguments as they are."""
        return tuple(
            finished_tool_call(id_, name, "".join(fragments), call)
            for call, (id_, name, fragments) in sorted(self._calls.items())
        )

    def _add_reasoning(self, event: ReasoningDelta) -> None:
        block = self._reasoning.get(event.block, Reasoning())
        self._reasoning[event.block] = Reasoning(
            text=block.text + event.text,
            signature=event.signature if block.signature is None else block.signature + (event.signature or ""),
            redacted=event.redacted if block.redacted is None else block.redacted,
        )


def accumulate(events: Iterable[StreamEvent]) -> ChatResult:
    """Return the answer that a complete stream's events make up."""
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.result()


def estimated_usage(known: Usage | None, request: ChatRequest, generated: str) -> Usage:
    """Return the known counts, with estimates from the texts where they are zero; always marked as estimated."""
    base = known or Usage()
    return base.model_copy(
        update={
            "input_tokens": base.input_tokens or _input_estimate(request),
            "output_tokens": max(base.output_tokens, estimated_tokens(generated)),
            "estimated": True,
        }
    )


def estimated_tokens(text: str) -> int:
    """Return a rough token count of a text."""
    return -(-len(text.encode("utf-8", errors="replace")) // BYTES_PER_TOKEN)


def with_estimate(result: ChatResult, request: ChatRequest) -> ChatResult:
    """Return the result with its usage estimated, when the provider reported none."""
    if not result.usage.estimated:
        return result
    generated = result.content + "".join(block.text for block in result.reasoning)
    generated += "".join(call.name + call.arguments for call in result.tool_calls)
    return replace(result, usage=estimated_usage(result.usage, request, generated))


def _input_estimate(request: ChatRequest) -> int:
    text = sum(estimated_tokens(message.text()) for message in request.messages)
    images = sum(_images(message) for message in request.messages) * _IMAGE_TOKENS
    tools = sum(
        estimated_tokens(tool.name + tool.description + compact_json(dict(tool.parameters))) for tool in request.tools
    )
    return text + images + tools


def _images(message: Message) -> int:
    if isinstance(message.content, str):
        return 0
    return sum(not isinstance(part, TextPart) for part in message.content)
