from typing import Any

import pytest

from providers.errors import ProviderError
from tests.unit.providers.wire_samples import dialect_of, response

KEY = "sk-canary-7f3a9"
PROMPT = "the secret prompt"


def failure(
    dialect: str, status: int, body: bytes, headers: dict[str, str] | None = None, **config: Any
) -> ProviderError:
    return dialect_of(dialect, **config).parse_failure(response(body, status, headers))


OPENAI = '{{"error":{{"message":"{message}","type":"{type}","code":{code}}}}}'


def openai_body(type_: str = "made_up", code: str = "null") -> bytes:
    return OPENAI.format(message=f"{PROMPT} {KEY} quota rate limit", type=type_, code=code).encode()


def anthropic_body(type_: str, error_code: str | None = None) -> bytes:
    details = f',"details":{{"error_code":"{error_code}"}}' if error_code else ""
    return f'{{"type":"error","error":{{"type":"{type_}","message":"{PROMPT} quota"{details}}}}}'.encode()


@pytest.mark.parametrize(
    ("status", "body", "category", "billed", "retryable"),
    [
        (400, openai_body("invalid_request_error"), "invalid_request", "no", False),
        (400, openai_body("invalid_request_error", '"context_length_exceeded"'), "context_window", "no", False),
        (400, openai_body("invalid_request_error", '"content_policy_violation"'), "content_policy", "no", False),
        (401, openai_body("invalid_request_error", '"invalid_api_key"'), "authentication", "no", False),
        (401, b"<html>", "authentication", "no", False),
        (402, openai_body(code="402"), "quota_exhausted", "no", False),
        (403, b"", "authentication", "no", False),
        (404, openai_body("invalid_request_error", '"model_not_found"'), "not_found", "no", False),
        (408, b"", "timeout", "unknown", True),
        (413, b"", "invalid_request", "no", False),
        (422, b"{}", "invalid_request", "no", False),
        (429, openai_body("requests", '"rate_limit_exceeded"'), "rate_limited", "no", True),
        (429, openai_body("invalid_request_error"), "rate_limited", "no", True),
        (429, openai_body("insufficient_quota", '"insufficient_quota"'), "quota_exhausted", "no", False),
        (500, openai_body("server_error"), "server_error", "unknown", True),
        (502, b"bad gateway", "server_error", "unknown", True),
        (503, openai_body(code='"server_is_overloaded"'), "overloaded", "unknown", True),
        (504, b"", "timeout", "unknown", True),
        (524, b"", "timeout", "unknown", True),
        (529, b"", "overloaded", "unknown", True),
        (302, b"", "malformed_response", "unknown", False),
    ],
)
def test_openai_errors_are_grouped_by_code_and_status(
    status: int, body: bytes, category: str, billed: str, retryable: bool
) -> None:
    """Each status and code gives the error its caller acts on, and the bill that is proven (P4, P5)."""
    error = failure("openai", status, body)
    assert (error.category, error.billed, error.retryable, error.status) == (category, billed, retryable, status)


@pytest.mark.parametrize(
    ("status", "body", "category", "retryable"),
    [
        (400, anthropic_body("invalid_request_error"), "invalid_request", False),
        (401, anthropic_body("authentication_error"), "authentication", False),
        (402, anthropic_body("billing_error"), "quota_exhausted", False),
        (403, anthropic_body("permission_error"), "authentication", False),
        (404, anthropic_body("not_found_error"), "not_found", False),
        (413, anthropic_body("request_too_large"), "invalid_request", False),
        (429, anthropic_body("rate_limit_error"), "rate_limited", True),
        (429, anthropic_body("rate_limit_error", "ramp_limit_exceeded"), "rate_limited", True),
        (429, anthropic_body("rate_limit_error", "enforced_spend_limit_reached"), "quota_exhausted", False),
        (500, anthropic_body("api_error"), "server_error", True),
        (504, anthropic_body("timeout_error"), "timeout", True),
        (529, anthropic_body("overloaded_error"), "overloaded", True),
    ],
)
def test_anthropic_errors_are_grouped_by_code_and_status(
    status: int, body: bytes, category: str, retryable: bool
) -> None:
    """The details' code goes before the type, the type before the status (P4, P5)."""
    error = failure("anthropic", status, body)
    assert (error.category, error.retryable) == (category, retryable)


def test_no_credit_with_a_waiting_time_is_a_throttle() -> None:
    """402 with Retry-After means wait; without it, it means pay."""
    assert failure("openai", 402, openai_body(code="402"), {"retry-after": "3"}).category == "rate_limited"


def test_a_status_listed_as_unbilled_is_proof() -> None:
    """A 5xx is unknown unless the configuration lists it with its source (reliability invariant 7)."""
    listed = {529: "made-up source"}
    assert failure("anthropic", 529, b"", unbilled_statuses=listed).billed == "no"
    assert failure("anthropic", 500, b"", unbilled_statuses=listed).billed == "unknown"


def test_the_providers_word_on_retrying_is_heard_where_it_may_be() -> None:
    """x-should-retry turns retrying off always, and on only where repeating can make sense."""
    assert not failure("openai", 500, b"", {"x-should-retry": "false"}).retryable
    assert failure("openai", 409, b"", {"x-should-retry": "true"}).retryable
    assert not failure("openai", 401, b"", {"x-should-retry": "true"}).retryable


def test_errors_never_repeat_what_the_provider_wrote() -> None:
    """A provider that echoes prompt and key finds neither in the error (A3)."""
    code = f'"{PROMPT} {KEY}"'
    error = failure("openai", 400, openai_body(PROMPT, code), {"x-request-id": f"bad id {KEY}"})
    assert error.provider_error_code is None
    text = f"{error!s} {error!r} {error.facts} {error.__dict__}"
    assert KEY not in text
    assert PROMPT not in text
