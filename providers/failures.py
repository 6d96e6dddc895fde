"""From an error answer to one error of ``providers.errors``: by structured code and status, never by message text.

Message texts change, and per-minute throttles mention "quota". The code says **what** failed; the status says whether
it was billed: 4xx is refused before any work (408 is a timeout and proves nothing), 5xx is unknown unless the catalog
lists the status as unbilled, and inside a stream nothing is proven by a status that was never sent.
"""

from dataclasses import dataclass, replace

from providers import errors
from providers.endpoint import EndpointConfig
from providers.errors import Billed, Facts, ProviderError

_BY_CODE: dict[str, type[ProviderError]] = {
    code: kind
    for kind, codes in (
        (
            errors.QuotaExhaustedError,
            (
                "insufficient_quota",
                "credit_balance_exhausted",
                "organization_spend_limit_exceeded",
                "billing_hard_limit_reached",
                "enforced_spend_limit_reached",
                "contract_spend_limit_reached",
                "quota_exceeded",
                "billing_error",
                "payment_required",
            ),
        ),
        (
            errors.RateLimitedError,
            (
                "rate_limit_exceeded",
                "rate_limit_error",
                "slow_down",
                "ramp_limit_exceeded",
                "openrouter_in_flight_budget",
                "too_many_requests",
                "throttling_error",
            ),
        ),
        (
            errors.ContextWindowError,
            (
                "context_length_exceeded",
                "context_window_exceeded",
                "exceed_context_size_error",
                "model_context_window_exceeded",
            ),
        ),
        (
            errors.ContentPolicyError,
            ("content_policy_violation", "content_filter", "moderation_blocked", "content_moderation"),
        ),
        (errors.AuthenticationError, ("invalid_api_key", "authentication_error", "permission_error", "unauthorized")),
        (errors.NotFoundError, ("model_not_found", "not_found_error", "not_found")),
        (errors.InvalidRequestError, ("invalid_request_error", "request_too_large", "invalid_request")),
        (
            errors.OverloadedError,
            (
                "overloaded_error",
                "server_is_overloaded",
                "engine_overloaded",
                "provider_overloaded",
                "provider_unavailable",
            ),
        ),
        (errors.TimedOutError, ("timeout_error", "timeout", "request_timeout")),
        (errors.ServerError, ("api_error", "server_error", "internal_error", "internal_server_error")),
    )
    for code in codes
}

_BY_STATUS: dict[int, type[ProviderError]] = {
    401: errors.AuthenticationError,
    402: errors.QuotaExhaustedError,
    403: errors.AuthenticationError,
    404: errors.NotFoundError,
    408: errors.TimedOutError,
    429: errors.RateLimitedError,
    498: errors.RateLimitedError,
    503: errors.OverloadedError,
    504: errors.TimedOutError,
    524: errors.TimedOutError,
    529: errors.OverloadedError,
}

_FAMILIES = (errors.InvalidRequestError, errors.ServerError)

_STATUS_OF: dict[type[ProviderError], int] = {
    errors.AuthenticationError: 401,
    errors.QuotaExhaustedError: 402,
    errors.NotFoundError: 404,
    errors.InvalidRequestError: 400,
    errors.ContextWindowError: 400,
    errors.ContentPolicyError: 400,
    errors.RateLimitedError: 429,
    errors.ServerError: 500,
    errors.OverloadedError: 503,
    errors.TimedOutError: 504,
}


_STATUS_OF_CODE = {"overloaded_error": 529, "provider_overloaded": 529}
"""Codes whose status differs from that of their group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The structured part of an error answer: harmless codes, the most specific first."""

    codes: tuple[str, ...] = ()
    status: int | None = None
    """A status named inside a stream's error event."""


def error_of_answer(body: ErrorBody, facts: Facts, endpoint: EndpointConfig) -> ProviderError:
    """Return the error of an answer whose status is not 200; ``facts.status`` is that status."""
    status = facts.status or 0
    kind = _kind(body.codes, status, has_retry_after=facts.retry_after is not None)
    stated = replace(facts, code=next(iter(body.codes), None))
    return kind(f"status {status}", billed=_billed(status, endpoint), facts=stated)


def error_in_stream(body: ErrorBody, facts: Facts, endpoint: EndpointConfig, *, produced: bool) -> ProviderError:
    """Return the error of an event inside a stream that began with 200; ``produced``: content had already come."""
    known = next((_BY_CODE[code] for code in body.codes if code in _BY_CODE), None)
    kind = known or _kind((), body.status or 500, has_retry_after=False)
    by_code = next((_STATUS_OF_CODE[code] for code in body.codes if code in _STATUS_OF_CODE), None)
    status = body.status or by_code or _STATUS_OF.get(kind, 500)
    unbilled = not produced and any(code in endpoint.unbilled_stream_codes for code in body.codes)
    stated = replace(facts, status=status, code=next(iter(body.codes), None), in_stream=True)
    return kind(f"inside the stream, as status {status}", billed="no" if unbilled else "unknown", facts=stated)


def _kind(codes: tuple[str, ...], status: int, *, has_retry_after: bool) -> type[ProviderError]:
    if status == 402 and has_retry_after:
        return errors.RateLimitedError
    for code in codes:
        kind = _BY_CODE.get(code)
        if kind in _FAMILIES and status in _BY_STATUS:
            continue  # "invalid_request_error" and "api_error" are also family names: the status says more
        if kind is not None:
            return kind
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return errors.InvalidRequestError
    return errors.ServerError if status >= 500 else errors.MalformedResponseError


def _billed(status: int, endpoint: EndpointConfig) -> Billed:
    if status in endpoint.unbilled_statuses:
        return "no"
    return "no" if 400 <= status < 500 and status not in (408, 499) else "unknown"
