"""The one adapter: a dialect (pure) over a transport (network). One call is one attempt."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import httpx

from providers.accumulate import Accumulator, with_estimate
from providers.base import (
    CallContext,
    Capabilities,
    ChatRequest,
    ChatResult,
    EmbeddingRequest,
    EmbeddingResult,
    Finish,
    StreamEvent,
)
from providers.endpoint import EndpointConfig
from providers.errors import AdapterBugError, Billed, ConnectionLostError, IncompleteStreamError, ProviderError
from providers.transport import HttpRequest, HttpResponse, Patience, Transport, translated
from schemas.usage import Usage

T = TypeVar("T")


class StreamParser(Protocol):
    """Turns bytes into events; the result never depends on how the bytes were cut. Pure.

    After ``Finish`` or a failure everything further is ignored.
    """

    @property
    def failure(self) -> ProviderError | None:
        """Why the stream failed, once it has."""
        ...

    @property
    def done(self) -> bool:
        """True once ``Finish`` was given."""
        ...

    @property
    def known_usage(self) -> Usage | None:
        """What the provider has reported so far."""
        ...

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return the events that ``data`` completes."""
        ...

    def close(self) -> list[StreamEvent]:
        """Take the end of the body."""
        ...


class Dialect(Protocol):
    """A wire format: pure functions over data."""

    @property
    def capabilities(self) -> Capabilities:
        """What the format can express."""
        ...

    def build_request(self, request: ChatRequest) -> HttpRequest:
        """Return the HTTP request."""
        ...

    def parse_response(self, response: HttpResponse) -> ChatResult:
        """Return the answer of status 200, or raise."""
        ...

    def build_embedding(self, request: EmbeddingRequest) -> HttpRequest:
        """Return the HTTP request for vectors, or raise: the format has none."""
        ...

    def parse_embedding(self, response: HttpResponse, request: EmbeddingRequest) -> EmbeddingResult:
        """Return the vectors of an answer of status 200, or raise."""
        ...

    def parse_failure(self, response: HttpResponse) -> ProviderError:
        """Return the error of any other status."""
        ...

    def stream_parser(self, head: HttpResponse, provider_model: str) -> StreamParser:
        """Return a parser of one stream; ``head`` is its status and headers."""
        ...


@dataclass(frozen=True, slots=True)
class HttpAdapter:
    """A ``ProviderAdapter`` for one endpoint."""

    endpoint: EndpointConfig
    dialect: Dialect
    transport: Transport

    @property
    def name(self) -> str:
        """Name of the endpoint."""
        return self.endpoint.name

    @property
    def simulated(self) -> bool:
        """True for the simulator."""
        return self.endpoint.simulated

    @property
    def capabilities(self) -> Capabilities:
        """What may be called."""
        return self.dialect.capabilities

    async def chat(self, request: ChatRequest, context: CallContext) -> ChatResult:
        """Make one attempt and return the whole answer."""
        http_request = _ours(lambda: self.dialect.build_request(replace(request, stream=False)), billed="no")
        async with Patience(context) as patience:
            response = await self.transport.fetch(http_request, context, patience)
        if response.status != 200:
            raise _ours(lambda: self.dialect.parse_failure(response))
        result = with_estimate(_ours(lambda: self.dialect.parse_response(response)), request)
        return replace(result, warnings=http_request.warnings + result.warnings)

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[StreamEvent, None]:
        """Make one attempt and yield its events, ``Finish`` last."""
        http_request = _ours(lambda: self.dialect.build_request(replace(request, stream=True)), billed="no")
        accumulator = Accumulator()
        parser: StreamParser | None = None
        try:
            async with (
                Patience(context) as patience,
                self.transport.open_stream(http_request, context, patience) as (response, failed),
            ):
                if failed is not None:
                    raise _ours(lambda: self.dialect.parse_failure(failed))
                parser = self.dialect.stream_parser(self.transport.head(response), request.provider_model)
                async with aclosing(_events(response, parser, context, patience)) as events:
                    async for event in events:
                        accumulator.add(event)
                        yield _completed(event, http_request, request, accumulator)
                if parser.failure is not None:
                    raise parser.failure
                if not parser.done:
                    raise IncompleteStreamError("the stream ended without its end marker")
        except ProviderError as error:
            known = parser.known_usage if parser is not None else None
            if accumulator.produced:
                error.partial = accumulator.partial(known, request)
            raise

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingResult:
        """Make one attempt and return the vectors."""
        http_request = _ours(lambda: self.dialect.build_embedding(request), billed="no")
        async with Patience(context) as patience:
            response = await self.transport.fetch(http_request, context, patience)
        if response.status != 200:
            raise _ours(lambda: self.dialect.parse_failure(response))
        return _ours(lambda: self.dialect.parse_embedding(response, request))

    async def aclose(self) -> None:
        """Close the connections."""
        await self.transport.aclose()


async def _events(
    response: httpx.Response, parser: StreamParser, context: CallContext, patience: Patience
) -> AsyncGenerator[StreamEvent, None]:
    """Yield the events of an open stream until it ends, finishes or fails; ``parser`` knows which."""
    loop = asyncio.get_running_loop()
    first_content_by = loop.time() + context.ttft_timeout
    produced = False
    async with aclosing(_raw(response)) as chunks:
        while not parser.done and parser.failure is None:
            limit = context.inter_chunk_timeout if produced else first_content_by - loop.time()
            what = "the limit for silence" if produced else "the limit for the first content"
            try:
                data = await patience.wait(translated(anext(chunks, None), patience), limit, what)
            except ConnectionLostError:
                if produced:
                    raise IncompleteStreamError("the connection broke inside the stream") from None
                raise
            for event in _ours(parser.close) if data is None else _ours(_feeding(parser, data)):
                produced = True
                yield event
            if data is None:
                return


async def _raw(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    async for chunk in response.aiter_raw():
        yield chunk


def _feeding(parser: StreamParser, data: bytes) -> Callable[[], list[StreamEvent]]:
    return lambda: parser.feed(data)


def _completed(
    event: StreamEvent, http_request: HttpRequest, request: ChatRequest, accumulator: Accumulator
) -> StreamEvent:
    """Return the event; a ``Finish`` gets the warnings of the request and, if need be, an estimated usage."""
    if not isinstance(event, Finish):
        return event
    usage = with_estimate(accumulator.result(), request).usage
    return replace(event, warnings=http_request.warnings + event.warnings, usage=usage)


def _ours(step: Callable[[], T], *, billed: Billed = "unknown") -> T:
    """Return the result of one of our own pure steps; its faults are ours, and are named without their values."""
    fault: str
    try:
        return step()
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        fault = type(error).__name__
    raise AdapterBugError(fault, billed=billed)
