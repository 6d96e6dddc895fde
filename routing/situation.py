"""The numbers of one request that every candidate is measured against, computed once per decision."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from routing.pricing import NOTHING_ELSE, Quantity
from routing.reason_codes import VetoRule
from routing.score import Weights, pace_of, paced, scaled
from routing.tenant_policy import TenantPolicy
from schemas.classification import TaskDescriptor
from schemas.decision import View, WindowLine
from schemas.request import RequestFacts

OPEN: Final = "open"
"""Health of a provider whose breaker lets no call through."""
_NO_LIMIT: Final = 1 << 62
_LEAST_CACHED: Final = 1024
"""Tokens; providers cache no shorter prompts."""
_BYTES_PER_AUDIO_SECOND: Final = 1000
"""8 kbit/s, the slowest speech codec in use: no recording of a size lasts longer."""


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Request, task, view and policy, with the limits that follow from them. Money in pico-dollars, times in ms."""

    facts: RequestFacts
    task: TaskDescriptor
    view: View
    policy: TenantPolicy
    now: datetime
    input_tokens: int
    output_tokens: int
    input_bound: int
    max_output: int
    likely: Quantity
    most: Quantity
    headroom: int
    """Largest bound that fits every budget window."""
    window_rule: str
    """The rule that bars when the headroom does not suffice."""
    max_cost: int
    per_request: int
    max_latency: int
    latency_source: str
    min_quality: float
    quality_source: str
    job: str | None
    warm_tokens: int
    """Input tokens that the conversation's provider has cached; 0 where it would not cache so few."""
    profile: str | None
    """The capability profile that counts."""
    weights: Weights
    """Of the five terms, for this decision."""
    sensitive: bool
    """Flagged by the caller, or found by what the tenant looks for."""
    needs_care: bool
    """Whether more than context window and quality may bar models: tools, pictures, sensitivity, job, exclusions."""


def situation(facts: RequestFacts, task: TaskDescriptor, view: View, policy: TenantPolicy, now: datetime) -> Situation:
    """Return the situation of a request."""
    constraints = facts.constraints
    settings = policy.settings
    headroom, window_rule = _NO_LIMIT, VetoRule.BUDGET_DAY.value
    for line in view.windows:
        left = left_of(line)
        if left < headroom:
            headroom, window_rule = left, rule_of(line).value
    max_latency, latency_source = _NO_LIMIT, "request"
    for limit, source in latency_limits(facts, policy, now):
        if limit < max_latency:
            max_latency, latency_source = limit, source
    min_quality, quality_source = constraints.min_quality or 0.0, "request"
    floor = settings.min_quality.get(facts.automation, 0.0)
    if task.modality == "embedding":
        min_quality = floor = 0.0  # a vector is no answer: what answers must be says nothing of it
    if floor > min_quality:
        min_quality, quality_source = floor, f"policy/{policy.policy}"
    likely, most = _quantities(task)
    job = _job(facts, policy)
    profile = policy.profile_name(facts, view.settings)
    return Situation(
        facts=facts,
        task=task,
        view=view,
        policy=policy,
        now=now,
        input_tokens=task.estimated_input_tokens,
        output_tokens=_usual_output(task.estimated_output_tokens, view, policy),
        input_bound=task.input_token_bound,
        max_output=facts.max_output_tokens or policy.max_output_tokens(task.type),
        likely=likely,
        most=most,
        headroom=headroom,
        window_rule=window_rule,
        max_cost=_NO_LIMIT if constraints.max_cost is None else constraints.max_cost,
        per_request=_NO_LIMIT if view.per_request_cap is None else view.per_request_cap,
        max_latency=max_latency,
        latency_source=latency_source,
        min_quality=min_quality,
        quality_source=quality_source,
        job=job,
        warm_tokens=min(view.warm_tokens, task.estimated_input_tokens) if view.warm_tokens >= _LEAST_CACHED else 0,
        profile=profile,
        weights=weights_at(policy.weights_with(profile), view, policy, now),
        sensitive=facts.sensitive or bool(task.signals.sensitive),
        needs_care=task.modality != "text"
        or task.needs_tools
        or task.needs_vision
        or facts.sensitive
        or bool(task.signals.sensitive)
        or bool(view.excluded)
        or job is not None,
    )


def without_limits(s: Situation) -> Situation:
    """Return the situation in which no limit, need or failing provider bars a model: every one gets its figures."""
    health = {place: state for place, state in s.view.health.items() if state != OPEN}
    return replace(
        s,
        view=s.view.model_copy(update={"health": health, "above_quality": None}),
        headroom=_NO_LIMIT,
        max_cost=_NO_LIMIT,
        per_request=_NO_LIMIT,
        max_latency=_NO_LIMIT,
        min_quality=0.0,
        needs_care=False,
    )


def latency_limits(facts: RequestFacts, policy: TenantPolicy, now: datetime) -> Iterator[tuple[int, str]]:
    """Yield (milliseconds, where the limit stands) of each limit on the latency of an answer."""
    constraints = facts.constraints
    if constraints.max_latency_ms is not None:
        yield constraints.max_latency_ms, "request"
    if policy.max_interactive_latency_ms is not None and facts.latency_class == "interactive":
        yield policy.max_interactive_latency_ms, policy.document
    if constraints.deadline is not None:
        yield int((constraints.deadline - now).total_seconds() * 1000), "request"


def left_of(line: WindowLine) -> int:
    """Return what a budget window has left, pico-dollars; below 0 where more was spent than it allows."""
    return line.cap - line.spent - line.held


def rule_of(line: WindowLine) -> VetoRule:
    """Return the rule that bars what does not fit a window."""
    return VetoRule.BUDGET_DAY if line.window == "day" else VetoRule.BUDGET_MONTH


def _usual_output(estimated: int, view: View, policy: TenantPolicy) -> int:
    """Return the likely length of an answer in tokens: what the task says, drawn to what all models' answers show.

    Lengths follow the work more than the model: what is measured of some tells of those that were not tried yet.
    """
    if not view.statistics:
        return estimated
    total = weighted = 0.0
    for known in view.statistics.values():
        if known.output_p50 is not None:
            total += known.calls
            weighted += known.calls * known.output_p50
    strength = policy.scoring.history_strength
    return int((strength * estimated + weighted) / (strength + total))


def weights_at(weights: Weights, view: View, policy: TenantPolicy, now: datetime) -> Weights:
    """Return the weights of the five terms as they count now.

    With pacing, cost counts more while a budget is spent fast; dimensions of the tenant's own leave them less.
    """
    pacing = policy.scoring.pacing
    if pacing:
        weights = paced(weights, pace_of(view.windows, now), pacing)
    return weights if policy.dimensions is None else scaled(weights, policy.dimensions.left)


def _job(facts: RequestFacts, policy: TenantPolicy) -> str | None:
    if facts.job_type is not None:
        return str(facts.job_type)
    implied = policy.taxonomy.route(facts.mode, None).job
    return implied.value if implied is not None else None


def _quantities(task: TaskDescriptor) -> tuple[Quantity, Quantity]:
    """Return (likely, most) pieces: characters spoken, seconds heard, pictures made. Text needs none."""
    if task.modality in {"text", "search"}:
        return NOTHING_ELSE, NOTHING_ELSE
    size = task.input_token_bound
    likely = Quantity(seconds=max(1, size // 16_000), characters=task.estimated_input_tokens * 4, images=1)
    return likely, Quantity(seconds=size // _BYTES_PER_AUDIO_SECOND + 1, characters=size, images=4)
