"""The Anthropic Messages format, from the server's side."""

from typing import Any

import orjson

from providers.simulated.plan import Fate, Plan, SimulatedCall, Tool
from providers.simulated.wire import (
    Answer,
    Headers,
    Refusal,
    bearer,
    bounded_tokens,
    content_tokens,
    event,
    read_object,
    tool_tokens,
)

_FIRST_VERSION_WITHOUT_SAMPLING = "2026-10-21"
_FAILURES: dict[Fate, tuple[int, str]] = {
    "rate_limited": (429, "rate_limit_error"),
    "server_error": (500, "api_error"),
    "overloaded": (529, "overloaded_error"),
    "unavailable": (503, "api_error"),
}


class AnthropicWire:
    """``POST /v1/messages``."""

    name = "anthropic"

    def key(self, headers: Headers) -> str | None:
        """Return the key; ``x-api-key`` goes before a bearer token."""
        return headers.get(b"x-api-key", b"").decode("latin-1") or bearer(headers)

    def read(self, headers: Headers, body: bytes) -> SimulatedCall:
        """Return the call."""
        version = headers.get(b"anthropic-version", b"").decode("latin-1")
        if not version:
            raise _invalid("anthropic-version: header is required")
        request = read_object(body)
        if request is None:
            raise _invalid("the body is not a JSON object")
        model, messages = request.get("model"), request.get("messages")
        if not isinstance(model, str) or not model:
            raise _invalid("model: Field required")
        if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
            raise _invalid("messages: a list of messages, not empty")
        if any(message.get("role") not in ("user", "assistant") for message in messages):
            raise _invalid("messages: roles are user and assistant; instructions go to system")
        max_tokens = bounded_tokens(request.get("max_tokens"))
        if max_tokens is None:
            raise _invalid("max_tokens: Field required, a whole number above zero")
        refused = [name for name in ("temperature", "top_p", "top_k") if name in request]
        if refused and version >= _FIRST_VERSION_WITHOUT_SAMPLING:
            raise _invalid(f"{refused[0]}: Extra inputs are not permitted")
        return _call(request, model, messages, max_tokens, headers)

    def refusal(self, refusal: Refusal, call_id: str) -> Answer:
        """Return the error answer."""
        error = {"type": refusal.type, "message": refusal.message}
        body = {"type": "error", "error": error, "request_id": call_id}
        return Answer(status=refusal.status, body=orjson.dumps(body), headers=((b"request-id", call_id.encode()),))

    def failure(self, fate: Fate) -> Refusal:
        """Return the error of an attempt that fails before any work."""
        status, kind = _FAILURES[fate]
        return Refusal(status=status, type=kind, code=None, message=f"simulated failure: {fate}")

    def too_long(self, call: SimulatedCall, window: int) -> Refusal:
        """Return the error of a prompt above the window."""
        return _invalid(f"prompt is too long: {call.input_tokens} tokens > {window} maximum")

    def answer(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:  # noqa: ARG002
        """Return the whole answer; this format has no place for a cost."""
        block: dict[str, Any] = {"type": "text", "text": plan.text}
        if plan.tool is not None:
            name, arguments = plan.tool
            block = {"type": "tool_use", "id": f"toolu_{call_id}", "name": name, "input": orjson.loads(arguments)}
        body = _message(call, call_id) | {
            "content": [block],
            "stop_reason": _stop_reason(plan),
            "usage": _usage(plan, plan.bill.output_tokens),
        }
        return orjson.dumps(body)

    def opening(self, call: SimulatedCall, plan: Plan, call_id: str) -> bytes:
        """Return the start of the message and of its block."""
        block: dict[str, Any] = {"type": "text", "text": ""}
        if plan.tool is not None:
            block = {"type": "tool_use", "id": f"toolu_{call_id}", "name": plan.tool[0], "input": {}}
        message = _message(call, call_id) | {"usage": _usage(plan, 1)}
        return (
            event({"type": "message_start", "message": message}, "message_start")
            + event({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start")
            + event({"type": "ping"}, "ping")
        )

    def piece(self, call: SimulatedCall, plan: Plan, call_id: str, text: str) -> bytes:  # noqa: ARG002
        """Return one delta."""
        delta = {"type": "text_delta", "text": text}
        if plan.tool is not None:
            delta = {"type": "input_json_delta", "partial_json": text}
        return event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")

    def closing(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:  # noqa: ARG002
        """Return the end of the block, the stop reason with the usage, and the end marker."""
        delta = {"stop_reason": _stop_reason(plan), "stop_sequence": None}
        usage = {"output_tokens": plan.bill.output_tokens, "input_tokens": None}
        return (
            event({"type": "content_block_stop", "index": 0}, "content_block_stop")
            + event({"type": "message_delta", "delta": delta, "usage": usage}, "message_delta")
            + event({"type": "message_stop"}, "message_stop")
        )


def _call(
    request: dict[str, Any], model: str, messages: list[dict[str, Any]], max_tokens: int, headers: Headers
) -> SimulatedCall:
    tools = tuple(_tool(tool) for tool in request.get("tools") or () if isinstance(tool, dict))
    earlier = content_tokens(request.get("system")) + tool_tokens(tools)
    earlier += sum(content_tokens(message.get("content")) for message in messages[:-1])
    choice = request.get("tool_choice")
    mode: Any = choice.get("type") if isinstance(choice, dict) else "auto"
    config = request.get("output_config")
    form = config.get("format") if isinstance(config, dict) else None
    last = messages[-1].get("content")
    task_type = headers.get(b"x-pointsman-task-type")
    return SimulatedCall(
        model=model,
        input_tokens=earlier + content_tokens(last),
        earlier_tokens=earlier,
        max_output_tokens=max_tokens,
        stream=request.get("stream") is True,
        tools=tools,
        forced_tool=_forced(choice),
        may_call_tool=mode != "none" and not _is_tool_answer(last),
        wants_json=isinstance(form, dict),
        schema=form.get("schema") if isinstance(form, dict) else None,
        task_type=None if task_type is None else task_type.decode("latin-1"),
    )


def _invalid(message: str) -> Refusal:
    return Refusal(status=400, type="invalid_request_error", code=None, message=message)


def _tool(tool: dict[str, Any]) -> Tool:
    if not isinstance(tool.get("name"), str):
        raise _invalid("tools: name is required")
    return Tool(name=tool["name"], parameters=tool.get("input_schema") or {})


def _forced(choice: Any) -> str | None:
    if not isinstance(choice, dict) or choice.get("type") not in ("any", "tool"):
        return None
    return "*" if choice["type"] == "any" else choice.get("name")


def _is_tool_answer(content: Any) -> bool:
    return isinstance(content, list) and any(isinstance(p, dict) and p.get("type") == "tool_result" for p in content)


def _stop_reason(plan: Plan) -> str:
    if plan.tool is not None:
        return "tool_use"
    return "max_tokens" if plan.cut else "end_turn"


def _message(call: SimulatedCall, call_id: str) -> dict[str, Any]:
    return {
        "id": f"msg_{call_id}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(plan: Plan, output_tokens: int) -> dict[str, Any]:
    bill = plan.bill
    return {
        "input_tokens": bill.input_tokens - bill.cached_input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": bill.cached_input_tokens,
        "output_tokens": output_tokens,
    }
