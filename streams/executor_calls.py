"""One attempt at a provider, from its claim to its end as a value: content, adapter, live tokens, cost, failures."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from math import ceil
from time import monotonic, time_ns
from typing import Any, Final, Literal

import structlog

from providers.accumulate import Accumulator
from providers.base import (
    CallContext,
    ChatRequest,
    ChatResult,
    EmbeddingRequest,
    EmbeddingResult,
    Finish,
    ProviderAdapter,
    TextDelta,
    ToolCall,
    ToolDelta,
)
from providers.errors import ProviderError
from routing.dispatch_actions import Answered, Broke, Completion, Identity, StartCall
from routing.encoder import packed, quantised
from schemas.envelope import at_ms
from schemas.inbound import Rejection, parse
from schemas.provider_call import NOT_SENT, ResultChunk
from schemas.request import RequestReceived
from schemas.topics import BY_NAME, REQUESTS
from streams.executor_chunks import ChunkStream
from streams.executor_config import Endpoints, EndpointUnavailableError, Prices
from streams.executor_contents import Contents
from streams.executor_prompt import ContentUnavailableError, request_of

log = structlog.get_logger()
DRAIN_S: Final = 2.0
"""How long a cancelled call may still end by itself: then its cost is known, else the hold is charged."""
MAX_CONTENT_CHARACTERS: Final = 200_000
"""Longer answers are cut in the event (and say so): a record that no reader takes would lose the answer."""
_OVERTIME_S: Final = 2.0
_REQUESTS: Final = BY_NAME[REQUESTS]


def unix_ms() -> int:
    """Return the wall clock in Unix ms."""
    return time_ns() // 1_000_000


@dataclass(slots=True)
class Running:
    """A call in progress, as far as others may touch it."""

    start: StartCall
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False
    chunks: ChunkStream | None = None
    started: float = field(default_factory=monotonic)

    def stop(self, drain_s: float = DRAIN_S) -> None:
        """Publish nothing more; let the call end by itself for a moment, then break it off."""
        if self.cancelled:
            return
        self.cancelled = True
        if self.chunks is not None:
            self.chunks.mute()
        if drain_s <= 0:
            self.cancel.set()
        else:
            asyncio.get_running_loop().call_later(drain_s, self.cancel.set)

    @property
    def elapsed_ms(self) -> int:
        """Milliseconds since the call was started here."""
        return int((monotonic() - self.started) * 1000)


class CallRunner:
    """Makes attempts. Every way an attempt can end is a value; nothing is raised but cancellation of the task."""

    def __init__(
        self,
        identity: Identity,
        partitions: int,
        contents: Contents,
        endpoints: Endpoints,
        prices: Prices,
        publish: Callable[[ResultChunk], None],
    ) -> None:
        self._identity = identity
        self._partitions = partitions
        self._contents = contents
        self._endpoints = endpoints
        self._prices = prices
        self._publish = publish

    async def run(self, running: Running) -> Completion:
        """Make the attempt and return how it ended."""
        start = running.start
        limit = (start.expires_at_ms - unix_ms()) / 1000
        deadline = monotonic() + limit
        request = await self._request(start, limit)
        if isinstance(request, Broke):
            return request
        if running.cancelled:
            return _unsent("cancelled")
        try:
            adapter = self._endpoints.adapter(start.plan.provider, start.decision.tenant)
            call = request_of(start.decision, request, start.plan)
        except EndpointUnavailableError as error:
            return Broke(category="connect", billed="no", detail=str(error))
        except ContentUnavailableError as error:
            return _unsent(str(error))
        return await self._call(running, adapter, call, deadline)

    async def _call(
        self, running: Running, adapter: ProviderAdapter, call: ChatRequest | EmbeddingRequest, deadline: float
    ) -> Completion:
        start = running.start
        context = CallContext(
            attempt_id=start.attempt_id,
            deadline=deadline,
            cancel=running.cancel,
            traceparent=start.decision.traceparent,
            task_type=start.decision.task_type,
        )
        if monotonic() >= deadline or unix_ms() >= start.expires_at_ms:
            return _unsent("expired before the call")
        try:
            async with asyncio.timeout(deadline - monotonic() + _OVERTIME_S):
                if isinstance(call, EmbeddingRequest):
                    return self._embedded(running, adapter, await adapter.embed(call, context))
                if call.stream:
                    result, ttft = await self._stream(running, adapter, call, context)
                else:
                    result, ttft = await adapter.chat(call, context), None
        except ProviderError as error:
            if error.category == "connect":
                self._look_again(start.plan.provider)
            return self._broke(running, error)
        except TimeoutError:
            return Broke(
                category="timeout", billed="unknown", latency_ms=running.elapsed_ms, partial=_published(running)
            )
        except Exception as error:  # the boundary of one call: its fault must not take the others with it
            log.exception("call_failed", provider=start.plan.provider, kind=type(error).__name__)
            return Broke(
                category="adapter_bug", billed="unknown", latency_ms=running.elapsed_ms, partial=_published(running)
            )
        return self._answered(running, adapter, result, ttft)

    async def _stream(
        self, running: Running, adapter: ProviderAdapter, call: ChatRequest, context: CallContext
    ) -> tuple[ChatResult, int | None]:
        """Return the whole answer and the time to its first content in ms; publish live tokens on the way."""
        chunks = running.chunks = ChunkStream(
            running.start.decision, running.start.attempt_id, self._identity, self._publish, unix_ms
        )
        accumulator = Accumulator()
        ttft: int | None = None
        try:
            async with aclosing(adapter.stream(call, context)) as events:
                async for event in events:
                    accumulator.add(event)
                    if ttft is None and not isinstance(event, Finish):
                        ttft = running.elapsed_ms
                    if isinstance(event, TextDelta):
                        chunks.text(event.text)
                    elif isinstance(event, ToolDelta):
                        chunks.tool(_delta(event))
        finally:
            chunks.close()
        return accumulator.result(), ttft

    async def _request(self, start: StartCall, limit_s: float) -> RequestReceived | Broke:
        place = (start.decision.request_at.partition, start.decision.request_at.offset)
        record = self._contents.held(place)
        if record is None:
            try:
                async with asyncio.timeout(max(limit_s, 0.0)):
                    record = await self._contents.get(place)
            except TimeoutError:
                return _unsent("the request could not be read in time")
        if record is None:
            return _unsent("the request is no longer retained")
        event = parse(record, _REQUESTS, self._partitions)
        if isinstance(event, Rejection) or not isinstance(event, RequestReceived):
            return _unsent("the request's record is not valid")
        return event

    def _look_again(self, provider: str) -> None:
        try:
            self._endpoints.moved(provider)
        except EndpointUnavailableError:
            log.warning("endpoint_unavailable", provider=provider)

    def _answered(self, running: Running, adapter: ProviderAdapter, result: ChatResult, ttft: int | None) -> Answered:
        decision, plan = running.start.decision, running.start.plan
        cost, source = self._prices.cost(decision.price_book, plan, result.usage, at_ms(unix_ms()))
        warnings = list(result.warnings)
        if result.usage.estimated:
            warnings.append("usage_estimated")
        content = result.content
        if len(content) > MAX_CONTENT_CHARACTERS:
            content = content[:MAX_CONTENT_CHARACTERS]
            warnings.append("content_cut")
        return Answered(
            usage=result.usage,
            cost=cost,
            latency_ms=running.elapsed_ms,
            content=content,
            tool_calls=tuple(_tool_call(call) for call in result.tool_calls),
            finish_reason=result.finish_reason,
            finish_reason_raw=result.finish_reason_raw,
            price_source=source,
            ttft_ms=ttft,
            served_model=result.served_model,
            provider_request_id=result.provider_request_id,
            simulated=adapter.simulated,
            cancelled=running.cancelled,
            warnings=tuple(warnings),
        )

    def _embedded(self, running: Running, adapter: ProviderAdapter, result: EmbeddingResult) -> Answered:
        """Return a vector as it is stored: quantised here, once, so that every reader computes with whole numbers."""
        decision, plan = running.start.decision, running.start.plan
        cost, source = self._prices.cost(decision.price_book, plan, result.usage, at_ms(unix_ms()))
        return Answered(
            usage=result.usage,
            cost=cost,
            latency_ms=running.elapsed_ms,
            embedding=packed(quantised(result.vectors[0])),
            price_source=source,
            served_model=result.served_model,
            provider_request_id=result.provider_request_id,
            simulated=adapter.simulated,
            cancelled=running.cancelled,
            warnings=result.warnings,
        )

    def _broke(self, running: Running, error: ProviderError) -> Broke:
        category: str = error.category
        if category == NOT_SENT and not running.cancelled and unix_ms() < running.start.expires_at_ms:
            category = "connect"  # no connection was free: another model may still be tried
        billed: Literal["no", "unknown", "yes"] = error.billed
        usage, cost = None, 0
        if billed == "yes" and error.partial is not None:
            usage = error.partial.usage
            decision, plan = running.start.decision, running.start.plan
            cost, _ = self._prices.cost(decision.price_book, plan, usage, at_ms(unix_ms()))
        elif billed == "yes":
            billed = "unknown"
        extra: dict[str, Any] = {} if usage is None else {"usage": usage, "cost": cost}
        return Broke(
            category=category,
            billed=billed,
            status=error.status,
            detail=error.detail,
            retry_after_ms=None if error.retry_after is None else ceil(error.retry_after * 1000),
            latency_ms=running.elapsed_ms,
            partial=_published(running),
            **extra,
        )


def _unsent(detail: str) -> Broke:
    return Broke(category=NOT_SENT, billed="no", detail=detail)


def _published(running: Running) -> bool:
    return running.chunks is not None and running.chunks.published > 0


def _delta(event: ToolDelta) -> dict[str, Any]:
    delta: dict[str, Any] = {"index": event.call, "arguments": event.arguments}
    if event.id is not None:
        delta["id"] = event.id
    if event.name is not None:
        delta["name"] = event.name
    return delta


def _tool_call(call: ToolCall) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": call.id, "name": call.name, "arguments": call.arguments}
    if call.malformed:
        plain["malformed"] = True
    return plain
