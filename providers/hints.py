"""Retry hints and rate limits from response headers. Pure: the time of receipt is an argument.

Headers: ``retry-after-ms`` (milliseconds), ``retry-after`` (seconds or an HTTP date), ``x-should-retry``,
``x-ratelimit-{limit,remaining,reset}-{requests,tokens}`` (reset like ``6m0s``) and
``anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`` (reset in RFC 3339).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from providers.base import RateLimit

_DURATION = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$")
_DECIMAL = re.compile(r"^\d{1,9}(\.\d{1,9})?$")
_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-generation-id")
_SAFE_TOKEN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$")


def retry_after_seconds(headers: Mapping[str, str], received_at: float) -> float | None:
    """Return the least number of seconds to wait, or None when no valid hint was given."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    when = _http_date(value)
    if when is None:
        return None
    now = _http_date(headers.get("date", "")) or datetime.fromtimestamp(received_at, UTC)
    return max(0.0, (when - now).total_seconds())


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """Return the provider's explicit word on retrying, if it gave one."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the provider's id of the request, when it is a plain token."""
    return next((value for name in _REQUEST_ID_HEADERS if (value := safe_token(headers.get(name)))), None)


def safe_token(value: object) -> str | None:
    """Return ``value`` when it is a short identifier without spaces; free text (it may echo a prompt) gives None."""
    return value if isinstance(value, str) and _SAFE_TOKEN.match(value) else None


def rate_limit(headers: Mapping[str, str], received_at: float) -> RateLimit | None:
    """Return the rate limit state, or None when no such header was sent."""
    if "anthropic-ratelimit-requests-limit" in headers or "anthropic-ratelimit-tokens-limit" in headers:
        return RateLimit(
            requests_limit=_whole(headers.get("anthropic-ratelimit-requests-limit")),
            requests_remaining=_whole(headers.get("anthropic-ratelimit-requests-remaining")),
            requests_reset_s=_until(headers.get("anthropic-ratelimit-requests-reset"), received_at),
            tokens_limit=_whole(headers.get("anthropic-ratelimit-tokens-limit")),
            tokens_remaining=_whole(headers.get("anthropic-ratelimit-tokens-remaining")),
            tokens_reset_s=_until(headers.get("anthropic-ratelimit-tokens-reset"), received_at),
        )
    if "x-ratelimit-limit-requests" in headers or "x-ratelimit-limit-tokens" in headers:
        return RateLimit(
            requests_limit=_whole(headers.get("x-ratelimit-limit-requests")),
            requests_remaining=_whole(headers.get("x-ratelimit-remaining-requests")),
            requests_reset_s=_duration(headers.get("x-ratelimit-reset-requests")),
            tokens_limit=_whole(headers.get("x-ratelimit-limit-tokens")),
            tokens_remaining=_whole(headers.get("x-ratelimit-remaining-tokens")),
            tokens_reset_s=_duration(headers.get("x-ratelimit-reset-tokens")),
        )
    return None


def _number(value: str | None) -> float | None:
    """Return a plain non-negative decimal; ``inf``, ``nan``, signs and exponents are no waiting times."""
    stripped = (value or "").strip()
    return float(stripped) if _DECIMAL.match(stripped) else None


def _whole(value: str | None) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _duration(value: str | None) -> float | None:
    match = _DURATION.match((value or "").strip())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds, milliseconds = (float(group or 0) for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _until(value: str | None, received_at: float) -> float | None:
    try:
        instant = datetime.fromisoformat((value or "").strip())
    except ValueError:
        return None
    if instant.tzinfo is None:
        return None
    return max(0.0, instant.timestamp() - received_at)


def _http_date(value: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
