"""Failures of one attempt, grouped by what the caller must do.

::

    ProviderError
    ├── NotSentError            proven: the provider received nothing     -> pass the hold on, try the next model
    │   └── ConnectError            DNS, TCP, TLS
    ├── RejectedError           refused before any work, not billed       -> repeating it here is useless
    │   ├── AuthenticationError     key or permission: fix the config, alert
    │   ├── NotFoundError           model or path unknown: fix the catalog
    │   ├── ContextWindowError      too long: choose a larger window
    │   ├── ContentPolicyError      refused by moderation
    │   └── InvalidRequestError     anything else wrong with the request
    ├── RateLimitedError        too fast                                  -> wait at least ``retry_after``, or reroute
    ├── QuotaExhaustedError     no credit left                            -> never retry; reroute, alert
    ├── ServerError             5xx: outcome UNKNOWN unless the status is listed as unbilled
    │   └── OverloadedError         503, 529
    ├── LostError               sent, no answer: outcome UNKNOWN          -> the router charges the hold
    │   ├── TimedOutError           first token, silence, deadline, 408, 504, 524
    │   └── ConnectionLostError     reset or closed after sending
    ├── IncompleteStreamError   ended without its end marker: UNKNOWN, ``partial`` holds what came
    ├── MalformedResponseError  an answer we cannot read: UNKNOWN         -> never retry
    ├── AdapterBugError         our own fault                             -> never retry; report
    └── CallCancelledError      the caller asked for it

``billed`` is the only field money may be decided on: ``no`` is proof, ``unknown`` must be treated as billed up to the
hold. ``retryable`` says that the same request may succeed later; it says nothing about money.

A message is written by us alone, from closed sets and short codes: what a provider wrote (it may echo keys or prompts)
is never part of it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from providers.base import Partial, RateLimit

Billed = Literal["no", "unknown", "yes"]
Category = Literal[
    "connect",
    "not_sent",
    "authentication",
    "not_found",
    "context_window",
    "content_policy",
    "invalid_request",
    "rate_limited",
    "quota_exhausted",
    "server_error",
    "overloaded",
    "timeout",
    "connection_lost",
    "incomplete_stream",
    "malformed_response",
    "adapter_bug",
    "cancelled",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the provider's answer tells about a failure; ``retry_after`` in seconds, a minimum."""

    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None
    in_stream: bool = False
    provider_request_id: str | None = None
    rate_limit: RateLimit | None = None


_NOTHING = Facts()


class ProviderError(Exception):
    """A failed attempt; see the module for the tree."""

    category: ClassVar[Category]
    default_billed: ClassVar[Billed] = "unknown"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self, detail: str, *, billed: Billed | None = None, facts: Facts = _NOTHING, partial: Partial | None = None
    ) -> None:
        super().__init__(f"{self.category}: {detail}")
        self.detail = detail
        self.billed: Billed = self.default_billed if billed is None else billed
        self.facts = facts
        self.partial = partial

    @property
    def status(self) -> int | None:
        """HTTP status, inside a stream the status the provider uses outside one."""
        return self.facts.status

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait at least, as the provider said."""
        return self.facts.retry_after

    @property
    def provider_error_code(self) -> str | None:
        """The provider's structured code, when it is a harmless short token."""
        return self.facts.code

    @property
    def in_stream(self) -> bool:
        """True when the failure came inside a stream that had begun with status 200."""
        return self.facts.in_stream

    @property
    def retryable(self) -> bool:
        """True when the same request may succeed here later; the provider's own word goes first where it may."""
        if self.facts.should_retry is False:
            return False
        return self.default_retryable or bool(self.facts.should_retry and self.may_be_retried_on_request)

    may_be_retried_on_request: ClassVar[bool] = True
    """Whether ``x-should-retry: true`` can make it retryable."""


class NotSentError(ProviderError):
    """The request did not leave: deadline or cancellation before sending."""

    category: ClassVar[Category] = "not_sent"
    default_billed = "no"


class ConnectError(NotSentError):
    """No connection: name resolution, TCP or TLS failed."""

    category = "connect"
    default_retryable = True


class RejectedError(ProviderError):
    """The provider refused the request as it is."""

    default_billed = "no"


class AuthenticationError(RejectedError):
    """The key is wrong, revoked, or may not do this."""

    category = "authentication"
    may_be_retried_on_request = False


class NotFoundError(RejectedError):
    """No such model or path."""

    category = "not_found"
    may_be_retried_on_request = False


class ContextWindowError(RejectedError):
    """The prompt is longer than the model's window."""

    category = "context_window"
    may_be_retried_on_request = False


class ContentPolicyError(RejectedError):
    """The provider's moderation refused the prompt."""

    category = "content_policy"
    may_be_retried_on_request = False


class InvalidRequestError(RejectedError):
    """Any other fault of the request."""

    category = "invalid_request"


class RateLimitedError(ProviderError):
    """Too many requests or tokens in a short time."""

    category = "rate_limited"
    default_billed = "no"
    default_retryable = True


class QuotaExhaustedError(ProviderError):
    """Credit, plan or spending limit used up."""

    category = "quota_exhausted"
    default_billed = "no"
    may_be_retried_on_request = False


class ServerError(ProviderError):
    """The provider failed while handling the request."""

    category: ClassVar[Category] = "server_error"
    default_retryable = True


class OverloadedError(ServerError):
    """The provider is out of capacity."""

    category = "overloaded"


class LostError(ProviderError):
    """The request was sent and its outcome is not known."""

    default_retryable = True


class TimedOutError(LostError):
    """No answer in time."""

    category = "timeout"


class ConnectionLostError(LostError):
    """The connection broke after sending had begun."""

    category = "connection_lost"


class IncompleteStreamError(ProviderError):
    """The stream ended without its end marker."""

    category = "incomplete_stream"
    default_retryable = True


class MalformedResponseError(ProviderError):
    """An answer that does not have the shape of its dialect."""

    category = "malformed_response"
    may_be_retried_on_request = False


class AdapterBugError(ProviderError):
    """A fault of the adapter itself."""

    category = "adapter_bug"
    may_be_retried_on_request = False


class CallCancelledError(ProviderError):
    """Cancelled by the caller after sending had begun; before that it is ``NotSentError``."""

    category = "cancelled"
    may_be_retried_on_request = False
