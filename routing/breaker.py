"""Circuit breakers, one per provider and model: outlier ejection for the executor (SPEC P5, P9). Time is an argument.

States: ``closed`` counts outcomes in a sliding window of two half-windows; ``open`` refuses until the cool-down ends;
``half_open`` lets one probe through, whose outcome closes the breaker or opens it for twice as long (bounded).
A rate limit refuses until the instant the provider named, whatever the state.
"""

from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "half_open", "open"]


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and for how long; times in milliseconds."""

    window_ms: int = 30_000
    minimum_calls: int = 10
    failure_rate: float = 0.5
    consecutive_failures: int = 5
    cool_down_ms: int = 5_000
    cool_down_max_ms: int = 60_000


@dataclass(slots=True)
class Breaker:
    """The state of one provider and model. ``blocked`` asks; ``started``, ``succeeded`` and ``failed`` tell."""

    policy: BreakerPolicy
    state: State = "closed"
    limited_until_ms: int = 0
    _open_until_ms: int = 0
    _cool_down_ms: int = 0
    _probing: bool = False
    _consecutive: int = 0
    _half_started_ms: int = 0
    _now: tuple[int, int] = (0, 0)
    _before: tuple[int, int] = (0, 0)

    def blocked(self, now_ms: int) -> bool:
        """Return whether a call should go elsewhere now."""
        if now_ms < self.limited_until_ms:
            return True
        if self.state == "closed":
            return False
        return now_ms < self._open_until_ms or self._probing

    def refresh(self, now_ms: int) -> None:
        """Show the end of the cool-down as ``half_open``, also when no call comes by."""
        if self.state == "open" and now_ms >= self._open_until_ms:
            self.state = "half_open"

    def started(self, now_ms: int) -> None:
        """A call goes out: after the cool-down it is the probe."""
        self.refresh(now_ms)
        if self.state == "half_open":
            self._probing = True

    def succeeded(self, now_ms: int) -> None:
        """A call was answered."""
        self._consecutive = 0
        if self.state == "half_open":
            self._close(now_ms)
        self._count(now_ms, failed=0)

    def failed(self, now_ms: int) -> None:
        """A call failed for a reason that lies with the provider."""
        self._consecutive += 1
        self._count(now_ms, failed=1)
        if self.state == "half_open":
            self._open(now_ms, min(self._cool_down_ms * 2, self.policy.cool_down_max_ms))
        elif self.state == "closed" and self._outlier():
            self._open(now_ms, self.policy.cool_down_ms)

    def abandoned(self) -> None:
        """A call ended without telling anything about the provider (cancelled, not sent): a probe may go again."""
        self._probing = False

    def rate_limited(self, until_ms: int) -> None:
        """The provider asked for silence until then; this is no failure of the provider."""
        self.limited_until_ms = max(self.limited_until_ms, until_ms)
        self._probing = False

    def error_rate(self) -> float:
        """Return failures / calls in the window, rounded to 9 decimals; 0 without calls."""
        calls = self._now[0] + self._before[0]
        return round((self._now[1] + self._before[1]) / calls, 9) if calls else 0.0

    def _outlier(self) -> bool:
        if self._consecutive >= self.policy.consecutive_failures:
            return True
        calls = self._now[0] + self._before[0]
        return calls >= self.policy.minimum_calls and self.error_rate() >= self.policy.failure_rate

    def _count(self, now_ms: int, *, failed: int) -> None:
        half = self.policy.window_ms // 2
        elapsed = now_ms - self._half_started_ms
        if elapsed >= half:
            self._before = self._now if elapsed < 2 * half else (0, 0)
            self._now = (0, 0)
            self._half_started_ms = now_ms
        self._now = (self._now[0] + 1, self._now[1] + failed)

    def _open(self, now_ms: int, cool_down_ms: int) -> None:
        self.state = "open"
        self._cool_down_ms = cool_down_ms
        self._open_until_ms = now_ms + cool_down_ms
        self._probing = False

    def _close(self, now_ms: int) -> None:
        self.state = "closed"
        self._probing = False
        self._consecutive = 0
        self._now = self._before = (0, 0)
        self._half_started_ms = now_ms
