"""What both wire formats of the simulator have in common: their protocol, and how requests are counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from providers.simulated.answers import tokens_of
from providers.simulated.plan import Bill, Fate, Plan, SimulatedCall, Tool

Headers = Mapping[bytes, bytes]
_IMAGE_TOKENS = 800


@dataclass(eq=False, kw_only=True)
class Refusal(Exception):  # noqa: N818  (an answer of the provider, not a fault of the simulator)
    """A request that is answered with an error. ``code`` is the format's own."""

    status: int
    type: str
    code: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Wire(Protocol):
    """One wire format."""

    name: str

    def key(self, headers: Headers) -> str | None:
        """Return the caller's key, if there is one."""
        ...

    def read(self, headers: Headers, body: bytes) -> SimulatedCall:
        """Return the call, or raise ``Refusal``."""
        ...

    def refusal(self, refusal: Refusal, call_id: str) -> Answer:
        """Return the error answer."""
        ...

    def failure(self, fate: Fate) -> Refusal:
        """Return the error of an attempt that fails before any work."""
        ...

    def too_long(self, call: SimulatedCall, window: int) -> Refusal:
        """Return the error of a prompt above the model's window."""
        ...

    def answer(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:
        """Return the whole answer."""
        ...

    def opening(self, call: SimulatedCall, plan: Plan, call_id: str) -> bytes:
        """Return the first events of a stream."""
        ...

    def piece(self, call: SimulatedCall, plan: Plan, call_id: str, text: str) -> bytes:
        """Return the event of one piece of the text, or of the tool call's arguments."""
        ...

    def closing(self, call: SimulatedCall, plan: Plan, call_id: str, *, cost: bool) -> bytes:
        """Return the last events of a stream: finish reason, usage, end marker."""
        ...


def read_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body, or None."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def bearer(headers: Headers) -> str | None:
    """Return the bearer token, if there is one."""
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def content_tokens(content: Any) -> int:
    """Return the tokens of a message's content: text, or a list of parts."""
    if isinstance(content, str):
        return tokens_of(content)
    if not isinstance(content, list):
        return 0
    return sum(_part_tokens(part) for part in content)


def _part_tokens(part: Any) -> int:
    if not isinstance(part, dict):
        return 0
    if part.get("type") in ("image", "image_url"):
        return _IMAGE_TOKENS
    text = part.get("text", part.get("content", part.get("thinking", "")))
    nested = part.get("input")
    return content_tokens(text) + (tokens_of(orjson.dumps(nested).decode()) if nested else 0)


def tool_tokens(tools: Iterable[Tool]) -> int:
    """Return the tokens that tool definitions cost."""
    return sum(tokens_of(tool.name + orjson.dumps(tool.parameters).decode()) for tool in tools)


def bounded_tokens(value: Any) -> int | None:
    """Return a bound on output tokens, None when it is not a whole number above zero."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def event(data: Any, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


def dollars(bill: Bill) -> float:
    """Return the cost in dollars: below a thousand dollars the shortest decimal of it is exact."""
    return bill.cost / 10**12
