"""What every adapter keeps, over real HTTP: the same suite for each dialect (P1)."""

import asyncio
import contextlib
import json
import socket
import traceback
import uuid
from collections.abc import Callable

import httpx
import pytest

from providers.accumulate import accumulate
from providers.adapter import HttpAdapter
from providers.base import (
    CallContext,
    ChatRequest,
    EmbeddingRequest,
    Finish,
    Message,
    ResponseFormat,
    StreamEvent,
    TextDelta,
    ToolChoice,
    ToolSpec,
)
from providers.errors import ProviderError
from tests.contract.providers.conftest import Simulator, asked, context

AdapterFactory = Callable[..., HttpAdapter]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture
def attempt() -> str:
    return uuid.uuid4().hex


async def collected(adapter: HttpAdapter, request: ChatRequest, ctx: CallContext) -> list[StreamEvent]:
    async with contextlib.aclosing(adapter.stream(request, ctx)) as events:
        return [event async for event in events]


async def failed(adapter: HttpAdapter, model: str, ctx: CallContext, *, stream: bool) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await (collected(adapter, asked(model), ctx) if stream else adapter.chat(asked(model), ctx))
    return caught.value


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


async def test_chat_returns_answer_and_usage_as_billed(
    adapter: HttpAdapter, simulator: Simulator, attempt: str
) -> None:
    """A call gives a labelled answer, and the usage on its bill, which is on disk before the answer (P1)."""
    result = await adapter.chat(asked(), context(attempt, task_type="math"))
    assert result.content.startswith("[simulated]")
    assert result.finish_reason in ("stop", "length")
    assert (result.served_model, result.usage.estimated, result.warnings) == ("calm", False, ())
    assert result.provider_request_id is not None
    (line,) = simulator.bill(attempt)
    assert line["usage"]["input_tokens"] == result.usage.input_tokens
    assert line["usage"]["output_tokens"] == result.usage.output_tokens
    assert (line["outcome"], line["task_type"], line["call"]) == ("answered", "math", result.provider_request_id)


async def test_a_stream_gives_its_content_before_its_end(
    adapter: HttpAdapter, simulator: Simulator, attempt: str
) -> None:
    """A stream gives text deltas and ends with one Finish that carries the billed usage (P7)."""
    events = await collected(adapter, asked(), context(attempt))
    assert isinstance(events[0], TextDelta)
    assert [isinstance(event, Finish) for event in events].count(True) == 1
    result = accumulate(events)
    assert result.content.startswith("[simulated]")
    assert len(events) > 3
    (line,) = simulator.bill(attempt)
    assert line["usage"]["output_tokens"] == result.usage.output_tokens > 0
    assert line["usage"]["input_tokens"] == result.usage.input_tokens > 0


@both
async def test_a_forced_tool_is_called(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """A tool that must be called comes back as a finished call with JSON arguments (R18)."""
    request = asked(
        tools=(ToolSpec(name="get_weather", parameters=SCHEMA),), tool_choice=ToolChoice("tool", "get_weather")
    )
    ctx = context(attempt)
    result = accumulate(await collected(adapter, request, ctx)) if stream else await adapter.chat(request, ctx)
    (call,) = result.tool_calls
    assert (result.finish_reason, call.name, call.malformed) == ("tool_call", "get_weather", False)
    assert set(json.loads(call.arguments)) == {"city"}
    answer = Message(role="tool", tool_call_id=call.id, content="sunny")
    turn = Message(role="assistant", tool_calls=result.tool_calls)
    again = await adapter.chat(asked(messages=(*request.messages, turn, answer), tools=request.tools), ctx)
    assert again.content.startswith("[simulated]")


async def test_json_is_json(adapter: HttpAdapter, attempt: str) -> None:
    """An answer asked for by schema fits it."""
    request = asked(response_format=ResponseFormat(kind="json_schema", schema=SCHEMA))
    result = await adapter.chat(request, context(attempt))
    assert set(json.loads(result.content)) == {"city"}


@both
async def test_a_short_bound_cuts_the_answer(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """The bound on output holds, and the finish reason says so."""
    request, ctx = asked(max_output_tokens=10), context(attempt)
    result = accumulate(await collected(adapter, request, ctx)) if stream else await adapter.chat(request, ctx)
    assert (result.finish_reason, result.usage.output_tokens) == ("length", 10)


@both
async def test_sampling_parameters_are_accepted(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """A temperature reaches the provider in a form that it takes."""
    request, ctx = asked(temperature=0.3, top_p=0.9, stop=("END",)), context(attempt)
    result = accumulate(await collected(adapter, request, ctx)) if stream else await adapter.chat(request, ctx)
    assert result.warnings == ()


@both
async def test_throttling(adapter: HttpAdapter, simulator: Simulator, attempt: str, stream: bool) -> None:
    """429 is not billed, is worth retrying, and says when (P5)."""
    error = await failed(adapter, "throttled", context(attempt), stream=stream)
    assert (error.category, error.status, error.billed, error.retryable) == ("rate_limited", 429, "no", True)
    assert error.retry_after == 1.5
    assert simulator.bill(attempt) == []


@both
async def test_a_server_error_is_unknown(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """500 proves nothing about the bill (reliability invariant 7)."""
    error = await failed(adapter, "failing", context(attempt), stream=stream)
    assert (error.category, error.status, error.billed, error.retryable) == ("server_error", 500, "unknown", True)


@both
async def test_a_listed_status_is_not_billed(adapter_of: AdapterFactory, attempt: str, stream: bool) -> None:
    """A status the configuration lists as unbilled, with its source, is proof."""
    listed = adapter_of(unbilled_statuses={500: "made-up source"})
    assert (await failed(listed, "failing", context(attempt), stream=stream)).billed == "no"


@both
async def test_overload(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """Overload has its own category in either dialect."""
    error = await failed(adapter, "overloaded", context(attempt), stream=stream)
    assert (error.category, error.billed) == ("overloaded", "unknown")


@both
async def test_a_reset_is_unknown(adapter: HttpAdapter, simulator: Simulator, attempt: str, stream: bool) -> None:
    """Two resets look alike to the caller, only one of them is billed: both are unknown (reliability invariant 7)."""
    unbilled = await failed(adapter, "resetting", context(attempt), stream=stream)
    assert simulator.bill(attempt) == []
    billed = await failed(adapter, "billed-reset", context(attempt), stream=stream)
    assert [line["outcome"] for line in simulator.bill(attempt)] == ["reset"]
    for error in (unbilled, billed):
        assert (error.category, error.billed) == ("connection_lost", "unknown")


async def test_a_truncated_stream_is_incomplete_and_keeps_what_came(adapter: HttpAdapter, simulator: Simulator) -> None:
    """A stream without its end fails with the partial text and an estimated usage, however it was cut (P7)."""
    whole = 0
    for number in range(12):
        attempt = f"{uuid.uuid4().hex}-{number}"
        error = await failed(adapter, "cut", context(attempt), stream=True)
        (line,) = simulator.bill(attempt)
        assert line["outcome"] == "truncated"
        assert error.billed == "unknown"
        if error.partial is None:
            assert error.category in ("incomplete_stream", "connection_lost")
            continue
        whole += 1
        assert error.category == "incomplete_stream"
        assert "[simulated]".startswith(error.partial.content[:11])
        assert error.partial.content not in str(error)
        assert error.partial.usage.estimated
        assert error.partial.usage.output_tokens <= line["usage"]["output_tokens"]
    assert whole > 6


@both
async def test_the_deadline_holds(adapter: HttpAdapter, attempt: str, stream: bool) -> None:
    """A call ends at its deadline, with an unknown bill (P7)."""
    error = await failed(adapter, "slow", context(attempt, 0.4), stream=stream)
    assert (error.category, error.billed) == ("timeout", "unknown")


async def test_the_limit_for_the_first_content_holds(adapter: HttpAdapter, attempt: str) -> None:
    """A stream without content in time fails before anything was given (P7)."""
    error = await failed(adapter, "slow", context(attempt, ttft_timeout=0.3), stream=True)
    assert (error.category, error.billed, error.partial) == ("timeout", "unknown", None)


async def test_a_cancelled_call_ends_at_once(adapter: HttpAdapter, attempt: str) -> None:
    """Cancelling a call in flight ends it; what it cost is unknown (P7)."""
    cancel = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, cancel.set)
    error = await failed(adapter, "slow", context(attempt, cancel=cancel), stream=False)
    assert (error.category, error.billed, error.retryable) == ("cancelled", "unknown", False)


async def billed_in_time(simulator: Simulator, attempt: str) -> list[dict[str, object]]:
    async with asyncio.timeout(10):
        while not (lines := simulator.bill(attempt)):  # noqa: ASYNC110  (a file of another process tells nobody)
            await asyncio.sleep(0.02)
    return lines


async def test_a_cancelled_stream_is_billed_for_what_was_produced(
    adapter: HttpAdapter, simulator: Simulator, attempt: str
) -> None:
    """Cancelling inside a stream keeps the partial answer; the provider bills about that much, not all (P7, A8)."""
    cancel = asyncio.Event()
    stream = adapter.stream(asked("steady", max_output_tokens=2000), context(attempt, cancel=cancel))
    async with contextlib.aclosing(stream) as events:
        for _ in range(3):
            assert isinstance(await anext(events), TextDelta)
        cancel.set()
        with pytest.raises(ProviderError) as caught:
            await anext(events)
    assert (caught.value.category, caught.value.billed) == ("cancelled", "unknown")
    assert caught.value.partial is not None
    (line,) = await billed_in_time(simulator, attempt)
    assert line["outcome"] == "disconnected"
    assert line["usage"]["output_tokens"] < 1000  # type: ignore[index]


async def test_a_stream_that_is_left_is_closed(adapter: HttpAdapter, simulator: Simulator, attempt: str) -> None:
    """Leaving a stream without a cancellation closes its connection: the provider stops producing."""
    request = asked("steady", max_output_tokens=2000)
    async with contextlib.aclosing(adapter.stream(request, context(attempt))) as events:
        async for _ in events:
            break
    (line,) = await billed_in_time(simulator, attempt)
    assert line["outcome"] == "disconnected"


async def test_a_refused_connection_is_not_billed(adapter_of: AdapterFactory, attempt: str) -> None:
    """Where nobody listens, nothing was sent."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nobody = adapter_of(base_url=f"http://127.0.0.1:{port}")
    error = await failed(nobody, "calm", context(attempt), stream=False)
    assert (error.category, error.billed) == ("connect", "no")


@both
async def test_a_revoked_key_is_refused_and_never_shown(adapter_of: AdapterFactory, attempt: str, stream: bool) -> None:
    """A wrong key is an authentication error without the key in it (A3)."""
    revoked = adapter_of(key="env:REVOKED")
    error = await failed(revoked, "calm", context(attempt), stream=stream)
    assert (error.category, error.billed, error.retryable) == ("authentication", "no", False)
    assert "sk-revoked" not in "".join(traceback.format_exception(error)) + repr(error.__dict__)


async def test_a_prompt_above_the_window_is_refused(adapter: HttpAdapter, dialect: str, attempt: str) -> None:
    """Too long is a refusal of the request, not billed; OpenAI's dialect names it."""
    error = await failed(adapter, "small", context(attempt), stream=False)
    assert error.billed == "no"
    assert error.category == ("context_window" if dialect == "openai" else "invalid_request")


async def test_a_concurrency_limit_is_told_by_429(adapter: HttpAdapter, dialect: str, attempt: str) -> None:
    """Of two calls at a time to a model that takes one, one is throttled at once, whichever came first."""
    both_at_once = [failed(adapter, f"narrow-{dialect}", context(attempt, 0.5), stream=False) for _ in range(2)]
    errors = await asyncio.gather(*both_at_once)
    assert sorted(error.category for error in errors) == ["rate_limited", "timeout"]


async def test_many_calls_share_one_client(adapter: HttpAdapter, simulator: Simulator) -> None:
    """A hundred calls at once are answered and billed each exactly once."""
    attempts = [uuid.uuid4().hex for _ in range(100)]
    results = await asyncio.gather(*(adapter.chat(asked(), context(attempt)) for attempt in attempts))
    assert len({result.provider_request_id for result in results}) == 100
    assert all(len(simulator.bill(attempt)) == 1 for attempt in attempts[::10])


async def test_the_same_attempt_gets_the_same_answer(adapter: HttpAdapter, attempt: str) -> None:
    """The simulator is deterministic by seed, request and attempt."""
    first = await adapter.chat(asked(), context(attempt))
    second = await adapter.chat(asked(), context(attempt))
    assert (first.content, first.usage) == (second.content, second.usage)


async def test_reasoning_is_billed_as_output(adapter: HttpAdapter, dialect: str, attempt: str) -> None:
    """Hidden reasoning is part of the output tokens."""
    usage = (await adapter.chat(asked("thoughtful"), context(attempt))).usage
    assert 0 < usage.output_tokens <= 100
    if dialect == "openai":
        assert 0 < usage.reasoning_tokens < usage.output_tokens


async def test_a_reported_cost_is_exactly_the_bill(adapter: HttpAdapter, dialect: str, simulator: Simulator) -> None:
    """Where the provider reports its cost, it survives the float on the wire to the last pico-dollar."""
    if dialect == "anthropic":
        return  # the Messages format has no place for a cost
    for number in range(20):
        attempt = f"{uuid.uuid4().hex}-{number}"
        usage = (await adapter.chat(asked("costly", max_output_tokens=100 + number), context(attempt))).usage
        (line,) = simulator.bill(attempt)
        assert usage.provider_cost is not None
        assert f"{usage.provider_cost // 10**12}.{usage.provider_cost % 10**12:012d}" == line["cost"]


@both
async def test_an_outage_is_switched_at_run_time(
    adapter: HttpAdapter, simulator: Simulator, attempt: str, stream: bool
) -> None:
    """An outage begins and ends on order, for the models it names (N7)."""
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as admin:
        started = await admin.post("/admin/outage", json={"model": "ca?m", "mode": "down", "for_s": 60})
        assert started.status_code == 200
        error = await failed(adapter, "calm", context(attempt), stream=stream)
        assert error.category == "overloaded"
        await admin.delete("/admin/outage")
    await adapter.chat(asked(), context(attempt))


async def test_a_hanging_provider_ends_at_the_deadline(
    adapter: HttpAdapter, simulator: Simulator, attempt: str
) -> None:
    """A provider that takes requests and never answers costs no more than the deadline."""
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as admin:
        await admin.post("/admin/outage", json={"model": "calm", "mode": "hang"})
        error = await failed(adapter, "calm", context(attempt, 0.4), stream=False)
        await admin.delete("/admin/outage")
    assert (error.category, error.billed) == ("timeout", "unknown")


async def test_vectors_come_with_their_bill(adapter: HttpAdapter, simulator: Simulator, attempt: str) -> None:
    """An endpoint with embeddings gives one vector per text, as billed; one without refuses, and sends nothing (R6)."""
    texts = ("wagons wait at the signal", "salt the soup", "wagons wait at the red signal")
    request = EmbeddingRequest(provider_model="calm", texts=texts, dimensions=256)
    if not adapter.capabilities.embeddings:
        with pytest.raises(ProviderError) as caught:
            await adapter.embed(request, context(attempt))
        assert (caught.value.category, caught.value.billed) == ("invalid_request", "no")
        assert simulator.bill(attempt) == []
        return
    result = await adapter.embed(request, context(attempt, task_type="simple-task"))
    first, other, near = result.vectors
    assert {len(vector) for vector in result.vectors} == {256}
    assert _dot(first, near) > 0.7 > abs(_dot(first, other)) + 0.3
    assert (result.served_model, result.usage.estimated, result.warnings) == ("calm", False, ())
    (line,) = simulator.bill(attempt)
    assert (line["usage"]["input_tokens"], line["usage"]["output_tokens"]) == (result.usage.input_tokens, 0)
    assert (line["call"], line["cost"]) == (result.provider_request_id, f"{result.usage.input_tokens * 3e-6:.12f}")
    again = await adapter.embed(request, context(attempt + "-2"))
    assert again.vectors == result.vectors


async def test_a_provider_that_reports_costs_does_so_for_vectors(adapter: HttpAdapter, attempt: str) -> None:
    """The provider's own figure for a call is taken where it gives one (P2)."""
    if adapter.capabilities.embeddings:
        request = EmbeddingRequest(provider_model="costly", texts=("a text",), dimensions=8)
        result = await adapter.embed(request, context(attempt))
        assert result.usage.provider_cost == result.usage.input_tokens * 3_000_000


@pytest.mark.parametrize(
    ("model", "category", "billed"),
    [("throttled", "rate_limited", "no"), ("failing", "server_error", "unknown"), ("slow", "timeout", "unknown")],
)
async def test_failures_of_vectors_are_those_of_answers(
    adapter: HttpAdapter, attempt: str, model: str, category: str, billed: str
) -> None:
    """Throttling, a server error and a deadline mean the same for money as with an answer (P1)."""
    if adapter.capabilities.embeddings:
        request = EmbeddingRequest(provider_model=model, texts=("a text",), dimensions=8)
        with pytest.raises(ProviderError) as caught:
            await adapter.embed(request, context(attempt, seconds=1.0))
        assert (caught.value.category, caught.value.billed) == (category, billed)


def _dot(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
