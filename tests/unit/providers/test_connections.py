import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from providers.connections import Connections

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """A server that answers each request on a connection with the next of its scripted bytes."""

    def __init__(self, *answers: bytes, close: bool = False, gate: asyncio.Event | None = None) -> None:
        self.answers = list(answers)
        self.close = close
        self.gate = gate
        self.connections = 0
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    (int(h.split(b":")[1]) for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")), 0
                )
                self.bodies.append(await reader.readexactly(length))
                if self.gate is not None:
                    await self.gate.wait()
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
                if self.close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def client(
    server: Handler, limit: int = 10, keepalive_s: float = 20.0
) -> AsyncGenerator[tuple[httpx.AsyncClient, str]]:
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    pool = Connections(limit, keepalive_s)
    async with httpx.AsyncClient(transport=pool, trust_env=False, timeout=5) as opened:
        yield opened, f"http://127.0.0.1:{port}/"
    listening.close()


async def test_a_connection_is_used_again() -> None:
    """Requests one after the other share one connection."""
    server = Server(OK)
    async with client(server) as (http, url):
        answers = [(await http.post(url, content=b"x" * number)).text for number in range(5)]
    assert answers == ["ok"] * 5
    assert server.connections == 1
    assert [len(body) for body in server.bodies] == [0, 1, 2, 3, 4]


async def test_connections_in_use_are_bounded() -> None:
    """Further requests wait for a free connection, and fail as such when none comes in time."""
    gate = asyncio.Event()
    server = Server(OK, gate=gate)
    async with client(server, limit=2) as (http, url):
        first = [asyncio.create_task(http.get(url)) for _ in range(2)]
        while server.connections < 2:  # noqa: ASYNC110 - the server counts, it tells nobody
            await asyncio.sleep(0.01)
        with pytest.raises(httpx.PoolTimeout):
            await http.get(url, timeout=httpx.Timeout(5, pool=0.05))
        third = asyncio.create_task(http.get(url))
        gate.set()
        assert {(await task).text for task in (*first, third)} == {"ok"}
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_every_framing_of_a_body_is_read(answer: bytes, body: bytes) -> None:
    """Chunks, lengths, interim answers, and bodies that end with the connection."""
    async with client(Server(answer, close=b"until" in answer)) as (http, url):
        assert (await http.get(url)).content == body


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
    ],
)
async def test_a_broken_answer_is_an_error_of_transport(answer: bytes) -> None:
    """An answer that ends early or is no HTTP is never taken for a whole one."""
    async with client(Server(answer, close=True)) as (http, url):
        with pytest.raises(httpx.TransportError):
            await http.get(url)


async def test_an_idle_connection_that_the_server_closed_is_not_used() -> None:
    """The next request takes a fresh connection instead of failing on a dead one."""
    server = Server(OK, close=True)
    async with client(server) as (http, url):
        assert (await http.get(url)).text == "ok"
        await asyncio.sleep(0.05)
        assert (await http.get(url)).text == "ok"
    assert server.connections == 2


async def test_an_old_idle_connection_is_closed() -> None:
    """Past its time an idle connection is not trusted any more."""
    server = Server(OK)
    async with client(server, keepalive_s=0.0) as (http, url):
        await http.get(url)
        await asyncio.sleep(0.01)
        await http.get(url)
    assert server.connections == 2


async def test_a_body_left_unread_closes_the_connection_and_frees_its_place() -> None:
    """A caller who leaves early never hands leftovers to the next."""
    server = Server(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
    async with client(server, limit=1) as (http, url):
        for _ in range(3):
            async with http.stream("GET", url) as response:
                assert response.status_code == 200
    assert server.connections == 3


async def test_a_cancelled_request_frees_its_place() -> None:
    """Cancellation while waiting for the answer closes the connection."""
    server = Server(OK, gate=asyncio.Event())
    async with client(server, limit=1) as (http, url):
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await http.get(url)
    assert server.connections == 3


async def test_nobody_listening_is_a_connect_error() -> None:
    """A refused connection is told apart from one that broke."""
    async with httpx.AsyncClient(transport=Connections(1, 1.0), trust_env=False) as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("http://127.0.0.1:9/")


async def test_a_large_body_is_read_at_the_readers_pace() -> None:
    """A body of many megabytes arrives whole."""
    body = b"z" * (5 * 1024 * 1024)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with client(Server(answer)) as (http, url):
        assert (await http.get(url)).content == body
