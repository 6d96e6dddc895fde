"""Reading what a provider sent: JSON whose shape is not ours to trust."""

from collections.abc import Mapping
from typing import Any, cast

import orjson

from providers.errors import Facts, MalformedResponseError, ProviderError
from providers.failures import ErrorBody
from providers.hints import rate_limit, request_id, retry_after_seconds, safe_token, should_retry
from providers.transport import HttpResponse
from schemas.usage import MAX_COUNT

Object = Mapping[str, Any]
EMPTY: Object = {}


def json_object(data: bytes | str) -> Object | None:
    """Return the JSON object, or None when it is none; NaN, infinities and deep nesting are refused."""
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return as_object(value)


def as_object(value: Any) -> Object | None:
    """Return a JSON object as a mapping, anything else as None."""
    return cast("Object", value) if isinstance(value, dict) else None


def objects(value: Any) -> list[Object]:
    """Return the objects of a JSON array; everything else in it is passed over."""
    if not isinstance(value, list):
        return []
    items: list[Any] = value
    return [item for item in map(as_object, items) if item is not None]


def text(value: Any) -> str:
    """Return a string as it is, anything else as the empty string."""
    return value if isinstance(value, str) else ""


def optional_text(value: Any) -> str | None:
    """Return a string that is not empty, anything else as None."""
    return value if isinstance(value, str) and value else None


def whole(value: Any) -> int | None:
    """Return a whole number from 0 to ``MAX_COUNT``, anything else as None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT else None


def tokens(*values: Any) -> tuple[str, ...]:
    """Return those values that are harmless short identifiers, numbers left out."""
    return tuple(token for value in values if (token := safe_token(value)) and not token.isdecimal())


def facts_of(response: HttpResponse) -> Facts:
    """Return what status and headers tell about a failure."""
    headers = response.headers
    return Facts(
        status=response.status,
        retry_after=retry_after_seconds(headers, response.received_at),
        should_retry=should_retry(headers),
        provider_request_id=request_id(headers),
        rate_limit=rate_limit(headers, response.received_at),
    )


def error_body(error: Object | None, *codes: Any) -> ErrorBody:
    """Return the structured part of an error object, given its codes from the most to the least specific."""
    status = whole((error or EMPTY).get("code"))
    return ErrorBody(codes=tokens(*codes), status=status if status is not None and 400 <= status <= 599 else None)


def malformed(detail: str, head: HttpResponse, *, in_stream: bool = False) -> ProviderError:
    """Return the error of an answer that does not have the shape of its dialect."""
    facts = facts_of(head)
    return MalformedResponseError(
        detail, facts=Facts(status=facts.status, provider_request_id=facts.provider_request_id, in_stream=in_stream)
    )
