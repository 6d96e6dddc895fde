"""Everything that bars one model, not only the first rule that applies, with figure, limit and document (SPEC R23)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from routing import explain
from routing.candidates import (
    Scored,
    ability_vetoes,
    better_veto,
    endpoint_of,
    latency_veto,
    money_vetoes,
    open_veto,
    survey,
    tokens_of,
)
from routing.counterfactual import Look
from routing.decide import boosts_of
from routing.reason_codes import VetoRule
from routing.row import Row
from routing.situation import Situation, latency_limits, left_of, rule_of, without_limits
from routing.tenant_policy import TenantPolicy
from schemas.decision import Veto, WindowLine

LIFECYCLE: Final = "lifecycle"
"""Not a veto: the router offers only models of some states, unless one is named."""
_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Bar:
    """One reason why a model may not be chosen; ``figure`` is the model's, ``limit`` what it would have to be."""

    rule: str
    document: str
    words: str
    figure: str | None = None
    limit: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a model stands in a decision: what bars it, and what it would score if nothing did.

    ``scored`` is None for a model without price or endpoint. ``rank`` counts from 1 among the models that compete.
    """

    row: Row
    scored: Scored | None
    rank: int | None
    bars: tuple[Bar, ...]


def standing(look: Look, model: str) -> Standing:
    """Return where ``model`` stands."""
    s, policy = look.s, look.s.policy
    row = policy.row(policy.models[model], s.now)
    scored = next((item for item in look.weighed.field.ranked if item.model == model), None) or _measured(look, row)
    rank = None
    if scored is not None:
        rivals = (item for item in look.weighed.field.ranked if item.model not in look.weighed.field.guests)
        rank = 1 + sum(1 for item in rivals if item.model != model and item < scored)
    return Standing(row, scored, rank, tuple(_bars(look, row, scored)))


def _measured(look: Look, row: Row) -> Scored | None:
    """Return what the scoring makes of a barred model, were nothing to bar it."""
    if row.rates is None or not row.endpoints:
        return None
    free = without_limits(look.s)
    lane = free.policy.lanes.lane(row, free.task, free.profile)
    lane = lane._replace(free=True, context_window=free.input_tokens + free.output_tokens)
    ranked = survey((lane,), free, boosts_of(look.s, look.weighed.ruling)).ranked
    return ranked[0] if ranked else None


def _bars(look: Look, row: Row, scored: Scored | None) -> Iterator[Bar]:
    s, policy, model = look.s, look.s.policy, row.entry.id
    if look.lock not in {None, model}:
        yield Bar(VetoRule.AREA_LOCK.value, policy.document, explain.veto_words("area_lock"), limit=look.lock)
    vetoes = [
        *policy.standing_vetoes(row.entry, row.rates, row.endpoints),
        *(item for item in ability_vetoes(row, s) if item is not row.veto),
    ]
    for item in vetoes:
        yield _bar(item, *_figures(item, row, s))
    listed = policy.settings.lifecycle
    if row.entry.state not in listed and row.veto is None and model not in look.weighed.field.guests:
        words = f"it is {row.entry.state}, and the router offers such models only by name"
        yield Bar(LIFECYCLE, f"policy/{policy.policy}", words, row.entry.state, ", ".join(listed))
    if row.endpoints and endpoint_of(row, s.view.health)[0] is None:
        yield _bar(open_veto(model), ", ".join(served.provider for served in row.endpoints), "a breaker not open")
    if scored is not None:
        above = s.view.above_quality
        if above is not None and scored.quality <= above:
            yield _bar(better_veto(model, scored.quality, above), f"{scored.quality:.2f}", f"more than {above:.2f}")
        yield from _late(s, scored)
        for item in money_vetoes(model, scored.bound, s):
            yield _bar(item, explain.dollars(scored.bound), _money_limit(item, s))


def _late(s: Situation, scored: Scored) -> Iterator[Bar]:
    for limit, source in latency_limits(s.facts, s.policy, s.now):
        if scored.latency > limit:
            found = latency_veto(scored.model, scored.latency, source)
            yield _bar(found, explain.seconds(scored.latency), explain.seconds(limit))


def _bar(item: Veto, figure: str | None, limit: str | None) -> Bar:
    return Bar(item.rule, item.source, explain.veto_words(item.rule), figure, limit)


def _figures(item: Veto, row: Row, s: Situation) -> tuple[str | None, str | None]:
    """Return (what the model has, what it would need) for a veto of documents or abilities."""
    entry, policy = row.entry, s.policy
    tokens = tokens_of(s, row)
    found: dict[str, tuple[str | None, str | None]] = {
        "retired": (entry.state, _listed(policy.settings.lifecycle)),
        "not_in_pool": (None, _listed(policy.settings.pool)),
        "not_in_plan": (None, _listed(_pool_of(item.source, policy))),
        "dimension": (item.detail, None),
        "not_approved": (None, _listed(policy.own.approved_models)),
        "not_approved_sensitive": (item.detail, _listed(sensitive_list(policy))),
        "avoided": (None, _listed(policy.own.avoid_models)),
        "modality": (_listed(sorted(entry.modalities)), s.task.modality),
        "job": (_listed(sorted(entry.jobs)), s.job),
        "excluded": (item.detail, None),
        "context_window": (f"{entry.context_window:,} tokens", f"{tokens:,} tokens"),
        "min_quality": (f"{entry.quality:g}", f"{s.min_quality:g}"),
    }
    return found.get(item.rule, (None, None))


def _pool_of(plan: str, policy: TenantPolicy) -> tuple[str, ...]:
    return next((one.pool for one in policy.plans.documents if one.document_key == plan), ())


def sensitive_list(policy: TenantPolicy) -> tuple[str, ...]:
    """Return the models that may see requests flagged sensitive, as written: the tenant's list, else the router's."""
    return policy.own.sensitive_models or policy.settings.sensitive_models


def barring_windows(s: Situation, bound: int) -> tuple[WindowLine, ...]:
    """Return the budget windows that ``bound`` does not fit."""
    return tuple(line for line in s.view.windows if bound > left_of(line))


def _money_limit(item: Veto, s: Situation) -> str:
    if item.rule == VetoRule.MAX_COST.value:
        return explain.dollars(s.max_cost)
    if item.rule == VetoRule.PER_REQUEST_CAP.value:
        return explain.dollars(s.per_request)
    line = next(line for line in s.view.windows if rule_of(line).value == item.rule)
    left = explain.dollars(max(left_of(line), 0))
    return f"{left} left of {explain.dollars(line.cap)} until {line.end.isoformat()}"


def _listed(names: "tuple[str, ...] | list[str]") -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
