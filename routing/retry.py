"""What follows a failed attempt that was not billed: the model again, the next of the chain, or the end (SPEC P4, P5).

Pure: the policy is data, jitter and time are arguments. Only attempts **proven unbilled** come here; after a billed
failure or an unknown outcome the router decides (DESIGN 7).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from schemas.decision import AttemptPlan

Order = Literal["retry_first", "reroute_first", "reroute_only", "leave_provider", "stop"]
Blocked = Callable[[str, str, int], bool]
"""``(provider, model, now_ms)`` -> whether its breaker is open or its rate limit is in force."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before the n-th retry of one model: base * 2**(n-1) or base * n, capped; the upper half is jitter."""

    kind: Literal["exponential", "linear"] = "exponential"
    base_ms: int = 200
    max_ms: int = 5_000

    def delay_ms(self, retry: int, jitter: float) -> int:
        """Return milliseconds to wait before retry ``retry`` (1, 2, ...); ``jitter`` in [0, 1)."""
        full = self.base_ms * (2 ** min(retry - 1, 20) if self.kind == "exponential" else retry)
        full = min(full, self.max_ms)
        return full // 2 + int((full - full // 2) * jitter)


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What to do after failures of one category.

    ``retry_first``: the same model up to ``retries`` times, then the next; ``reroute_first``: the next model at once,
    the same one again only when none is left; ``reroute_only``: never this model again; ``leave_provider``: none of
    its provider's models; ``stop``: no further attempt.
    """

    order: Order
    retries: int = 0


_DEFAULT_RULES: Mapping[str, ErrorRule] = {
    "connect": ErrorRule("retry_first", 1),
    "server_error": ErrorRule("retry_first", 1),
    "overloaded": ErrorRule("reroute_first", 1),
    "rate_limited": ErrorRule("reroute_first", 1),
    "timeout": ErrorRule("reroute_first", 1),
    "not_sent": ErrorRule("reroute_first", 1),
    "authentication": ErrorRule("leave_provider"),
    "quota_exhausted": ErrorRule("leave_provider"),
    "not_found": ErrorRule("reroute_only"),
    "context_window": ErrorRule("reroute_only"),
    "invalid_request": ErrorRule("reroute_only"),
    "content_policy": ErrorRule("stop"),
    "adapter_bug": ErrorRule("reroute_only"),
}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts per decision, backoff, and one rule per error category of ``providers.errors``."""

    max_attempts: int = 3
    backoff: Backoff = Backoff()
    rules: Mapping[str, ErrorRule] = field(default_factory=lambda: _DEFAULT_RULES)
    otherwise: ErrorRule = ErrorRule("reroute_only")

    def rule(self, category: str) -> ErrorRule:
        """Return the rule of a category."""
        return self.rules.get(category, self.otherwise)


@dataclass(frozen=True, slots=True)
class Tried:
    """A closed, unbilled attempt of the decision; ``again_ms``: the provider asked to wait until then at least."""

    model: str
    provider: str
    category: str
    ended_ms: int
    again_ms: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """The next attempt: what to call, and not before when (Unix ms)."""

    plan: AttemptPlan
    not_before_ms: int


def next_step(
    policy: RetryPolicy,
    chain: Sequence[AttemptPlan],
    tried: Sequence[Tried],
    deadline_ms: int,
    jitter: float,
    *,
    now_ms: int,
    blocked: Blocked,
) -> Step | None:
    """Return the next attempt of a decision, or None when none can follow before its deadline.

    A model whose breaker is open is passed over, unless every model left is: then the breakers are ignored.
    """
    rule = policy.rule(tried[-1].category) if tried else None
    if len(tried) >= policy.max_attempts or (rule is not None and rule.order == "stop"):
        return None
    again = _again(policy, chain, tried, deadline_ms, jitter, blocked=blocked)
    if rule is not None and rule.order == "retry_first" and again is not None and again.plan.model == tried[-1].model:
        return again
    barred = {attempt.provider for attempt in tried if policy.rule(attempt.category).order == "leave_provider"}
    used = {attempt.model for attempt in tried}
    fresh = [plan for plan in chain if plan.model not in used and plan.provider not in barred]
    plan = _unblocked(fresh, now_ms, blocked)
    if plan is None and again is None and fresh:
        plan = fresh[0]
    return again if plan is None else Step(plan, now_ms)


def _unblocked(plans: Sequence[AttemptPlan], now_ms: int, blocked: Blocked) -> AttemptPlan | None:
    return next((plan for plan in plans if not blocked(plan.provider, plan.model, now_ms)), None)


def _again(
    policy: RetryPolicy,
    chain: Sequence[AttemptPlan],
    tried: Sequence[Tried],
    deadline_ms: int,
    jitter: float,
    *,
    blocked: Blocked,
) -> Step | None:
    """Return the earliest allowed repetition of a model tried before, the last one first among equals."""
    best: Step | None = None
    plans = {plan.model: plan for plan in chain}
    for model in dict.fromkeys(attempt.model for attempt in reversed(tried)):
        own = [attempt for attempt in tried if attempt.model == model]
        rule = policy.rule(own[-1].category)
        plan = plans.get(model)
        if plan is None or rule.order not in ("retry_first", "reroute_first") or len(own) > rule.retries:
            continue
        start = max(own[-1].ended_ms + policy.backoff.delay_ms(len(own), jitter), own[-1].again_ms)
        if (
            start < deadline_ms
            and not blocked(plan.provider, model, start)
            and (best is None or start < best.not_before_ms)
        ):
            best = Step(plan, start)
    return best
