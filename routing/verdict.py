"""Put a selection into words and plans: the ``Choice`` that a decision records."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from routing import explain
from routing.adaptation import RowAdaptation
from routing.asked import Asked
from routing.build import build
from routing.candidates import Field, Scored, candidate_of
from routing.confidence import CERTAIN, OTHERS, confidence, lead
from routing.intervals import cost_interval, latency_interval
from routing.reason_codes import BUDGET_RULES, ReasonCode
from routing.reasons import badge, reason
from routing.score import DECIMALS, TERMS
from routing.select import Selection
from routing.situation import Situation
from schemas.adaptation import AppliedAdaptation
from schemas.decision import AttemptPlan, Candidate, Choice
from schemas.user_settings import UserSettings

_THINKING_PART: Final = 2
"""At most this part of an answer's tokens is thought: what is left has to hold the answer."""


def plan_of(item: Scored, s: Situation) -> AttemptPlan:
    """Return the attempt on one candidate."""
    return build(
        AttemptPlan,
        {
            "model": item.model,
            "provider": item.endpoint.provider,
            "provider_model": item.endpoint.provider_model,
            "max_output_tokens": item.max_output,
            "timeout_ms": s.policy.settings.timeout_ms[s.facts.latency_class],
            "bound": item.bound,
            "estimated_cost": item.cost,
            "estimated_latency_ms": item.latency,
            "prices": s.policy.document if item.row.own_price else None,
            "adaptation": None if item.row.adaptation is None else _adapted(item.row.adaptation, item, s),
        },
    )


def _adapted(adaptation: RowAdaptation, item: Scored, s: Situation) -> AppliedAdaptation:
    thinks = s.task.requires_extended_thinking and item.row.entry.thinking
    return adaptation.applied(s.task.complexity, item.max_output // _THINKING_PART if thinks else 0)


def choice_of(s: Situation, wanted: Asked, field: Field, selection: Selection) -> Choice:
    """Return the choice with chain, candidates, vetoes and words."""
    chosen = selection.chosen
    task, policy = s.task, s.policy
    propensities = selection.propensities or {chosen.model: 1.0}
    cost_low, cost_high = cost_interval(s, chosen.row, chosen.output, chosen.max_output)
    latency_low, latency_high = latency_interval(s, chosen.model, chosen.latency)
    recorded, others = _recorded(s, field, selection, propensities)
    own = selection.rule is not None and selection.rule.source == policy.document
    found = (*selection.codes, *((ReasonCode.TENANT_ROUTE,) if own else ()), *_extra_codes(s, field, selection))
    codes = tuple(dict.fromkeys(found))
    return build(
        Choice,
        {
            "model": chosen.model,
            "chain": (plan_of(chosen, s), *(plan_of(item, s) for item in selection.fallbacks)),
            "tier": selection.tier,
            "signals": task.signals,
            "task_type": str(task.type),
            "complexity": task.complexity,
            "cluster": task.cluster,
            "cluster_score": task.cluster_score,
            "confidence": _confidence(s, field, selection),
            "reason": reason(s, wanted, selection, codes),
            "reason_codes": tuple(code.value for code in codes),
            "badge": badge(s, wanted, selection),
            "display": (s.view.settings.display if s.view.settings is not None else None) or policy.plans.display,
            "candidates": recorded,
            "others": others,
            "vetoes": tuple(field.vetoes),
            "forced_by": wanted.forced_by,
            "from_model": selection.from_model,
            "input_tokens": s.input_tokens,
            "output_tokens": s.output_tokens,
            "profile": s.profile,
            "weights": _weights(s) if s.profile is not None or policy.dimensions is not None else None,
            "cost_low": cost_low,
            "cost_high": cost_high,
            "latency_low_ms": latency_low,
            "latency_high_ms": latency_high,
            "policy": policy.policy,
            "catalog": policy.catalog,
            "price_book": policy.price_book,
            "experiment": None,
            "arm": None,
            "rule": selection.rule.name if selection.rule is not None else None,
            "rule_source": selection.rule.source if selection.rule is not None else None,
            "cascade": selection.cascade,
        },
    )


def _recorded(
    s: Situation, field: Field, selection: Selection, propensities: Mapping[str, float]
) -> tuple[tuple[Candidate, ...], dict[str, float]]:
    """Return the candidates that are recorded in full, and the scores of the rest."""
    own = s.policy.dimensions
    kept = {item.model for item in field.ranked[: s.policy.settings.logged_candidates]}
    kept.update(item.model for item in (selection.chosen, *selection.fallbacks))
    kept.update(propensities)
    full = [
        candidate_of(
            item,
            propensities.get(item.model, 0.0),
            None if own is None else own.values(item.model, item.endpoint.provider),
        )
        for item in field.ranked
        if item.model in kept
    ]
    return tuple(full), {item.model: item.score for item in field.ranked if item.model not in kept}


def _confidence(s: Situation, field: Field, selection: Selection) -> float:
    """Return how sure the choice is (``routing.confidence``); that of the classification where no points are fitted."""
    chosen, points = selection.chosen, s.policy.settings.confidence
    if selection.sure:
        return CERTAIN
    if selection.kept_confidence is not None:
        return selection.kept_confidence
    if not points:
        return s.task.confidence
    open_ = (item.score for item in field.ranked if item.model != chosen.model and item.model not in field.guests)
    others = list(islice(open_, OTHERS))
    return confidence(points, lead(chosen.score, others)) if others else CERTAIN


def _weights(s: Situation) -> dict[str, float]:
    own = {} if s.policy.dimensions is None else s.policy.dimensions.weights()
    return {**{term: round(weight, DECIMALS) for term, weight in zip(TERMS, s.weights, strict=True)}, **own}


def _extra_codes(s: Situation, field: Field, selection: Selection) -> list[ReasonCode]:
    entry = selection.chosen.row.entry
    codes = [] if selection.sure else _merits(s, selection.chosen)
    if _lacks_advice(s):
        codes.append(ReasonCode.UNADVISED)
    if s.sensitive:
        found = (ReasonCode.SENSITIVE_DETECTED,) if s.task.signals.sensitive else ()
        codes.extend((ReasonCode.SENSITIVE, *found))
    if any(veto.rule in BUDGET_RULES for veto in field.vetoes):
        codes.append(ReasonCode.BUDGET_NARROWED)
    if entry.state == "deprecated":
        codes.append(ReasonCode.DEPRECATED_MODEL)
    elif entry.state == "retired":
        codes.append(ReasonCode.RETIRED_MODEL)
    return codes


def _merits(s: Situation, chosen: Scored) -> list[ReasonCode]:
    """Return what speaks for a model that the score chose."""
    entry = chosen.row.entry
    codes = list(explain.strengths(chosen.terms))
    for code, holds in (
        (ReasonCode.BEST_FOR_TASK, s.task.type in entry.best_for),
        (ReasonCode.TENANT_PREFERENCE, chosen.row.preferred),
        (ReasonCode.SETTINGS_PREFERENCE, s.view.settings is not None and _prefers(s, s.view.settings, entry.id)),
        (ReasonCode.PROFILE, s.profile is not None),
        (ReasonCode.TOOLS, s.task.needs_tools),
        (ReasonCode.STICKY, s.view.conversation_model == entry.id),
        (ReasonCode.ADVISED, _is_advised(s, entry.id)),
        (ReasonCode.TARGET_SHARE, s.policy.share_boosts(s.view.shares).get(entry.id, 0.0) > 0),
    ):
        if holds:
            codes.append(code)
    return codes


def _is_advised(s: Situation, model: str) -> bool:
    advice = s.view.advice
    return advice is not None and (advice.model == model or advice.task_type is not None)


def _lacks_advice(s: Situation) -> bool:
    """Return whether something that was to be asked before the decision is missing: the local tiers decided alone."""
    advice, embedding = s.view.advice, s.view.embedding
    return (advice is not None and advice.outcome != "given") or (
        embedding is not None and embedding.outcome != "given"
    )


def _prefers(s: Situation, settings: UserSettings, model: str) -> bool:
    return model in s.policy.names.resolve_all(settings.preferred_models)[0]
