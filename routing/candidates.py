"""Who may be chosen: each model is barred by the first rule that applies, or scored with its bound (SPEC R10)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from routing import explain
from routing.build import build
from routing.lane_table import Lane
from routing.pricing import MILLION, bound, estimate
from routing.reason_codes import VetoRule
from routing.row import Row, veto
from routing.score import DECIMALS, drawn, expected_latency, history_term, predicted_quality, shifted
from routing.situation import OPEN, Situation, left_of, rule_of
from schemas.control_catalog import ServedBy
from schemas.decision import Candidate, StatisticsView, Veto

_tuple = tuple.__new__
"""Makes a named tuple of its values in a third of the time."""
_SCALE: Final = 10.0**DECIMALS
"""``int(x * scale + 0.5) / scale`` rounds a term in 0..1 to nine decimals, five times faster than ``round``."""


class Scored(NamedTuple):
    """A model that passed all vetoes. The fields are in the order of rank: best score, then cheapest, then by name."""

    rank: float
    """The score, negated."""
    cost: int
    """Estimated cost of the call, pico-dollars."""
    model: str
    latency: int
    """Estimated milliseconds to the whole answer."""
    quality: float
    """Predicted share of good answers, 0..1."""
    row: Row
    endpoint: ServedBy
    bound: int
    output: int
    """Estimated tokens of the answer."""
    max_output: int
    preference: float
    """The part of the score that the user's preferences gave."""
    without: float
    """The score without that part, not clamped."""
    terms: tuple[float, float, float, float, float, float]
    """Capability, cost, quality, latency, history (each 0..1), and the boosts."""

    @property
    def score(self) -> float:
        """The score in 0..1, nine decimals."""
        return -self.rank or 0.0  # not minus zero


def candidate_of(item: Scored, propensity: float, extra: dict[str, float] | None) -> Candidate:
    """Return a scored model as decisions record it; ``extra``: the terms of the tenant's own dimensions."""
    capability, cost, quality, latency, history, boost = item.terms
    return build(
        Candidate,
        {
            "model": item.model,
            "score": item.score,
            "capability": capability,
            "cost": cost,
            "quality": quality,
            "latency": latency,
            "history": history,
            "boost": boost,
            "extra": extra,
            "predicted_quality": item.quality,
            "estimated_cost": item.cost,
            "estimated_latency_ms": item.latency,
            "propensity": propensity,
        },
    )


class BarredByWindow(NamedTuple):
    """A model that only the budget windows bar: it fits when they end."""

    model: str
    bound: int


class Field(NamedTuple):
    """The outcome for all rows: scored models, best first; vetoes in row order; those that only a window bars."""

    ranked: list[Scored]
    vetoes: list[Veto]
    windowed: list[BarredByWindow]
    guests: frozenset[str] = frozenset()
    """Models looked at only because a person, a lock or a rule names them."""


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


def ability_vetoes(row: Row, s: Situation) -> Iterator[Veto]:
    """Yield what a model cannot do or may not see, before any money is looked at; the first bars in a decision."""
    entry, task = row.entry, s.task
    if row.veto is not None:
        yield row.veto
    catalog = f"catalog/{s.policy.catalog}"
    if task.modality not in entry.modalities:
        yield veto(entry.id, VetoRule.MODALITY, catalog, f"the task is {task.modality}")
    if s.job is not None and entry.jobs and task.modality != "text" and s.job not in entry.jobs:
        yield veto(entry.id, VetoRule.JOB, catalog, f"does not do {s.job}")
    if s.sensitive and not row.sensitive_ok:
        yield veto(entry.id, VetoRule.NOT_APPROVED_SENSITIVE, s.policy.document, explain.sensitive_words(task.signals))
    if entry.id in s.view.excluded:
        yield veto(entry.id, VetoRule.EXCLUDED, "view", "an earlier attempt of this request ended badly")
    if task.needs_vision and not entry.vision:
        yield veto(entry.id, VetoRule.VISION, catalog)
    if task.needs_tools and not entry.tools:
        yield veto(entry.id, VetoRule.TOOLS, catalog)
    if tokens_of(s, row) > entry.context_window:
        yield veto(entry.id, VetoRule.CONTEXT_WINDOW, catalog, f"{entry.context_window} tokens")
    if entry.quality < s.min_quality:
        yield veto(entry.id, VetoRule.MIN_QUALITY, s.quality_source, f"quality {entry.quality:.0f}")


def tokens_of(s: Situation, row: Row) -> int:
    """Return the tokens of prompt and answer that a model's context window has to hold."""
    return s.input_tokens + row.added_tokens + min(s.output_tokens, s.max_output, row.entry.max_output_tokens)


def endpoint_of(row: Row, health: Mapping[str, str]) -> tuple[ServedBy | None, bool]:
    """Return (the first endpoint whose breaker is not open, whether it is degraded)."""
    if not health:
        return (row.endpoints[0] if row.endpoints else None), False
    for endpoint in row.endpoints:
        state = provider_state(health, endpoint, row.entry.id)
        if state != OPEN:
            return endpoint, state == "degraded"
    return None, False


def open_veto(model: str) -> Veto:
    """Return the veto of a model without an endpoint whose breaker is not open."""
    return veto(model, VetoRule.PROVIDER_OPEN, "view")


def better_veto(model: str, good: float, above: float) -> Veto:
    """Return the veto of a model that is not expected to do better than the one whose answer was not good enough."""
    return veto(model, VetoRule.NOT_BETTER, "view", f"{good:.2f} is not above {above:.2f}")


def latency_veto(model: str, latency: int, source: str) -> Veto:
    """Return the veto of a model that would answer too late for the limit that stands in ``source``."""
    return veto(model, VetoRule.MAX_LATENCY, source, f"about {latency} ms")


def money_vetoes(model: str, needed: int, s: Situation) -> Iterator[Veto]:
    """Yield the limits that ``needed`` (the bound) passes: the request's, the cap per request, then windows."""
    if needed > s.max_cost:
        yield veto(model, VetoRule.MAX_COST, "request")
    if needed > s.per_request:
        yield veto(model, VetoRule.PER_REQUEST_CAP, s.policy.cap_sources[VetoRule.PER_REQUEST_CAP.value])
    if needed > s.headroom:
        for line in sorted(s.view.windows, key=left_of):
            if needed > left_of(line):
                yield veto(model, rule_of(line), s.policy.cap_sources[rule_of(line).value])


def survey(  # noqa: C901, PLR0912, PLR0915 - one pass over all models, the hot loop; split, it costs twice the time
    lanes: Iterable[Lane], s: Situation, rule_boosts: Mapping[str, float], guests: frozenset[str] = frozenset()
) -> Field:
    """Bar or score every model. The formulas are those of ``routing.score``, prices those of ``routing.pricing``."""
    scored: list[Scored] = []
    vetoes: list[Veto] = []
    windowed: list[BarredByWindow] = []
    view, scoring, task = s.view, s.policy.scoring, s.task
    scores = view.preference.scores if view.preference is not None else {}
    statistics: Mapping[str, StatisticsView] = view.statistics
    w_capability, w_cost, w_quality, w_latency, w_history = s.weights
    required, sharpness = scoring.required[task.complexity], scoring.sharpness
    cost_half, linear = scoring.cost_half[task.complexity], scoring.cost_form == "linear"
    predictions = task.predictions
    latency_half = scoring.latency_half_ms[s.facts.latency_class]
    thinks, tools = task.requires_extended_thinking, task.needs_tools
    per_conversation = (s.facts.stickiness or s.policy.settings.stickiness) == "conversation"
    sticky = scoring.sticky_conversation if per_conversation else scoring.sticky
    warm, health = view.conversation_model, view.health
    warm_tokens, above = s.warm_tokens, view.above_quality
    cap, strength, rating_strength = scoring.boost_cap, scoring.history_strength, scoring.rating_strength
    default_history = round(scoring.history_prior, DECIMALS)
    tokens_in, tokens_out, bound_in, limit_out = s.input_tokens, s.output_tokens, s.input_bound, s.max_output
    window, min_quality, max_latency = tokens_in + min(tokens_out, limit_out), s.min_quality, s.max_latency
    money = min(s.max_cost, s.per_request, s.headroom)
    special, dimensions = s.needs_care, s.policy.dimensions
    for (
        row,
        model,
        capability,
        quality,
        prior_quality,
        boost_of_kind,
        context_window,
        ability,
        ttft,
        per_token,
        model_limit,
        thinking,
        tool_skill,
        free,
        preferred,
        flat,
        price_in,
        price_out,
        price_most,
    ) in lanes:
        if special or not free or window > context_window or ability < min_quality:
            barred = next(ability_vetoes(row, s), None)
            if barred is not None:
                vetoes.append(barred)
                continue
        endpoint, degraded = (row.endpoints[0], False) if not health else endpoint_of(row, health)
        if endpoint is None:
            vetoes.append(open_veto(model))
            continue
        known = statistics.get(model) if statistics else None
        output = tokens_out * 3 // 2 if thinks and thinking else tokens_out
        most = limit_out if limit_out < model_limit else model_limit  # noqa: FURB136 - min() costs three times as much
        if known is not None and known.output_p50 is not None:
            output = int(drawn(output, known.output_p50, known, strength))
        output = output if output < most else most  # noqa: FURB136 - as above
        if not predictions and (known is None or not known.ratings):
            good, able = prior_quality, capability
        else:
            good = predicted_quality(predictions.get(model, prior_quality), known, rating_strength)
            able = shifted(capability, prior_quality, good, required, sharpness)
        if above is not None and good <= above:
            vetoes.append(better_veto(model, good, above))
            continue
        prior = ttft + per_token * output
        latency = int(prior) if known is None else expected_latency(prior, known, strength)
        if latency > max_latency:
            vetoes.append(latency_veto(model, latency, s.latency_source))
            continue
        if flat and (warm != model or not warm_tokens):
            needed = -(-(bound_in * price_most + most * price_out) // MILLION)
            cost = -(-(tokens_in * price_in + output * price_out) // MILLION)
        else:
            rates = row.priced
            needed = bound(rates, bound_in + row.added_bound, most, s.most)
            cached = warm_tokens if warm == model else 0
            cost = estimate(rates, tokens_in + row.added_tokens, output, s.likely, cached)
        if needed > money:
            barred = next(money_vetoes(model, needed, s), None)
            if barred is not None:
                vetoes.append(barred)
                if needed <= s.max_cost and needed <= s.per_request:
                    windowed.append(BarredByWindow(model, needed))
                continue
        if not linear:
            cost_term = cost_half / (cost_half + cost)
        else:
            cost_term = 1 - cost / (2 * cost_half) if cost < 2 * cost_half else 0.0
        latency_term = latency_half / (latency_half + latency)
        history = default_history if known is None else history_term(known, scoring)
        boost, preference = boost_of_kind, 0.0
        if scores and model in scores:
            preference = scoring.preference * (scores[model] - 0.5)
            boost += preference
        if rule_boosts and model in rule_boosts:
            boost += rule_boosts[model]
        if preferred:
            boost += scoring.preferred
        if tools:
            boost += scoring.tools * tool_skill
        if warm == model:
            boost += sticky
        if degraded:
            boost -= scoring.degraded
        if boost > cap or boost < -cap:
            boost = cap if boost > 0 else -cap
        score = w_capability * able + w_quality * quality + w_cost * cost_term + w_latency * latency_term
        score += w_history * history + boost
        if dimensions is not None:
            score += dimensions.worth(model, endpoint.provider)
        rank = 0.0 if score < 0 else (-1.0 if score > 1 else int(score * _SCALE + 0.5) / -_SCALE)
        terms = (
            able,
            int(cost_term * _SCALE + 0.5) / _SCALE,
            quality,
            int(latency_term * _SCALE + 0.5) / _SCALE,
            history,
            round(boost, DECIMALS) if boost else 0.0,
        )
        values = (
            rank,
            cost,
            model,
            latency,
            good,
            row,
            endpoint,
            needed,
            output,
            most,
            preference,
            score - preference,
            terms,
        )
        scored.append(_tuple(Scored, values))
    scored.sort()
    return Field(scored, vetoes, windowed, guests)
