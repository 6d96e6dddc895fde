"""The only module that talks to the network: one HTTP exchange, with its limits, told apart before and after sending.

What was **not sent** is proven, never guessed: either the exception says that no connection was made, or the trace of
the connection shows that its set-up had begun and sending had not. Everything else counts as sent.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import SecretStr

from providers.base import CallContext
from providers.connections import Client, Connections
from providers.endpoint import EndpointConfig
from providers.errors import (
    AdapterBugError,
    CallCancelledError,
    ConnectError,
    ConnectionLostError,
    LostError,
    MalformedResponseError,
    NotSentError,
    ProviderError,
    TimedOutError,
)

MAX_RESPONSE_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
_SIMULATED_KEY = SecretStr("simulated")
_KEEPALIVE_S = 20.0
_WRITE_TIMEOUT_S = 30.0
_CLEAN_UP_S = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request without its key. ``path`` follows the base URL; ``warnings`` name what had to be left out."""

    path: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A whole answer; header names in lower case; ``received_at`` in Unix seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received_at: float


class Patience:
    """The limits of one exchange: every wait ends at the deadline, at its own limit, or when the caller cancels."""

    def __init__(self, context: CallContext) -> None:
        self._context = context
        self._scope: asyncio.Timeout | None = None
        self._watcher: asyncio.Task[Any] | None = None
        self._connecting = False
        self._sending = False

    async def __aenter__(self) -> Self:
        cancel = self._context.cancel
        if cancel is not None:
            self._watcher = asyncio.get_running_loop().create_task(cancel.wait())
            self._watcher.add_done_callback(self._wake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.remove_done_callback(self._wake)
            self._watcher.cancel()

    @property
    def proven_unsent(self) -> bool:
        """True when the connection was being made and no byte of the request had been sent."""
        return self._connecting and not self._sending

    @property
    def cancelled(self) -> bool:
        """True when the caller asked to stop."""
        return self._context.cancel is not None and self._context.cancel.is_set()

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Follow the connection's own account of what it does (httpx extension ``trace``)."""
        if event.endswith("connect_tcp.started"):
            self._connecting = True
        elif ".send_request_headers." in event:
            self._sending = True

    async def wait(self, step: Awaitable[T], limit: float | None, what: str) -> T:
        """Return the result of ``step``, or raise when ``limit`` seconds, the deadline or a cancellation come first."""
        loop = asyncio.get_running_loop()
        remaining = self._context.deadline - time.monotonic()
        allowed = remaining if limit is None else min(limit, remaining)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(loop.time() + max(0.0, allowed)) as scope:
                    self._scope = scope
                    if self.cancelled:
                        scope.reschedule(loop.time())
                    return await step
        finally:
            self._scope = None
        raise self._end(what if allowed < remaining else "the deadline")

    def _end(self, what: str) -> ProviderError:
        if self.cancelled:
            if self.proven_unsent:
                return NotSentError("cancelled while connecting")
            return CallCancelledError("cancelled by the caller")
        if self.proven_unsent:
            return NotSentError("the deadline came while connecting")
        return TimedOutError(f"{what} came before an answer")

    def _wake(self, _watcher: asyncio.Task[Any]) -> None:
        scope = self._scope
        if scope is not None and self.cancelled and not scope.expired():
            scope.reschedule(asyncio.get_running_loop().time())


class Transport:
    """One endpoint's HTTP client. Follows no redirects, reads no proxy or netrc settings, asks for no compression."""

    def __init__(
        self,
        endpoint: EndpointConfig,
        client: httpx.AsyncClient,
        key: SecretStr | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self._key = key
        self._clock = clock
        self._urls: dict[str, httpx.URL] = {}

    async def fetch(self, request: HttpRequest, context: CallContext, patience: Patience) -> HttpResponse:
        """Send and return the whole answer, whatever its status."""
        async with self._opened(request, context, patience, None) as response:
            return await self._read(response, patience)

    @asynccontextmanager
    async def open_stream(
        self, request: HttpRequest, context: CallContext, patience: Patience
    ) -> AsyncGenerator[tuple[httpx.Response, HttpResponse | None], None]:
        """Send and give the open answer; with a status other than 200 also the whole of it."""
        async with self._opened(request, context, patience, context.ttft_timeout) as response:
            yield response, None if response.status_code == 200 else await self._read(response, patience)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    def head(self, response: httpx.Response) -> HttpResponse:
        """Return status and headers of an open answer."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(status=response.status_code, headers=headers, body=b"", received_at=self._clock())

    @asynccontextmanager
    async def _opened(
        self, request: HttpRequest, context: CallContext, patience: Patience, limit: float | None
    ) -> AsyncGenerator[httpx.Response, None]:
        if patience.cancelled:
            raise NotSentError("cancelled before sending")
        if context.deadline <= time.monotonic():
            raise NotSentError("the deadline had passed before sending")
        sending = self._client.send(self._to_httpx(request, context, patience), stream=True)
        response = await patience.wait(translated(sending, patience), limit, "the limit for the first content")
        try:
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise MalformedResponseError("the answer is compressed although none was asked for")
            yield response
        finally:
            await response.aclose()

    async def _read(self, response: httpx.Response, patience: Patience) -> HttpResponse:
        head = self.head(response)
        limit = MAX_RESPONSE_BYTES if response.status_code == 200 else MAX_ERROR_BYTES
        chunks = response.aiter_raw()
        body = bytearray()
        succeeded = response.status_code == 200
        try:
            while (chunk := await patience.wait(translated(anext(chunks, None), patience), None, "")) is not None:
                body += chunk
                if len(body) > limit:
                    break
        except LostError:
            if succeeded:
                raise  # of a failure the status is known, and says more than the broken body
        if succeeded and len(body) > limit:
            raise MalformedResponseError("the answer is larger than 32 MiB")
        return HttpResponse(status=head.status, headers=head.headers, body=bytes(body), received_at=head.received_at)

    def _to_httpx(self, request: HttpRequest, context: CallContext, patience: Patience) -> httpx.Request:
        headers = {"content-type": "application/json", "accept-encoding": "identity", **dict(request.headers)}
        key = self._key
        if key is None and self._endpoint.simulated:
            key = _SIMULATED_KEY
        if key is not None:
            secret = key.get_secret_value()
            auth = self._endpoint.auth or ("bearer" if self._endpoint.dialect == "openai" else "x-api-key")
            headers |= {"authorization": f"Bearer {secret}"} if auth == "bearer" else {"x-api-key": secret}
        if self._endpoint.simulated:
            headers["x-pointsman-attempt"] = context.attempt_id
            if context.task_type is not None:
                headers["x-pointsman-task-type"] = context.task_type
            if context.traceparent is not None:
                headers["traceparent"] = context.traceparent
        return self._client.build_request(
            "POST",
            self._url(request.path),
            content=request.body,
            headers=headers,
            extensions={"trace": patience.trace, "timeout": self._timeouts(context)},
        )

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(self._endpoint.base_url + path)
        return url

    def _timeouts(self, context: CallContext) -> dict[str, float | None]:
        """Return httpx's own limits: connecting ends by itself before the deadline, since only so does it clean up."""
        remaining = context.deadline - time.monotonic() - _CLEAN_UP_S
        connect = max(0.001, min(self._endpoint.connect_timeout_s, remaining))
        return {"connect": connect, "pool": connect, "write": _WRITE_TIMEOUT_S, "read": None}


async def translated(step: Awaitable[T], patience: Patience) -> T:
    """Return the result of ``step``; transport exceptions become ours, without their text, request or cause."""
    failure: ProviderError
    try:
        return await step
    except (httpx.ConnectError, httpx.ConnectTimeout):
        failure = ConnectError("no connection could be made")
    except httpx.PoolTimeout:
        failure = NotSentError("no free connection in time")
    except httpx.TimeoutException:
        failure = TimedOutError("the request could not be sent in time")
    except (httpx.LocalProtocolError, httpx.UnsupportedProtocol, httpx.InvalidURL):
        failure = AdapterBugError("the request is not valid HTTP")
    except (httpx.TransportError, httpx.StreamError):
        failure = (
            ConnectError("the connection broke while it was made")
            if patience.proven_unsent
            else ConnectionLostError("the connection broke before the answer was complete")
        )
    raise failure  # outside the handlers: the cause holds the request with its key


def new_client(endpoint: EndpointConfig) -> httpx.AsyncClient:
    """Return a client for one endpoint: HTTP/1.1, no redirects, nothing taken from the environment."""
    secure = endpoint.base_url.startswith("https:")
    pool = Connections(endpoint.max_connections, _KEEPALIVE_S, secure=secure)
    return Client(pool)
