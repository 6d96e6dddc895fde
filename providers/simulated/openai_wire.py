"""The OpenAI chat completions format, from the server's side."""

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
    dollars,
    event,
    read_object,
    tool_tokens,
)

_CREATED = 1_750_000_000
_DEFAULT_MAX_TOKENS = 4096
_FAILURES: dict[Fate, tuple[int, str, str]] = {
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "server_error": (500, "server_error", "server_error"),
    "overloaded": (503, "server_error", "server_is_overloaded"),
    "unavailable": (503, "server_error", "service_unavailable"),
}


class OpenAIWire:
    """``POST /v1/chat/completions``."""

    name = "openai"

    def key(self, headers: Headers) -> str | None:
        """Return the bearer token."""
        return bearer(headers)

    def read(self, headers: Headers, body: bytes) -> SimulatedCall:
        """Return the call."""
        request = read_object(body)
        if request is None:
            raise invalid("the body is not a JSON object", None)
        model, messages = request.get("model"), request.get("messages")
        if not isinstance(model, str) or not model:
            raise invalid("model is required", "missing_required_parameter")
        if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
            raise invalid("messages is a list of messages, not empty", "missing_required_parameter")
        bound: Any = request.get("max_completion_tokens", request.get("max_tokens", _DEFAULT_MAX_TOKENS))
        max_tokens = bounded_tokens(bound)
        if max_tokens is None:
            raise invalid("max_completion_tokens is a whole number above zero", "invalid_type")
        tools = tuple(_tool(tool) for tool in request.get("tools") or () if isinstance(tool, dict))
        earlier = sum(_message_tokens(message) for message in messages[:-1]) + tool_tokens(tools)
        options = request.get("stream_options")
        answer_format = request.get("response_format")
        form: dict[str, Any] = answer_format if isinstance(answer_format, dict) else {}
        schema = form.get("json_schema")
        return SimulatedCall(
            model=model,
            input_tokens=earlier + _message_tokens(messages[-1]),
            earlier_tokens=earlier,
            max_output_tokens=max_tokens,
            stream=request.get("stream") is True,
            include_usage=isinstance(options, dict) and options.get("include_usage") is True,
            tools=tools,
            forced_tool=_forced(request.get("tool_choice")),
            may_call_tool=request.get("tool_choice") != "none" and messages[-1].get("role") != "tool",
            wants_json=form.get("type") in ("json_object", "json_schema"),
            schema=schema.get("schema") if isinstance(schema, dict) else None,
            task_type=_text(headers.get(b"x-pointsman-task-type")),
        )

    def refusal(self, refusal: Refusal, call_id: str) -> Answer:
        """Return the error answer."""
        error = {"message": refusal.message, "type": refusal.type, "param": None, "code": refusal.code}
        return Answer(
            status=refusal.status, body=orjson.dumps({"error": error}), headers=((b"x-request-id", call_id.encode()),)
        )

    def failure(self, fate: Fate) -> Refusal:
        """Return the error of an attempt that fails before any work."""
        status, kind, code = _FAILURES[fate]
        return Refusal(status=status, type=kind, code=code, message=f"simulated failure: {fate}")

    def too_long(self, call: SimulatedCall, window: int) -> Refusal:
        """Return the error of a prompt above the window."""
        message = f"the window of {call.model} is {window} tokens"
        return Refusal(status=400, type="invalid_request_error", code="context_length_exceeded", message=message)

    def answer(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:
        """Return the whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": plan.text, "refusal": None}
        if plan.tool is not None:
            name, arguments = plan.tool
            function = {"name": name, "arguments": arguments}
            message |= {
                "content": None,
                "tool_calls": [{"id": f"call_{call_id}", "type": "function", "function": function}],
            }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(plan)}
        body = _head(call, call_id, "chat.completion") | {"choices": [choice], "usage": _usage(plan, cost=cost)}
        return orjson.dumps(body)

    def opening(self, call: SimulatedCall, plan: Plan, call_id: str) -> bytes:
        """Return the chunk with the role, and with the head of a tool call."""
        first = _chunk(call, call_id, {"role": "assistant", "content": "" if plan.tool is None else None})
        if plan.tool is None:
            return first
        function = {"name": plan.tool[0], "arguments": ""}
        call_head = {"index": 0, "id": f"call_{call_id}", "type": "function", "function": function}
        return first + _chunk(call, call_id, {"tool_calls": [call_head]})

    def piece(self, call: SimulatedCall, plan: Plan, call_id: str, text: str) -> bytes:
        """Return one chunk."""
        if plan.tool is None:
            return _chunk(call, call_id, {"content": text})
        return _chunk(call, call_id, {"tool_calls": [{"index": 0, "function": {"arguments": text}}]})

    def closing(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:
        """Return the finish reason, the usage if asked for, and the end marker."""
        out = _chunk(call, call_id, {}, _finish_reason(plan))
        if call.include_usage:
            usage = {"choices": [], "usage": _usage(plan, cost=cost)}
            out += event(_head(call, call_id, "chat.completion.chunk") | usage)
        return out + b"data: [DONE]\n\n"


def invalid(message: str, code: str | None) -> Refusal:
    """Return the error of a request that is not understood."""
    return Refusal(status=400, type="invalid_request_error", code=code, message=message)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _tool(tool: dict[str, Any]) -> Tool:
    function = tool.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise invalid("a tool is {type: function, function: {name, …}}", "invalid_tool")
    return Tool(name=function["name"], parameters=function.get("parameters") or {})


def _forced(choice: Any) -> str | None:
    if choice == "required":
        return "*"
    function = choice.get("function") if isinstance(choice, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def _message_tokens(message: dict[str, Any]) -> int:
    calls = message.get("tool_calls")
    return content_tokens(message.get("content")) + (content_tokens(orjson.dumps(calls).decode()) if calls else 0)


def _finish_reason(plan: Plan) -> str:
    if plan.tool is not None:
        return "tool_calls"
    return "length" if plan.cut else "stop"


def _head(call: SimulatedCall, call_id: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call_id}",
        "object": kind,
        "created": _CREATED,
        "model": call.model,
        "system_fingerprint": "simulated",
    }


def _chunk(call: SimulatedCall, call_id: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event(_head(call, call_id, "chat.completion.chunk") | {"choices": [choice]})


def _usage(plan: Plan, *, cost: bool) -> dict[str, Any]:
    bill = plan.bill
    usage: dict[str, Any] = {
        "prompt_tokens": bill.input_tokens,
        "completion_tokens": bill.output_tokens,
        "total_tokens": bill.input_tokens + bill.output_tokens,
        "prompt_tokens_details": {"cached_tokens": bill.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": bill.reasoning_tokens},
    }
    return usage | {"cost": dollars(bill)} if cost else usage
