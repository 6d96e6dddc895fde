"""Recorded-shape fixtures (own text) and what is needed to parse them without a network."""

from pathlib import Path
from typing import Any

from providers.adapter import Dialect, StreamParser
from providers.base import ChatRequest, Message, StreamEvent
from providers.endpoint import EndpointConfig
from providers.registry import DIALECTS
from providers.transport import HttpResponse

DATA = Path(__file__).resolve().parents[2] / "data" / "providers"
HEADERS = {"x-request-id": "req_1", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}
RECEIVED_AT = 1_795_176_000.0

WHOLE = sorted(
    f"{path.parent.name}/{path.stem}" for path in DATA.glob("*/*.sse") if not path.stem.startswith("broken_")
)
BROKEN = sorted(f"{path.parent.name}/{path.stem}" for path in DATA.glob("*/broken_*.sse"))


def endpoint(dialect: str = "openai", **fields: Any) -> EndpointConfig:
    return EndpointConfig.model_validate(
        {"name": "made-up", "dialect": dialect, "base_url": "https://api.example.com/v1", **fields}
    )


def dialect_of(name: str, **fields: Any) -> Dialect:
    kind = name.split("/", maxsplit=1)[0]
    return DIALECTS[kind](endpoint(kind, **fields))


def fixture(name: str) -> bytes:
    return (DATA / name).read_bytes()


def response(body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status=status, headers=HEADERS | (headers or {}), body=body, received_at=RECEIVED_AT)


def chat_request(**fields: Any) -> ChatRequest:
    base: dict[str, Any] = {
        "provider_model": "made-up-model",
        "messages": (Message(role="user", content="hello"),),
        "max_output_tokens": 100,
    }
    return ChatRequest(**{**base, **fields})


def parse_stream(name: str, pieces: list[bytes], **fields: Any) -> tuple[list[StreamEvent], StreamParser]:
    parser = dialect_of(name, **fields).stream_parser(response(), "made-up-model")
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [*events, *parser.close()], parser
