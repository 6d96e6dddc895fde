"""Who may be chosen: each model is barred by the first rule that applies, or scored with its bound (SPEC R10)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from routing.build import build
from routing.models import ModelEntry
from routing.pricing import Rates, bound, estimate
from routing.reason_codes import VetoRule
from routing.score import DECIMALS, Terms, expected_latency, history_term
from routing.situation import Situation
from routing.tenant_policy import Row, veto
from schemas.control_catalog import ServedBy
from schemas.decision import Candidate, StatisticsView, Veto

OPEN: Final = "open"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A model that passed all vetoes: its row, endpoint, bound and the candidate as decisions record it."""

    row: Row
    endpoint: ServedBy
    bound: int
    max_output: int
    candidate: Candidate
    preference: float
    """The part of the score that the user's preferences gave."""


@dataclass(frozen=True, slots=True, eq=False)
class BarredByWindow:
    """A model that only the budget windows bar: it fits when they end."""

    model: str
    bound: int


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The outcome for all rows: scored models in row order, vetoes, and those that only a budget window bars."""

    scored: list[Scored]
    vetoes: list[Veto]
    windowed: list[BarredByWindow]


def provider_state(health: Mapping[str, str], endpoint: ServedBy, model: str) -> str | None:
    """Return what health says of an endpoint: key ``provider``, ``provider|model`` or ``provider|provider_model``."""
    if not health:
        return None
    states = {
        health.get(endpoint.provider),
        health.get(f"{endpoint.provider}|{model}"),
        health.get(f"{endpoint.provider}|{endpoint.provider_model}"),
    }
    return OPEN if OPEN in states else ("degraded" if "degraded" in states else None)


def ability_veto(entry: ModelEntry, row: Row, s: Situation) -> Veto | None:
    """Return the veto of what a model cannot do or may not see, before any money is looked at."""
    task = s.task
    if row.veto is not None:
        return row.veto
    catalog = f"catalog/{s.policy.catalog}"
    if task.modality not in entry.modalities:
        return veto(entry.id, VetoRule.MODALITY, catalog, f"the task is {task.modality}")
    if s.job is not None and entry.jobs and task.modality != "text" and s.job not in entry.jobs:
        return veto(entry.id, VetoRule.JOB, catalog, f"does not do {s.job}")
    if s.facts.sensitive and not row.sensitive_ok:
        return veto(entry.id, VetoRule.NOT_APPROVED_SENSITIVE, s.policy.document)
    if entry.id in s.view.excluded:
        return veto(entry.id, VetoRule.EXCLUDED, "view", "an earlier attempt of this request ended badly")
    if task.needs_vision and not entry.vision:
        return veto(entry.id, VetoRule.VISION, catalog)
    if task.needs_tools and not entry.tools:
        return veto(entry.id, VetoRule.TOOLS, catalog)
    if s.input_tokens + s.output_tokens > entry.context_window:
        return veto(entry.id, VetoRule.CONTEXT_WINDOW, catalog, f"{entry.context_window} tokens")
    if entry.quality < s.min_quality:
        return veto(entry.id, VetoRule.MIN_QUALITY, s.quality_source, f"quality {entry.quality:.0f}")
    return None


def endpoint_of(row: Row, health: Mapping[str, str]) -> tuple[ServedBy | None, bool]:
    """Return (the first endpoint whose breaker is not open, whether it is degraded)."""
    if not health:
        return (row.endpoints[0] if row.endpoints else None), False
    for endpoint in row.endpoints:
        state = provider_state(health, endpoint, row.entry.id)
        if state != OPEN:
            return endpoint, state == "degraded"
    return None, False


def money_veto(model: str, needed: int, s: Situation) -> Veto | None:
    """Return the veto of a limit that ``needed`` (the bound) passes: the request's own, the cap per request, windows."""
    if needed > s.max_cost:
        return veto(model, VetoRule.MAX_COST, "request")
    if needed > s.per_request:
        return veto(model, VetoRule.PER_REQUEST_CAP, s.policy.document)
    if needed > s.headroom:
        return veto(model, VetoRule(s.window_rule), s.policy.document)
    return None


def survey(rows: Iterable[tuple[Row, Terms]], s: Situation, rule_boosts: Mapping[str, float]) -> Field:
    """Bar or score every row. One pass; the formulas are those of ``routing.score``."""
    field = Field([], [], [])
    view, scoring, policy = s.view, s.policy.scoring, s.policy
    scores = view.preference.scores if view.preference is not None else {}
    statistics: Mapping[str, StatisticsView] = view.statistics
    weights = policy.weights
    w_cost, w_latency, w_history = weights["cost"], weights["latency"], weights["history"]
    cost_half = scoring.cost_half[s.task.complexity]
    latency_half = scoring.latency_half_ms[s.facts.latency_class]
    thinks = s.task.requires_extended_thinking
    sticky = (
        scoring.sticky_conversation
        if (s.facts.stickiness or policy.settings.stickiness) == "conversation"
        else scoring.sticky
    )
    cap = scoring.boost_cap
    plain = not view.health
    default_history = round(scoring.history_prior, DECIMALS)
    for row, terms in rows:
        entry = row.entry
        barred = ability_veto(entry, row, s)
        if barred is not None:
            field.vetoes.append(barred)
            continue
        rates: Rates = row.rates  # type: ignore[assignment]
        endpoint, degraded = (row.endpoints[0], False) if plain else endpoint_of(row, view.health)
        if endpoint is None:
            field.vetoes.append(veto(entry.id, VetoRule.PROVIDER_OPEN, "view"))
            continue
        known = statistics.get(entry.id) if statistics else None
        output = s.output_tokens * 3 // 2 if thinks and entry.thinking else s.output_tokens
        most = min(s.max_output, entry.max_output_tokens)
        output = min(output, most)
        latency = expected_latency(entry, output, known, scoring.history_strength)
        if latency > s.max_latency:
            field.vetoes.append(veto(entry.id, VetoRule.MAX_LATENCY, s.latency_source, f"about {latency} ms"))
            continue
        needed = bound(rates, s.input_bound, most, s.most)
        barred = money_veto(entry.id, needed, s)
        if barred is not None:
            field.vetoes.append(barred)
            if needed > s.headroom and needed <= s.max_cost and needed <= s.per_request:
                field.windowed.append(BarredByWindow(entry.id, needed))
            continue
        cost = estimate(rates, s.input_tokens, output, s.likely)
        cost_term = cost_half / (cost_half + cost)
        latency_term = latency_half / (latency_half + latency)
        history = default_history if known is None else history_term(known, scoring)
        preference = scoring.preference * (scores[entry.id] - 0.5) if entry.id in scores else 0.0
        boost = terms.boost + preference
        if rule_boosts:
            boost += rule_boosts.get(entry.id, 0.0)
        if row.preferred:
            boost += scoring.preferred
        if s.task.needs_tools:
            boost += scoring.tools * entry.tool_skill
        if view.conversation_model == entry.id:
            boost += sticky
        if degraded:
            boost -= scoring.degraded
        boost = -cap if boost < -cap else min(boost, cap)
        score = terms.base + w_cost * cost_term + w_latency * latency_term + w_history * history + boost
        candidate = build(
            Candidate,
            {
                "model": entry.id,
                "score": round(0.0 if score < 0 else min(score, 1.0), DECIMALS),
                "capability": terms.capability,
                "cost": round(cost_term, DECIMALS),
                "quality": terms.quality,
                "latency": round(latency_term, DECIMALS),
                "history": history,
                "boost": round(boost, DECIMALS),
                "estimated_cost": cost,
                "estimated_latency_ms": latency,
                "propensity": 0.0,
            },
        )
        field.scored.append(Scored(row, endpoint, needed, most, candidate, preference))
    return field
