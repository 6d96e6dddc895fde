"""The requests both dialects build."""

import json
from typing import Any

import pytest

from providers.base import (
    ChatRequest,
    ImagePart,
    Message,
    Reasoning,
    ResponseFormat,
    TextPart,
    ToolCall,
    ToolChoice,
    ToolSpec,
)
from providers.transport import HttpRequest
from tests.unit.providers.wire_samples import chat_request, dialect_of

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}
TOOL = ToolSpec(name="get_weather", description="Weather of a city", parameters=SCHEMA, strict=True)
CONVERSATION = (
    Message(role="system", content="Be brief."),
    Message(role="user", content=(TextPart("What is this?"), ImagePart("image/png", "QUJD"))),
    Message(
        role="assistant", tool_calls=(ToolCall("call_1", "get_weather", '{"n":1}'),), reasoning=(Reasoning("r", "sig"),)
    ),
    Message(role="tool", tool_call_id="call_1", content="sunny"),
    Message(role="user", content="And now?"),
)


def built(dialect: str, request: ChatRequest, **config: Any) -> tuple[dict[str, Any], HttpRequest]:
    http = dialect_of(dialect, **config).build_request(request)
    return json.loads(http.body), http


def test_openai_request() -> None:
    """Roles, parts, tools, format and bounds are written in OpenAI's words."""
    request = chat_request(
        messages=CONVERSATION,
        tools=(TOOL,),
        tool_choice=ToolChoice("tool", "get_weather"),
        temperature=0.5,
        stop=("END",),
        seed=7,
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA),
        stream=True,
    )
    body, http = built("openai", request)
    assert http.path == "/chat/completions"
    assert http.warnings == ()
    assert body == {
        "model": "made-up-model",
        "max_completion_tokens": 100,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"n":1}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Weather of a city",
                    "parameters": SCHEMA,
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
        "temperature": 0.5,
        "stop": ["END"],
        "seed": 7,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_anthropic_request() -> None:
    """Instructions go to the top, tool answers to the user, pictures inline, and neighbours of one role are joined."""
    request = chat_request(
        messages=CONVERSATION,
        tools=(TOOL,),
        tool_choice=ToolChoice("required"),
        stop=("END",),
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA),
    )
    body, http = built("anthropic", request)
    assert http.path == "/v1/messages"
    assert http.headers == (("anthropic-version", "2026-10-21"),)
    assert body == {
        "model": "made-up-model",
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "r", "signature": "sig"},
                    {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"n": 1}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "sunny"},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
        "stop_sequences": ["END"],
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        "tools": [{"name": "get_weather", "description": "Weather of a city", "input_schema": SCHEMA, "strict": True}],
        "tool_choice": {"type": "any"},
    }


@pytest.mark.parametrize(
    ("config", "version", "sent", "warnings"),
    [
        ({}, "2023-06-01", True, ()),
        ({"anthropic_version_sampling": None}, "2026-10-21", False, ("dropped_temperature",)),
        ({"profile": {"sampling": False}}, "2026-10-21", False, ("dropped_temperature",)),
        ({"anthropic_version": "2023-06-01"}, "2023-06-01", True, ()),
    ],
)
def test_sampling_decides_the_anthropic_version(
    config: dict[str, Any], version: str, sent: bool, warnings: tuple[str, ...]
) -> None:
    """A request with a temperature goes out under the version that takes it, or loses it with a warning."""
    body, http = built("anthropic", chat_request(temperature=0.0), **config)
    assert http.headers == (("anthropic-version", version),)
    assert ("temperature" in body) is sent
    assert http.warnings == warnings


def test_quirks_are_data() -> None:
    """What a model does not take is left out with a warning, by its profile alone (X4)."""
    profile = {
        "max_tokens_field": "max_tokens",
        "system_role": "developer",
        "sampling": False,
        "seed": False,
        "reasoning": "effort",
        "response_format": "json_object",
        "stream_usage": False,
    }
    request = chat_request(
        messages=(Message(role="system", content="x"), Message(role="user", content="y")),
        temperature=1.0,
        seed=1,
        reasoning_effort="high",
        thinking_budget_tokens=50,
        response_format=ResponseFormat(kind="json_schema", schema=SCHEMA),
        stream=True,
    )
    body, http = built("openai", request, profiles={"made-up-model": profile})
    assert body == {
        "model": "made-up-model",
        "max_tokens": 100,
        "messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}],
        "reasoning_effort": "high",
        "response_format": {"type": "json_object"},
        "stream": True,
    }
    assert set(http.warnings) == {
        "dropped_temperature",
        "dropped_seed",
        "dropped_thinking_budget",
        "response_format_without_schema",
    }


@pytest.mark.parametrize(
    ("bound", "budget", "sent"), [(5000, 2000, 2000), (5000, 9000, 4999), (5000, 10, 1024), (1024, 2000, None)]
)
def test_a_thinking_budget_always_leaves_room_for_an_answer(bound: int, budget: int, sent: int | None) -> None:
    """The budget stays between 1,024 and the bound minus one, or is dropped with a warning (R14)."""
    request = chat_request(max_output_tokens=bound, thinking_budget_tokens=budget, temperature=0.3)
    body, http = built("anthropic", request, profile={"reasoning": "budget"})
    assert body["max_tokens"] == bound
    if sent is None:
        assert "thinking" not in body
        assert http.warnings == ("dropped_thinking_budget",)
    else:
        assert body["thinking"] == {"type": "enabled", "budget_tokens": sent}
        assert http.warnings == ("dropped_temperature",)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_the_bound_on_output_is_always_sent(dialect: str) -> None:
    """Every request bounds its output, or no hold would be a true bound (reliability invariant 4)."""
    body, _ = built(dialect, chat_request(max_output_tokens=17))
    assert 17 in body.values()
    with pytest.raises(ValueError, match="at least 1"):
        chat_request(max_output_tokens=0)
    with pytest.raises(ValueError, match="at least one message"):
        chat_request(messages=())
