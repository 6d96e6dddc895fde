"""The simulator as an ASGI application: both wire formats, the bill, and the switches for outages.

| path | |
|---|---|
| POST /v1/chat/completions | OpenAI format, whole or streamed |
| POST /v1/embeddings | OpenAI format |
| POST /v1/messages | Anthropic format, whole or streamed |
| GET /v1/models | names with a behaviour of their own |
| GET /health | alive |
| GET, POST, DELETE /admin/outage | outages in force; start one; end all, or those of ``?model=`` |

Of a whole answer nothing leaves before its bill is on disk; of a stream, its end. A stream that the caller leaves, or
that is cut, is billed for what was produced. Failures before any work are not billed.
"""

import asyncio
import ipaddress
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qs

import orjson
from pydantic import ValidationError

from providers.simulated.answers import tokens_of
from providers.simulated.anthropic_wire import AnthropicWire
from providers.simulated.behaviour import Behaviour, Behaviours
from providers.simulated.bill import BillFile
from providers.simulated.draws import Draws
from providers.simulated.openai_embeddings import OpenAIEmbeddingsWire
from providers.simulated.openai_wire import OpenAIWire
from providers.simulated.outages import OutageOrder, Outages
from providers.simulated.plan import UNBILLED, Bill, Plan, SimulatedCall, bill_of, plan_call
from providers.simulated.wire import Answer, Headers, Refusal, Wire
from schemas.money import format_usd

MAX_BODY_BYTES = 8 * 1024 * 1024
_PIECE_S = 0.04
_MIN_PIECES = 8
_MAX_PIECES = 200
_WIRES: MappingProxyType[str, Wire] = MappingProxyType(
    {
        "/v1/chat/completions": OpenAIWire(),
        "/v1/embeddings": OpenAIEmbeddingsWire(),
        "/v1/messages": AnthropicWire(),
    }
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Connection(Protocol):
    """The caller's connection, as far as the simulator breaks it and notices that it broke."""

    def is_closing(self) -> bool:
        """Return whether the caller has gone."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Accepted:
    """A call that was understood, with its fate."""

    wire: Wire
    call: SimulatedCall
    behaviour: Behaviour
    draws: Draws
    plan: Plan
    attempt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One call in progress."""

    accepted: _Accepted
    call_id: str
    connection: Connection
    receive: Receive
    send: Send


class SimulatorApp:
    """The application. ``scale`` multiplies every waiting time; 0 answers at once."""

    def __init__(self, behaviours: Behaviours, bill: BillFile, scale: float = 1.0) -> None:
        self._behaviours = behaviours
        self._bill = bill
        self._scale = scale
        self._outages = Outages(time.monotonic)
        self._active: Counter[str] = Counter()
        self._count = 0
        self._salt = secrets.token_hex(4)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        path, method = scope["path"], scope["method"]
        wire = _WIRES.get(path)
        if wire is not None and method == "POST":
            await self._chat(wire, scope, receive, send)
        elif path == "/health":
            await _respond(send, _json(200, {"status": "ok", "simulated": True}))
        elif path == "/v1/models" and method == "GET":
            models = [{"id": name, "object": "model", "owned_by": "simulated"} for name in self._behaviours.models]
            await _respond(send, _json(200, {"object": "list", "data": models}))
        elif path == "/admin/outage":
            await _respond(send, await self._admin(method, scope, receive))
        else:
            await _respond(send, _json(404, {"error": {"message": "no such path", "code": "not_found"}}))

    async def _admin(self, method: str, scope: Scope, receive: Receive) -> Answer:
        if not _from_this_machine(scope):
            return _json(403, {"error": "the switches are for this machine only"})
        if method == "POST":
            body = await _read_body(receive)
            try:
                order = OutageOrder.model_validate_json(body or b"")
            except ValidationError as error:
                return _json(422, {"error": [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]})
            self._outages.start(order)
        elif method == "DELETE":
            wanted = parse_qs(scope["query_string"].decode("latin-1")).get("model")
            self._outages.clear(wanted[0] if wanted else None)
        elif method != "GET":
            return _json(405, {"error": "GET, POST or DELETE"})
        return _json(200, {"outages": self._outages.listed()})

    async def _chat(self, wire: Wire, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        headers: Headers = dict(scope["headers"])
        self._count += 1
        call_id = f"{self._salt}{self._count:x}"
        try:
            accepted = self._accept(wire, headers, body)
        except Refusal as refusal:
            await _respond(send, wire.refusal(refusal, call_id))
            return
        attempt = _Attempt(
            accepted=accepted,
            call_id=call_id,
            connection=scope["state"]["connection"],
            receive=receive,
            send=send,
        )
        model = accepted.call.model
        self._active[model] += 1
        try:
            await self._run(attempt)
        finally:
            self._active[model] -= 1

    def _accept(self, wire: Wire, headers: Headers, body: bytes | None) -> _Accepted:
        """Return the call with its fate, or raise ``Refusal``."""
        key = wire.key(headers)
        if key is None or key in self._behaviours.file.rejected_keys:
            raise Refusal(
                status=401, type="authentication_error", code="invalid_api_key", message="the key is not valid"
            )
        if body is None:
            raise Refusal(status=413, type="request_too_large", code="request_too_large", message="8 MiB at most")
        call = wire.read(headers, body)
        behaviour = self._behaviours.of(call.model).on(datetime.now(UTC).date())
        if call.input_tokens + call.max_output_tokens > behaviour.context_window:
            raise wire.too_long(call, behaviour.context_window)
        limit = behaviour.max_concurrency
        if limit is not None and self._active[call.model] >= limit:
            raise wire.failure("rate_limited")
        name = headers.get(b"x-pointsman-attempt")
        attempt = None if name is None else name.decode("latin-1")
        draws = Draws(self._behaviours.file.seed, body, attempt or "")
        plan = self._outages.apply(call.model, plan_call(call, behaviour, draws))
        return _Accepted(wire=wire, call=call, behaviour=behaviour, draws=draws, plan=plan, attempt=attempt)

    async def _run(self, attempt: _Attempt) -> None:
        plan = attempt.accepted.plan
        if plan.fate in UNBILLED:
            await self._fail(attempt)
        elif attempt.accepted.call.stream and plan.fate != "reset_after":
            await self._stream(attempt)
        else:
            await self._wait(plan.total_s)
            reset = plan.fate == "reset_after"
            await self._charge(attempt, plan.bill, "reset" if reset else "answered")
            if reset:
                await _abort(attempt.connection)
                return
            report = attempt.accepted.behaviour.report_cost
            body = attempt.accepted.wire.answer(attempt.accepted.call, plan, attempt.call_id, cost=report)
            await _respond(attempt.send, Answer(status=200, body=body, headers=_ids(attempt)))

    async def _fail(self, attempt: _Attempt) -> None:
        plan = attempt.accepted.plan
        if plan.fate == "hang":
            while (await attempt.receive())["type"] != "http.disconnect":
                pass
            return
        await self._wait(min(plan.ttft_s, 0.1))
        if plan.fate == "reset_before":
            await _abort(attempt.connection)
            return
        answer = attempt.accepted.wire.refusal(attempt.accepted.wire.failure(plan.fate), attempt.call_id)
        if plan.fate == "rate_limited":
            milliseconds = round(plan.retry_after_s * self._scale * 1000)
            hints = (
                (b"retry-after-ms", str(milliseconds).encode()),
                (b"retry-after", str(-(-milliseconds // 1000)).encode()),
            )
            answer = Answer(status=answer.status, body=answer.body, headers=(*answer.headers, *hints))
        await _respond(attempt.send, answer)

    async def _stream(self, attempt: _Attempt) -> None:
        """Send piece by piece; whatever ends it, what was produced is billed once."""
        plan, wire, call = attempt.accepted.plan, attempt.accepted.wire, attempt.accepted.call
        text = plan.text if plan.tool is None else plan.tool[1]
        last = len(text) if plan.fate == "answered" else int(len(text) * plan.produced_share)
        paced = min(int(4 * _PIECE_S / plan.seconds_per_token), len(text) // _MIN_PIECES)
        size = max(4, paced, -(-len(text) // _MAX_PIECES))
        produced, charged = 0, False
        try:
            await self._wait(plan.ttft_s)
            await _start(attempt.send, 200, (*_ids(attempt), (b"content-type", b"text/event-stream; charset=utf-8")))
            await _body(attempt.send, wire.opening(call, plan, attempt.call_id))
            while produced < last and not attempt.connection.is_closing():
                piece = text[produced : min(produced + size, last)]
                await _body(attempt.send, wire.piece(call, plan, attempt.call_id, piece))
                produced += len(piece)
                await self._wait(plan.seconds_per_token * len(piece) / 4)
            if attempt.connection.is_closing():
                return
            charged = True
            if plan.fate == "truncated":
                await self._charge(attempt, _so_far(attempt, text[:produced]), "truncated")
                await self._cut(attempt)
                return
            await self._charge(attempt, plan.bill, "answered")
            closing = wire.closing(call, plan, attempt.call_id, cost=attempt.accepted.behaviour.report_cost)
            await _body(attempt.send, closing, last=True)
        finally:
            if not charged:
                await self._charge(attempt, _so_far(attempt, text[:produced]), "disconnected")

    async def _cut(self, attempt: _Attempt) -> None:
        """End a stream early: half of them by closing the connection, half by an orderly end without its end marker."""
        if attempt.accepted.draws.uniform("how it is cut") < 0.5:
            await _abort(attempt.connection)
        else:
            await _body(attempt.send, b"", last=True)

    async def _charge(self, attempt: _Attempt, bill: Bill, outcome: str) -> None:
        plan = attempt.accepted.plan
        line = {
            "call": attempt.call_id,
            "attempt": attempt.accepted.attempt,
            "model": attempt.accepted.call.model,
            "format": attempt.accepted.wire.name,
            "task_type": attempt.accepted.call.task_type,
            "usage": {
                "input_tokens": bill.input_tokens,
                "cached_input_tokens": bill.cached_input_tokens,
                "output_tokens": bill.output_tokens,
                "reasoning_tokens": bill.reasoning_tokens,
            },
            "cost": format_usd(bill.cost),
            "outcome": outcome,
            "quality": plan.quality,
            "good": plan.good,
            "at": datetime.now(UTC).isoformat(),
        }
        await self._bill.commit(orjson.dumps(line))

    async def _wait(self, seconds: float) -> None:
        scaled = seconds * self._scale
        await asyncio.sleep(scaled if scaled > 0.0005 else 0)


def _so_far(attempt: _Attempt, text: str) -> Bill:
    hidden = attempt.accepted.plan.bill.reasoning_tokens
    return bill_of(
        attempt.accepted.call, attempt.accepted.behaviour, attempt.accepted.draws, hidden + tokens_of(text), hidden
    )


def _ids(attempt: _Attempt) -> tuple[tuple[bytes, bytes], ...]:
    name = b"request-id" if attempt.accepted.wire.name == "anthropic" else b"x-request-id"
    return ((name, attempt.call_id.encode()), (b"x-simulated", b"true"))


def _json(status: int, value: Any) -> Answer:
    return Answer(status=status, body=orjson.dumps(value))


async def _respond(send: Send, answer: Answer) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    await _start(send, answer.status, ((b"content-type", b"application/json"), length, *answer.headers))
    await _body(send, answer.body, last=True)


async def _start(send: Send, status: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def _body(send: Send, data: bytes, *, last: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": not last})


async def _abort(connection: Connection) -> None:
    """Close the connection and let the server notice, so that nothing is sent in place of an answer."""
    connection.abort()
    for _ in range(3):
        await asyncio.sleep(0)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, None when it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= MAX_BODY_BYTES else None


def _from_this_machine(scope: Scope) -> bool:
    """Return whether the caller is on this machine, and called it by a name of this machine (no DNS rebinding)."""
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].strip("[]")
    caller = scope["client"][0] if scope["client"] else ""
    return _is_loopback(caller) and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
