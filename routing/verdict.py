"""Put a selection into words and plans: the ``Choice`` that a decision records."""

from collections.abc import Mapping
from typing import Final

from routing import explain
from routing.asked import Asked
from routing.build import build
from routing.candidates import Field, Scored, candidate_of
from routing.reason_codes import BUDGET_RULES, ReasonCode
from routing.select import Selection
from routing.situation import Situation
from schemas.decision import AttemptPlan, Candidate, Choice

_PERSON: Final = {
    "request": "the request names it",
    "override:request": "you chose it for this request",
    "override:conversation": "you chose it for this conversation",
    "override:area": "it was chosen for this area",
    "override:space": "it was chosen for this space",
    "override:always": "you chose it for all your requests",
}


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
        },
    )


def choice_of(s: Situation, wanted: Asked, field: Field, selection: Selection) -> Choice:
    """Return the choice with chain, candidates, vetoes and words."""
    chosen = selection.chosen
    task, policy = s.task, s.policy
    propensities = selection.propensities or {chosen.model: 1.0}
    recorded, others = _recorded(field, selection, propensities, policy.settings.logged_candidates)
    codes = (*selection.codes, *_extra_codes(s, field, selection))
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
            "confidence": 1.0 if selection.sure else task.confidence,
            "reason": _reason(s, wanted, selection),
            "reason_codes": tuple(code.value for code in dict.fromkeys(codes)),
            "badge": _badge(s, wanted, selection),
            "candidates": recorded,
            "others": others,
            "vetoes": tuple(field.vetoes),
            "forced_by": wanted.forced_by,
            "from_model": selection.from_model,
            "input_tokens": s.input_tokens,
            "output_tokens": s.output_tokens,
            "policy": policy.policy,
            "catalog": policy.catalog,
            "price_book": policy.price_book,
            "experiment": None,
            "arm": None,
        },
    )


def _recorded(
    field: Field, selection: Selection, propensities: Mapping[str, float], most: int
) -> tuple[tuple[Candidate, ...], dict[str, float]]:
    """Return the candidates that are recorded in full, and the scores of the rest."""
    kept = {item.model for item in field.ranked[:most]}
    kept.update(item.model for item in (selection.chosen, *selection.fallbacks))
    kept.update(propensities)
    full = [candidate_of(item, propensities.get(item.model, 0.0)) for item in field.ranked if item.model in kept]
    return tuple(full), {item.model: item.score for item in field.ranked if item.model not in kept}


def _extra_codes(s: Situation, field: Field, selection: Selection) -> list[ReasonCode]:
    entry = selection.chosen.row.entry
    codes = [] if selection.sure else _merits(s, selection.chosen)
    if s.facts.sensitive:
        codes.append(ReasonCode.SENSITIVE)
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
        (ReasonCode.TOOLS, s.task.needs_tools),
        (ReasonCode.STICKY, s.view.conversation_model == entry.id),
        (ReasonCode.TARGET_SHARE, s.policy.share_boosts(s.view.shares).get(entry.id, 0.0) > 0),
    ):
        if holds:
            codes.append(code)
    return codes


def _reason(s: Situation, wanted: Asked, selection: Selection) -> str:
    chosen = selection.chosen
    name = selection.chosen.row.entry.name
    codes = selection.codes
    if wanted.kind == "model":
        reason = _PERSON.get(wanted.forced_by or "", "it was asked for by name")
    elif ReasonCode.AREA_LOCK in codes:
        reason = f"the area is locked to {name}"
    elif selection.rule is not None:
        reason = selection.rule.because
        if ReasonCode.RULE_FALLBACK in codes:
            first = s.policy.models[selection.rule.models[0]].name
            reason = f"{reason}; {first} cannot be used now, so {name} steps in"
    elif wanted.kind == "pool" or wanted.suffix is not None:
        pool = f"of {wanted.name.partition(':')[0]}" if wanted.kind == "pool" else "of all models that may serve this"
        way = {"floor": "the cheapest", "nitro": "the fastest"}.get(wanted.suffix or "", "the best match")
        reason = f"it is {way} {pool}: about {explain.dollars(chosen.cost)}"
    elif ReasonCode.EXPLORED in codes:
        reason = f"a small share of such work goes to other models, to learn how well {name} does it"
    elif ReasonCode.DEFAULT_LOW_CONFIDENCE in codes:
        reason = f"the text gives no clear hint of the work, and {name} is the default model"
    else:
        reason = explain.scored_reason(s.task, name, chosen.terms, (chosen.cost, chosen.latency))
        if ReasonCode.PREFERENCE in codes:
            reason = f"{reason}; you tend to prefer it"
    if s.facts.sensitive:
        reason = f"{reason}; only models approved for sensitive data were considered"
    return reason


def _badge(s: Situation, wanted: Asked, selection: Selection) -> str:
    name = selection.chosen.row.entry.name
    if wanted.kind == "model":
        return explain.badge(name, "your choice" if wanted.forced_by != "request" else "as requested")
    if ReasonCode.AREA_LOCK in selection.codes:
        return explain.badge(name, "locked for this area")
    if ReasonCode.DEFAULT_LOW_CONFIDENCE in selection.codes:
        return explain.badge(name, "auto-selected, default")
    return explain.badge(name, f"auto-selected for {explain.label(str(s.task.type))}")
