"""What is true of a model and a prompt: the planted share of good answers, price, length and time, and their worth.

The worth is the router's own score with these in the place of its predictions, so no measure is invented here: of the
terms of ``routing.score`` each is what it comes to once everything is known. ``good`` is the planted share for the true
type, the mean ability the planted share over all types, cost the price of the simulator's tokens at the planted median
length, latency the planted median, history the mean of the planted shares of good answers and of calls that succeed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np

from analytics.evaluation.intervals import FloatArray
from providers.simulated.answers import tokens_of
from providers.simulated.behaviour import Behaviour
from routing.candidates import Scored, survey
from routing.pricing import estimate
from routing.score import sufficiency
from routing.situation import situation
from routing.tenant_policy import TenantPolicy
from routing.words import TYPES
from schemas.decision import View
from schemas.money import PICO
from tests.success.world import NOW, Case, Knowledge, Router, behaviours, case


class Known(NamedTuple):
    """What is true, or believed, of one model for one prompt."""

    quality: float
    """Share of good answers to this type, 0..1."""
    ability: float
    """Share of good answers over all types, 0..1."""
    cost: int
    """Pico-dollars."""
    latency: int
    """Milliseconds to the whole answer."""
    history: float
    """Mean of success rate and rating, 0..1."""


def planted(model: Scored, case: Case, policy: TenantPolicy) -> Known:
    """Return the truth of a model for the prompt of a case."""
    behaviour = behaviours().of(model.endpoint.provider_model)
    prompt, most = case.prompt, model.max_output
    hidden = behaviour.output.reasoning_share
    median = behaviour.output.by_task.get(prompt.type, behaviour.output.median_tokens)
    visible = min(int(median), max(1, int(most * (1 - hidden))))
    output = min(most, visible + int(visible * hidden / (1 - hidden)))
    quality = behaviour.quality_for(prompt.type) / 100
    return Known(
        quality=quality,
        ability=fmean(behaviour.quality_for(kind) for kind in TYPES) / 100,
        cost=estimate(model.row.priced, tokens_of(prompt.text), output),
        latency=int(behaviour.latency.ttft_ms + visible * 1000 / behaviour.latency.tokens_per_second),
        history=(quality + succeeding(behaviour)) / 2,
    )


def succeeding(behaviour: Behaviour) -> float:
    """Return the planted share of calls that are answered whole."""
    fails = behaviour.failures
    return 1 - fails.rate_limited - fails.server_error - fails.overloaded - fails.reset_before - fails.reset_after


def believed(model: Scored) -> Known:
    """Return what the router takes for true of a model that it scored."""
    history = model.terms[4]
    return Known(model.quality, model.row.entry.quality / 100, model.cost, model.latency, history)


def worth(known: Known, boost: float, policy: TenantPolicy, complexity: str, latency_class: str) -> float:
    """Return the score of the router's formula (``routing.score``) for what is known of a model, 0..1."""
    scoring = policy.scoring
    required, half = scoring.required[complexity], scoring.cost_half[complexity]  # type: ignore[index]
    linear = scoring.cost_form == "linear"
    cheap = max(0.0, 1 - known.cost / (2 * half)) if linear else half / (half + known.cost)
    slow = scoring.latency_half_ms[latency_class]  # type: ignore[index]
    terms = (
        sufficiency(100 * known.quality, required, scoring.sharpness),
        cheap,
        sufficiency(100 * known.ability, required, scoring.sharpness),
        slow / (slow + known.latency),
        known.history,
    )
    capped = max(-scoring.boost_cap, min(scoring.boost_cap, boost))
    score = sum(weight * term for weight, term in zip(policy.weight_list, terms, strict=True)) + capped
    return max(0.0, min(1.0, score))


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """The worth of every model for every prompt under one router; shape (prompts, models), NaN where one is barred."""

    models: tuple[str, ...]
    known: Sequence[Mapping[str, Known]]
    """The truth by prompt and model."""
    worth: FloatArray
    quality: FloatArray
    cost: FloatArray
    """Dollars."""
    latency: FloatArray
    """Milliseconds."""
    best: FloatArray
    """The greatest worth of each prompt."""

    def regret(self) -> FloatArray:
        """Return how much worse than the best each model is, in points of 0.01."""
        lost: FloatArray = (self.best[:, None] - self.worth) * 100
        return lost


def allowed(router: Router, case: Case) -> list[Scored]:
    """Return the models that nothing bars for a case, as the router scores them without history."""
    boosts: Mapping[str, float] = {}
    facts = situation(case.facts, case.task, View(), router.policy, NOW)
    lanes = router.policy.lanes.of(case.task, NOW)
    return survey(lanes, facts, boosts).ranked


TOLD: Knowledge = "type and complexity"


Seen = Callable[[int, str, Known], Known]
"""What is seen of the truth of a model (by name) for a prompt (by number)."""


def _all(_at: int, _model: str, known: Known) -> Known:
    return known


def scale(router: Router, cases: Sequence[Case], *, boosts: bool = True, seen: Seen = _all) -> Scale:
    """Return the true worth of all models for the prompts of ``cases``; without ``boosts`` that of the terms alone."""
    policy = router.policy
    truths: list[dict[str, Known]] = []
    values: list[dict[str, float]] = []
    for at, each in enumerate(cases):
        told = case(router, each.prompt, TOLD)
        models = {model.model: model for model in allowed(router, told)}
        truth = {name: seen(at, name, planted(model, told, policy)) for name, model in models.items()}
        kind, latency = told.task.complexity, told.facts.latency_class
        gains = {name: model.terms[5] if boosts else 0.0 for name, model in models.items()}
        truths.append(truth)
        values.append({name: worth(known, gains[name], policy, kind, latency) for name, known in truth.items()})
    listed = tuple(sorted({name for truth in truths for name in truth}))
    return Scale(
        models=listed,
        known=truths,
        worth=(worths := _array(values, listed)),
        quality=_array([{name: known.quality for name, known in truth.items()} for truth in truths], listed),
        cost=_array([{name: known.cost / PICO for name, known in truth.items()} for truth in truths], listed),
        latency=_array([{name: known.latency for name, known in truth.items()} for truth in truths], listed),
        best=np.nanmax(worths, axis=1),
    )


def _array(rows: Sequence[Mapping[str, float]], models: Sequence[str]) -> FloatArray:
    """Return values by prompt and model; NaN where a model is barred."""
    return np.array([[row.get(model, np.nan) for model in models] for row in rows], dtype=np.float64)
