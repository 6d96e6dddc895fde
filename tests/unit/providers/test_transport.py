"""What is proven unsent, and what is not: against real sockets."""

import asyncio
import contextlib
import socket
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from providers.adapter import HttpAdapter
from providers.base import CallContext
from providers.errors import ProviderError
from providers.registry import build_adapter
from tests.unit.providers.wire_samples import chat_request, endpoint

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
KEY = "sk-canary-41c2"
PROMPT = "hello"


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncGenerator[int, None]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def answering(data: bytes, *, then_wait: bool = False) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        if then_wait:
            await reader.read()

    return handler


def context(seconds: float = 10.0, **fields: Any) -> CallContext:
    return CallContext(attempt_id="a-1", deadline=time.monotonic() + seconds, **fields)


async def drained(adapter: HttpAdapter, ctx: CallContext) -> None:
    async with contextlib.aclosing(adapter.stream(chat_request(), ctx)) as events:
        async for _ in events:
            pass


async def outcome(url: str, ctx: CallContext, *, stream: bool = False, **config: Any) -> ProviderError:
    adapter = build_adapter(endpoint(base_url=url, key="env:K", **config), {"K": KEY})
    try:
        with pytest.raises(ProviderError) as caught:
            await (drained(adapter, ctx) if stream else adapter.chat(chat_request(), ctx))
    finally:
        await adapter.aclose()
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert KEY not in shown
    assert error.__context__ is None or isinstance(error.__context__, ProviderError)
    return error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_refused_connection_is_proven_unsent() -> None:
    """Nobody listens: not billed, worth trying elsewhere (reliability invariant 7)."""
    error = await outcome(f"http://127.0.0.1:{free_port()}", context())
    assert (error.category, error.billed, error.retryable) == ("connect", "no", True)


async def test_a_failed_tls_handshake_is_proven_unsent() -> None:
    """A server that does not speak TLS has received no request."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        error = await outcome(f"https://127.0.0.1:{port}", context(3))
    assert error.billed == "no"


async def test_a_deadline_during_the_handshake_is_proven_unsent() -> None:
    """The deadline comes while TLS hangs: the request has not left."""

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        error = await outcome(f"https://127.0.0.1:{port}", context(0.3))
    assert (error.category, error.billed) == ("connect", "no")


@pytest.mark.parametrize("stream", [False, True])
async def test_past_deadlines_and_cancelled_calls_are_not_sent(stream: bool) -> None:
    """Nothing is sent after the deadline or after a cancellation."""
    connected = asyncio.Event()

    async def noted(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        connected.set()

    cancelled = asyncio.Event()
    cancelled.set()
    async with serving(noted) as port:
        late = await outcome(f"http://127.0.0.1:{port}", context(-1), stream=stream)
        stopped = await outcome(f"http://127.0.0.1:{port}", context(cancel=cancelled), stream=stream)
    assert (late.category, late.billed) == ("not_sent", "no")
    assert (stopped.category, stopped.billed) == ("not_sent", "no")
    assert not connected.is_set()


async def test_a_deadline_after_sending_is_unknown() -> None:
    """A server that takes the request and stays silent may have billed it."""
    async with serving(answering(b"", then_wait=True)) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context(0.3))
    assert (error.category, error.billed) == ("timeout", "unknown")


async def test_a_connection_closed_after_sending_is_unknown() -> None:
    """A server that takes the request and closes may have billed it."""
    async with serving(answering(b"")) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context())
    assert (error.category, error.billed, error.retryable) == ("connection_lost", "unknown", True)


async def test_half_an_answer_is_unknown() -> None:
    """A body shorter than promised is a lost connection, not an answer."""
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}")) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context())
    assert (error.category, error.billed) == ("connection_lost", "unknown")


async def test_a_known_status_outweighs_its_broken_body() -> None:
    """429 stays a proven refusal although its body is cut."""
    head = b"HTTP/1.1 429 Too Many\r\nretry-after: 2\r\ncontent-length: 100\r\n\r\n{"
    async with serving(answering(head)) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context())
        in_stream = await outcome(f"http://127.0.0.1:{port}", context(), stream=True)
    for found in (error, in_stream):
        assert (found.category, found.billed, found.retry_after) == ("rate_limited", "no", 2.0)


async def test_redirects_are_not_followed() -> None:
    """A redirect could carry the key elsewhere: it ends the attempt (A1, A2)."""
    reached = asyncio.Event()

    async def elsewhere(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        reached.set()

    async with serving(elsewhere) as other:
        head = f"HTTP/1.1 307 Temporary\r\nlocation: http://127.0.0.1:{other}/\r\ncontent-length: 0\r\n\r\n".encode()
        async with serving(answering(head)) as port:
            error = await outcome(f"http://127.0.0.1:{port}", context())
    assert error.category == "malformed_response"
    assert not reached.is_set()


async def test_a_compressed_answer_is_refused() -> None:
    """No compression is asked for, so nothing is inflated."""
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}"
    async with serving(answering(head)) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context())
    assert error.category == "malformed_response"


async def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxy variables do not send keys anywhere."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
    async with serving(answering(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context())
    assert error.category == "authentication"


async def test_the_key_goes_into_one_header_and_nothing_of_ours_to_real_providers() -> None:
    """Only simulated endpoints learn the attempt; the key is in its header, not in path or body (A3)."""
    seen: list[bytes] = []

    async def recording(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()

    ctx = context(traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01", task_type="math")
    async with serving(recording) as port:
        url = f"http://127.0.0.1:{port}"
        await outcome(url, ctx)
        await outcome(url, ctx, dialect="anthropic")
        await outcome(url, ctx, simulated=True)
    openai, anthropic, simulated = (head.decode().lower() for head in seen)
    assert f"authorization: bearer {KEY}" in openai
    assert f"x-api-key: {KEY}" in anthropic
    assert KEY not in openai.splitlines()[0]
    for head in (openai, anthropic):
        assert "x-pointsman" not in head
        assert "traceparent" not in head
        assert "accept-encoding: identity" in head
    assert "x-pointsman-attempt: a-1" in simulated
    assert "x-pointsman-task-type: math" in simulated


async def test_the_limit_for_the_first_content_is_not_met_by_pings() -> None:
    """A stream that opens and only pings has no content: the limit for the first content holds (P7)."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: waiting\n\n"
    async with serving(answering(head, then_wait=True)) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context(10, ttft_timeout=0.3), stream=True)
    assert (error.category, error.billed, error.partial) == ("timeout", "unknown", None)


async def test_silence_inside_a_stream_ends_it_with_what_had_come() -> None:
    """A stream that falls silent ends at its limit, with the partial text and an estimated usage (P7)."""
    chunk = b'data: {"choices":[{"index":0,"delta":{"content":"Half an answer"}}]}\n\n'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + chunk
    async with serving(answering(head, then_wait=True)) as port:
        error = await outcome(f"http://127.0.0.1:{port}", context(10, inter_chunk_timeout=0.3), stream=True)
    assert (error.category, error.billed) == ("timeout", "unknown")
    assert error.partial is not None
    assert error.partial.content == "Half an answer"
    assert error.partial.usage.estimated
    assert error.partial.usage.output_tokens == 4
    assert "Half" not in str(error)
