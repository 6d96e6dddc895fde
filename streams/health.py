"""What this executor sees of each provider and model: breakers, and rows of ``provider-health`` when they change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from routing.breaker import Breaker, BreakerPolicy, State
from routing.dispatch_actions import Answered, Completion
from schemas import topics as t
from schemas.envelope import at_ms
from schemas.provider_call import ProviderHealth
from schemas.record import Output

FAULTS: Final = frozenset(
    {"server_error", "overloaded", "timeout", "connection_lost", "connect", "incomplete_stream", "malformed_response"}
)
"""Error categories that lie with the provider."""
_LIMIT_WITHOUT_HINT_MS: Final = 1_000


@dataclass(slots=True)
class _Seen:
    breaker: Breaker
    state: State = "closed"
    limited_until_ms: int = 0


class Health:
    """Breakers by (provider, model). ``write`` takes the rows to publish; their versions always rise."""

    def __init__(self, instance: str, write: Callable[[Output], None], policy: BreakerPolicy | None = None) -> None:
        self._instance = instance
        self._write = write
        self._policy = policy or BreakerPolicy()
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._version = 0

    def blocked(self, provider: str, model: str, now_ms: int) -> bool:
        """Return whether calls to this model should go elsewhere now."""
        seen = self._seen.get((provider, model))
        return seen is not None and seen.breaker.blocked(now_ms)

    def started(self, provider: str, model: str, now_ms: int) -> None:
        """Take note of a call that goes out."""
        self._of(provider, model).breaker.started(now_ms)

    def ended(self, provider: str, model: str, end: Completion, now_ms: int) -> None:
        """Take note of how a call ended, and publish what changed."""
        breaker = self._of(provider, model).breaker
        if isinstance(end, Answered):
            breaker.succeeded(now_ms)
        elif end.category == "rate_limited":
            breaker.rate_limited(now_ms + (end.retry_after_ms or _LIMIT_WITHOUT_HINT_MS))
        elif end.category in FAULTS:
            breaker.failed(now_ms)
        else:
            breaker.abandoned()
        self._publish_changes(provider, model, now_ms)

    def tick(self, now_ms: int) -> None:
        """Publish cool-downs that have ended: routers that avoid an open model learn that it may be tried."""
        for (provider, model), seen in self._seen.items():
            if seen.state == "open":
                seen.breaker.refresh(now_ms)
                self._publish_changes(provider, model, now_ms)

    def reset(self, row: ProviderHealth, now_ms: int) -> None:
        """Replace a row that an earlier incarnation of this instance left behind."""
        self._version = max(self._version, row.version)
        if row.state != "closed":
            self._publish(row.provider, row.model, self._of(row.provider, row.model), now_ms)

    def _of(self, provider: str, model: str) -> _Seen:
        seen = self._seen.get((provider, model))
        if seen is None:
            seen = self._seen[provider, model] = _Seen(Breaker(self._policy))
        return seen

    def _publish_changes(self, provider: str, model: str, now_ms: int) -> None:
        seen = self._seen[provider, model]
        if seen.state != seen.breaker.state or seen.limited_until_ms != seen.breaker.limited_until_ms:
            self._publish(provider, model, seen, now_ms)

    def _publish(self, provider: str, model: str, seen: _Seen, now_ms: int) -> None:
        seen.state = seen.breaker.state
        seen.limited_until_ms = seen.breaker.limited_until_ms
        self._version = max(self._version + 1, now_ms)
        limited = seen.limited_until_ms
        row = ProviderHealth(
            provider=provider,
            model=model,
            instance=self._instance,
            version=self._version,
            state=seen.state,
            error_rate=seen.breaker.error_rate(),
            rate_limited_until=at_ms(limited) if limited > now_ms else None,
            updated_at=at_ms(now_ms),
        )
        key = f"{provider}|{model}|{row.region}|{self._instance}"
        self._write(Output(t.PROVIDER_HEALTH, key, row.model_dump_json(exclude_none=True).encode(), (), 0))
