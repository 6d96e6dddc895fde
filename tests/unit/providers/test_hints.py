import pytest

from providers.base import RateLimit
from providers.hints import rate_limit, retry_after_seconds, should_retry
from tests.unit.providers.wire_samples import RECEIVED_AT

DATE = {"date": "Fri, 20 Nov 2026 12:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"} | DATE, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"} | DATE, 0.0),
        ({"retry-after": "Friday, 20-Nov-26 12:00:30 GMT"} | DATE, 30.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "nan", "retry-after": "2"}, 2.0),
        ({}, None),
    ],
)
def test_waiting_times_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds go before seconds; HTTP dates are measured from the answer's own date; nonsense is no hint."""
    assert retry_after_seconds(headers, RECEIVED_AT) == seconds


def test_a_date_without_the_servers_date_is_measured_from_receipt() -> None:
    """Without a Date header the time of receipt counts."""
    assert retry_after_seconds({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, RECEIVED_AT) == 30.0


def test_the_explicit_word_on_retrying() -> None:
    """Only true and false are words."""
    assert should_retry({"x-should-retry": "TRUE"}) is True
    assert should_retry({"x-should-retry": "false"}) is False
    assert should_retry({"x-should-retry": "maybe"}) is None


def test_openai_rate_limits() -> None:
    """Limits, remainders and durations such as 6m0s are read (P5)."""
    headers = {
        "x-ratelimit-limit-requests": "500",
        "x-ratelimit-remaining-requests": "499",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-limit-tokens": "30000",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert rate_limit(headers, RECEIVED_AT) == RateLimit(
        requests_limit=500, requests_remaining=499, requests_reset_s=0.12, tokens_limit=30000, tokens_reset_s=360.0
    )


def test_anthropic_rate_limits() -> None:
    """Instants become seconds from receipt (P5)."""
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "2026-11-20T12:00:20Z",
    }
    found = rate_limit(headers, RECEIVED_AT)
    assert found == RateLimit(requests_limit=50, requests_remaining=0, requests_reset_s=20.0)


def test_no_headers_no_limits() -> None:
    """An answer without such headers says nothing."""
    assert rate_limit({}, RECEIVED_AT) is None
