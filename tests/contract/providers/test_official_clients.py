"""The vendors' own clients as independent judges of the simulator: what they accept is the real wire format."""

import anthropic
import openai
import pytest

from tests.contract.providers.conftest import Simulator

TOOL_SCHEMA: dict[str, object] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture
def openai_client(simulator: Simulator) -> openai.OpenAI:
    return openai.OpenAI(base_url=simulator.url + "/v1", api_key="sk-any", max_retries=0)


@pytest.fixture
def anthropic_client(simulator: Simulator) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=simulator.url, api_key="sk-any", max_retries=0)


def test_openai_chat(openai_client: openai.OpenAI) -> None:
    """OpenAI's client reads answer, usage and finish reason."""
    with openai_client as client:
        answer = client.chat.completions.create(
            model="calm", max_completion_tokens=50, messages=[{"role": "user", "content": "How do trains turn?"}]
        )
    assert answer.choices[0].message.content is not None
    assert answer.choices[0].message.content.startswith("[simulated]")
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.system_fingerprint == "simulated"


def test_openai_stream(openai_client: openai.OpenAI) -> None:
    """OpenAI's client reads the stream, with its usage in the last chunk."""
    text, usage, reason = "", None, None
    with openai_client as client:
        stream = client.chat.completions.create(
            model="calm",
            max_completion_tokens=50,
            messages=[{"role": "user", "content": "How do trains turn?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        for chunk in stream:
            if chunk.choices:
                text += chunk.choices[0].delta.content or ""
                reason = chunk.choices[0].finish_reason or reason
            usage = chunk.usage or usage
    assert text.startswith("[simulated]")
    assert reason in ("stop", "length")
    assert usage is not None
    assert usage.completion_tokens <= 50


def test_openai_tools(openai_client: openai.OpenAI) -> None:
    """OpenAI's client reads a tool call that was asked for."""
    with openai_client as client:
        answer = client.chat.completions.create(
            model="calm",
            messages=[{"role": "user", "content": "Weather?"}],
            tools=[{"type": "function", "function": {"name": "get_weather", "parameters": TOOL_SCHEMA}}],
            tool_choice="required",
        )
    calls = answer.choices[0].message.tool_calls
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "get_weather"


def test_openai_embeddings(openai_client: openai.OpenAI) -> None:
    """OpenAI's client reads vectors as base64, which it asks for itself, and as numbers; both are the same (R6)."""
    with openai_client as client:
        answer = client.embeddings.create(model="calm", input=["one text", "another"], dimensions=64)
        (alone,) = client.embeddings.create(model="calm", input="another", dimensions=64, encoding_format="float").data
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(model="calm", input="")
    assert [(one.index, len(one.embedding)) for one in answer.data] == [(0, 64), (1, 64)]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    assert alone.embedding == pytest.approx(answer.data[1].embedding, abs=1e-6)


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("throttled", openai.RateLimitError, 429),
        ("failing", openai.InternalServerError, 500),
        ("overloaded", openai.InternalServerError, 503),
    ],
)
def test_openai_failures(
    openai_client: openai.OpenAI, model: str, kind: type[openai.APIStatusError], status: int
) -> None:
    """OpenAI's client recognises each failure and its hints."""
    with openai_client as client, pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == status
    if status == 429:
        assert caught.value.response.headers["retry-after"] == "2"
        assert caught.value.code == "rate_limit_exceeded"


def test_openai_keys_and_connections(simulator: Simulator) -> None:
    """OpenAI's client sees a revoked key as such, and a reset as a connection error."""
    with (
        openai.OpenAI(base_url=simulator.url + "/v1", api_key="sk-revoked", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="calm", messages=[{"role": "user", "content": "hi"}])
    with openai.OpenAI(base_url=simulator.url + "/v1", api_key="sk-any", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="resetting", messages=[{"role": "user", "content": "hi"}])
        assert "calm" in {model.id for model in client.models.list()}


def test_anthropic_message(anthropic_client: anthropic.Anthropic) -> None:
    """Anthropic's client reads answer, usage and stop reason."""
    with anthropic_client as client:
        answer = client.messages.create(
            model="calm",
            max_tokens=50,
            system="Be brief.",
            messages=[{"role": "user", "content": "How do trains turn?"}],
        )
    assert answer.content[0].type == "text"
    assert answer.content[0].text.startswith("[simulated]")
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert 0 < answer.usage.output_tokens <= 50


def test_anthropic_stream(anthropic_client: anthropic.Anthropic) -> None:
    """Anthropic's client follows the events of a stream to its final message."""
    with (
        anthropic_client as client,
        client.messages.stream(
            model="calm", max_tokens=50, messages=[{"role": "user", "content": "How do trains turn?"}]
        ) as stream,
    ):
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert text.startswith("[simulated]")
    assert final.usage.input_tokens > 0
    assert 0 < final.usage.output_tokens <= 50


def test_anthropic_tools(anthropic_client: anthropic.Anthropic) -> None:
    """Anthropic's client reads a streamed tool call with its input."""
    with (
        anthropic_client as client,
        client.messages.stream(
            model="calm",
            max_tokens=50,
            messages=[{"role": "user", "content": "Weather?"}],
            tools=[{"name": "get_weather", "input_schema": TOOL_SCHEMA}],
            tool_choice={"type": "tool", "name": "get_weather"},
        ) as stream,
    ):
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[0].type == "tool_use"
    assert final.content[0].input == {"city": "[simulated]"}


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("throttled", anthropic.RateLimitError, 429),
        ("failing", anthropic.InternalServerError, 500),
        ("overloaded", anthropic.InternalServerError, 529),
    ],
)
def test_anthropic_failures(
    anthropic_client: anthropic.Anthropic, model: str, kind: type[anthropic.APIStatusError], status: int
) -> None:
    """Anthropic's client recognises each failure."""
    with anthropic_client as client, pytest.raises(kind) as caught:
        client.messages.create(model=model, max_tokens=50, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == status
