"""Put a selection into words and plans: the ``Choice`` that a decision records."""

from typing import Final

from routing import explain
from routing.asked import Asked
from routing.build import build
from routing.candidates import Field, Scored
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
    candidate = item.candidate
    return build(
        AttemptPlan,
        {
            "model": candidate.model,
            "provider": item.endpoint.provider,
            "provider_model": item.endpoint.provider_model,
            "max_output_tokens": item.max_output,
            "timeout_ms": s.policy.settings.timeout_ms[s.facts.latency_class],
            "bound": item.bound,
            "estimated_cost": candidate.estimated_cost,
            "estimated_latency_ms": candidate.estimated_latency_ms,
        },
    )


def choice_of(s: Situation, wanted: Asked, field: Field, selection: Selection) -> Choice:
    """Return the choice with chain, candidates, vetoes and words."""
    chosen = selection.chosen
    task, policy = s.task, s.policy
    candidates = tuple(
        build(Candidate, {**item.candidate.__dict__, "propensity": 1.0}) if item is chosen else item.candidate
        for item in field.scored
    )
    codes = (*selection.codes, *_extra_codes(s, field, selection))
    return build(
        Choice,
        {
            "model": chosen.candidate.model,
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
            "candidates": candidates,
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


def _extra_codes(s: Situation, field: Field, selection: Selection) -> list[ReasonCode]:
    chosen = selection.chosen
    entry = chosen.row.entry
    codes: list[ReasonCode] = []
    if not selection.sure:
        codes.extend(explain.strengths(chosen.candidate))
        if s.task.type in entry.best_for:
            codes.append(ReasonCode.BEST_FOR_TASK)
        if chosen.row.preferred:
            codes.append(ReasonCode.TENANT_PREFERENCE)
        if s.task.needs_tools:
            codes.append(ReasonCode.TOOLS)
        if s.view.conversation_model == entry.id:
            codes.append(ReasonCode.STICKY)
    if s.facts.sensitive:
        codes.append(ReasonCode.SENSITIVE)
    if any(veto.rule in BUDGET_RULES for veto in field.vetoes):
        codes.append(ReasonCode.BUDGET_NARROWED)
    if entry.state == "deprecated":
        codes.append(ReasonCode.DEPRECATED_MODEL)
    elif entry.state == "retired":
        codes.append(ReasonCode.RETIRED_MODEL)
    return codes


def _reason(s: Situation, wanted: Asked, selection: Selection) -> str:
    chosen = selection.chosen.candidate
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
        reason = f"it is {way} {pool}: about {explain.dollars(chosen.estimated_cost)}"
    elif ReasonCode.DEFAULT_LOW_CONFIDENCE in codes:
        reason = f"the text gives no clear hint of the work, and {name} is the default model"
    else:
        reason = explain.scored_reason(name, str(s.task.type), s.task.complexity, s.task.confidence, chosen)
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
