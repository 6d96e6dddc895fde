"""HTTP/1.1 connections for httpx: h11 on asyncio, the newest idle connection first, every step in constant time.

httpx's own pool looks at all its connections for each of them on every request, which costs 9 ms of CPU per call at
400 calls in flight; here it is a stack. The exceptions and the ``trace`` events are those of httpx's own transport.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, cast

import h11
import httpx

_MAX_HEADERS = 64 * 1024
_MAX_UNREAD = 256 * 1024
_USER_AGENT = "pointsman"

Trace = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEADERS)
        self._transport: asyncio.Transport | None = None
        self._news: asyncio.Future[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._unread = 0
        self._lost = False
        self._busy = False
        self.idle_since = 0.0

    # asyncio's side ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes; an idle connection has none to receive."""
        if not self._busy:
            self.close()
            return
        self._http.receive_data(data)
        self._unread += len(data)
        if self._unread > _MAX_UNREAD and self._transport is not None:
            self._transport.pause_reading()
        self._tell()

    def eof_received(self) -> bool:
        """Take the end of what the server sends."""
        if self._busy:
            with suppress(h11.RemoteProtocolError):
                self._http.receive_data(b"")
        self._lost = True
        self._tell()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection; an error is no end of a body that may end so."""
        if not self._lost and exc is None and self._busy:
            self._http.receive_data(b"")
        self._lost = True
        self._drained.set()
        self._tell()

    def pause_writing(self) -> None:
        """Wait before the next write."""
        self._drained.clear()

    def resume_writing(self) -> None:
        """Write on."""
        self._drained.set()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    # The exchange --------------------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Return whether another exchange can begin."""
        return not self._lost and self._transport is not None and not self._transport.is_closing()

    async def send(self, request: httpx.Request, body: bytes, timeout_s: float | None) -> None:
        """Send a whole request."""
        self._busy = True
        url = request.url
        data = self._http.send(
            h11.Request(method=request.method, target=url.raw_path, headers=list(request.headers.raw))
        )
        out = (data or b"") + ((self._http.send(h11.Data(data=body)) or b"") if body else b"")
        out += self._http.send(h11.EndOfMessage()) or b""
        if self._transport is None or self._lost:
            raise httpx.WriteError("the connection was closed")
        self._transport.write(out)
        if self._drained.is_set():
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._drained.wait()
        except TimeoutError:
            raise httpx.WriteTimeout("the request could not be sent in time") from None

    async def head(self) -> h11.Response:
        """Return status and headers of the final answer."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("the server closed the connection without an answer")

    async def data(self) -> bytes | None:
        """Return the next bytes of the body; None at its end."""
        event = await self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _next(self) -> Any:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from None
            if event is not h11.NEED_DATA:
                return event
            if self._lost:
                raise httpx.ReadError("the connection broke")
            self._unread = 0
            if self._transport is not None:
                self._transport.resume_reading()
            self._news = asyncio.get_running_loop().create_future()
            try:
                await self._news
            finally:
                self._news = None

    def finish(self) -> bool:
        """End the exchange; return whether another one can begin."""
        self._busy = False
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and self.usable:
            self._http.start_next_cycle()
            if not self._http.trailing_data[0]:
                return True
        self.close()
        return False

    def close(self) -> None:
        """Close at once."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()


class _Body(httpx.AsyncByteStream):
    """The body of an answer; its connection goes back when it is closed."""

    def __init__(self, connection: _Connection, release: Callable[[_Connection], None]) -> None:
        self._connection = connection
        self._release: Callable[[_Connection], None] | None = release

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while (data := await self._connection.data()) is not None:
            yield data

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        if self._release is not None:
            release, self._release = self._release, None
            release(self._connection)


class Connections(httpx.AsyncBaseTransport):
    """Connections of one endpoint. ``limit`` bounds those in use; idle ones are closed after ``keepalive_s``.

    ``secure`` loads the trusted certificates at once, so that the first call does not wait for them.
    """

    def __init__(self, limit: int, keepalive_s: float, *, secure: bool = False) -> None:
        self._places = asyncio.Semaphore(limit)
        self._keepalive_s = keepalive_s
        self._idle: dict[tuple[str, str, int], deque[_Connection]] = {}
        self._tls = _tls_context() if secure else None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return the answer with its body still to come."""
        timeouts: Mapping[str, float | None] = request.extensions.get("timeout", {})
        trace: Trace | None = request.extensions.get("trace")
        body = await request.aread()
        await self._take_place(timeouts.get("pool"))
        origin = _origin(request.url)
        connection: _Connection | None = None
        try:
            connection = self._take(origin)
            if connection is None:
                connection = await self._connect(origin, timeouts.get("connect"), trace)
            if trace is not None:
                await trace("http11.send_request_headers.started", {})
            await connection.send(request, body, timeouts.get("write"))
            head = await connection.head()
        except BaseException:
            if connection is not None:
                connection.close()
            self._places.release()
            raise

        def release(used: _Connection) -> None:
            self._give_back(origin, used)

        return httpx.Response(
            head.status_code, headers=list(head.headers.raw_items()), stream=_Body(connection, release)
        )

    async def aclose(self) -> None:
        """Close all idle connections, and the others when they end."""
        self._closed = True
        for connections in self._idle.values():
            while connections:
                connections.pop().close()

    async def _take_place(self, timeout_s: float | None) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("no free connection in time") from None

    def _take(self, origin: tuple[str, str, int]) -> _Connection | None:
        idle = self._idle.get(origin)
        if not idle:
            return None
        oldest = asyncio.get_running_loop().time() - self._keepalive_s
        while idle and (idle[0].idle_since < oldest or not idle[0].usable):
            idle.popleft().close()
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
        return None

    def _give_back(self, origin: tuple[str, str, int], connection: _Connection) -> None:
        if connection.finish():
            if self._closed:
                connection.close()
            else:
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.setdefault(origin, deque()).append(connection)
        self._places.release()

    async def _connect(self, origin: tuple[str, str, int], timeout_s: float | None, trace: Trace | None) -> _Connection:
        scheme, host, port = origin
        if trace is not None:
            await trace("connection.connect_tcp.started", {})
        tls: dict[str, Any] = {"ssl": self._context(), "server_hostname": host} if scheme == "https" else {}
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(_Connection, host, port, **tls)
        except TimeoutError:
            raise httpx.ConnectTimeout("no connection in time") from None
        except OSError as error:
            raise httpx.ConnectError(type(error).__name__) from None
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = _tls_context()
        return self._tls


class Client(httpx.AsyncClient):
    """A client over ``Connections`` that does only what a provider call needs: no cookies, redirects, auth or merging.

    A fifth of the CPU of a call went into these. Addresses must be absolute, bodies bytes.
    """

    def __init__(self, connections: Connections) -> None:
        super().__init__(transport=connections, follow_redirects=False, trust_env=False)
        self._connections = connections

    def build_request(self, method: str, url: httpx.URL | str, **given: Any) -> httpx.Request:
        """Return the request as given, with the headers every request needs."""
        headers = {"user-agent": _USER_AGENT, "accept": "*/*", **given.pop("headers", {})}
        return httpx.Request(method, url, headers=headers, **given)

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: Any) -> httpx.Response:
        """Send and return the answer; its body is read first unless ``stream``."""
        response = await self._connections.handle_async_request(request)
        response.request = request
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


def _tls_context() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)
