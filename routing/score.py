"""The score (SPEC R9): five terms in 0..1, weighted, plus boosts. Plain arithmetic, so that every machine agrees.

::

    short(x)   = min(1, x / required[complexity]) ** sharpness           ability beyond the need earns nothing
    good       = (rating strength * prior + ratings * mean rating) / (rating strength + ratings)
    capability = short(100 * good)                                       good: predicted share of good answers
    quality    = short(mean ability)
    cost       = half / (half + estimated cost)                          half = scoring.cost_half[complexity]
                 or 1 - estimated cost / (2 * half), not below 0         with scoring.cost_form "linear"
    latency    = half / (half + estimated latency)                       half = scoring.latency_half_ms[latency class]
    history    = (strength * prior + calls * observed) / (strength + calls)
    score      = clamp(sum(weight * term) + clamp(boosts, -cap, cap), 0, 1)

The prior of ``good`` is what the router's trained predictor says of this prompt, else the catalog's ability for the
type of task. ``observed`` is the mean of success rate and rating, where there are any. No term of one model depends on
another model: adding or removing a model never changes the order of the others. Scores are rounded to nine decimals.

With ``scoring.pacing`` p the weight of cost is multiplied by 1 + p * (pace - 1), then all are scaled to sum to 1;
pace = the largest, over the budget windows, of (share of the cap spent and held) / (share of the time gone), within a
quarter and four: a budget that is spent too fast makes cost count more (a primal-dual pacer, as in ParetoBandit,
arXiv 2604.00136; here without memory, from the values that the decision stores).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from routing.models import ModelEntry, match
from schemas.control_policy import Profile, Scoring
from schemas.decision import StatisticsView, WindowLine

DECIMALS: Final = 9
TERMS: Final = ("capability", "cost", "quality", "latency", "history")
_PACE_LIMIT: Final = 4.0
_LEAST_GONE: Final = 0.05


Weights = tuple[float, float, float, float, float]
"""In the order of ``TERMS``."""


class Terms(NamedTuple):
    """The part of a score that depends on model and kind of task alone."""

    capability: float
    quality: float
    prior: float
    """Ability for the type of task as a share of good answers, 0..1: the prior of the predicted quality."""
    boost: float
    """Of ``best_for`` and ``avoid_for``."""


def sufficiency(ability: float, required: float, sharpness: int) -> float:
    """Return the worth in 0..1 of an ability 0..100 where ``required`` suffices: the share reached, to a power."""
    if ability >= required:
        return 1.0
    share = ability / required
    worth = 1.0
    for _ in range(sharpness):
        worth *= share
    return round(worth, DECIMALS)


def static_terms(
    entry: ModelEntry, task_type: str, complexity: str, scoring: Scoring, profile: Profile | None = None
) -> Terms:
    """Return the terms of ``entry`` for a type and complexity, the abilities of a profile blended in."""
    required = scoring.required[complexity]  # type: ignore[index]
    ability = entry.match.get(task_type, entry.quality)
    if profile is not None and profile.abilities:
        own = match(entry.capabilities, {str(name): share for name, share in profile.abilities.items()})
        ability = round((1 - profile.emphasis) * ability + profile.emphasis * own, DECIMALS)
    capability = sufficiency(ability, required, scoring.sharpness)
    quality = sufficiency(entry.quality, required, scoring.sharpness)
    boost = 0.0
    if task_type in entry.best_for:
        boost += scoring.best_for
    if task_type in entry.avoid_for:
        boost -= scoring.avoid_for
    return Terms(capability, quality, round(ability / 100, DECIMALS), boost)


def predicted_quality(prior: float, statistics: StatisticsView | None, strength: float) -> float:
    """Return the predicted share of good answers, 0..1: ``prior``, drawn to the mean rating as ratings come in."""
    if statistics is None or statistics.rating is None or statistics.ratings <= 0:
        return prior
    count = statistics.ratings
    return round((strength * prior + count * statistics.rating) / (strength + count), DECIMALS)


def shifted(capability: float, prior: float, good: float, required: float, sharpness: int) -> float:
    """Return the capability term when ``good`` answers are predicted instead of ``prior`` (both shares, 0..1).

    For a clear task that is ``sufficiency(100 * good)``; the expectation over all that an unclear one may be moves by
    as much as the sufficiency of the two does.
    """
    moved = sufficiency(100 * good, required, sharpness) - sufficiency(100 * prior, required, sharpness)
    return round(min(1.0, max(0.0, capability + moved)), DECIMALS)


def pace_of(windows: Sequence[WindowLine], now: datetime) -> float:
    """Return how fast the budget is spent: share of the cap used / share of the time gone, the worst window's.

    Within a quarter and four; 1 without a cap. The first twentieth of a window counts as a twentieth.
    """
    pace = 0.0
    for line in windows:
        gone = (now - line.start) / (line.end - line.start)
        used = (line.spent + line.held) / line.cap if line.cap else 1.0
        pace = max(pace, used / max(gone, _LEAST_GONE))
    return min(_PACE_LIMIT, max(1 / _PACE_LIMIT, pace)) if windows else 1.0


def paced(weights: Weights, pace: float, pacing: float) -> Weights:
    """Return weights in which cost counts 1 + pacing * (pace - 1) times, scaled to sum to what they did."""
    capability, cost, quality, latency, history = weights
    more = cost * pacing * (pace - 1)
    scale = 1 / (1 + more)
    return (capability * scale, (cost + more) * scale, quality * scale, latency * scale, history * scale)


def scaled(weights: Weights, left: float) -> Weights:
    """Return weights scaled to sum to ``left``, the rest being other terms'."""
    capability, cost, quality, latency, history = weights
    return (capability * left, cost * left, quality * left, latency * left, history * left)


def history_term(statistics: StatisticsView | None, scoring: Scoring) -> float:
    """Return success and rating so far, drawn towards the prior while calls are few."""
    prior = scoring.history_prior
    if statistics is None or statistics.calls <= 0:
        return prior
    seen = [value for value in (statistics.success_rate, statistics.rating) if value is not None]
    if not seen:
        return prior
    observed = sum(seen) / len(seen)
    strength = scoring.history_strength
    return round((strength * prior + statistics.calls * observed) / (strength + statistics.calls), DECIMALS)


def drawn(prior: float, measured: float | None, statistics: StatisticsView | None, strength: float) -> float:
    """Return ``prior`` drawn to a measured value as calls come in; ``strength`` is the weight of the prior in calls."""
    if measured is None or statistics is None or statistics.calls <= 0:
        return prior
    calls = statistics.calls
    return (strength * prior + calls * measured) / (strength + calls)


def expected_latency(prior: float, statistics: StatisticsView, strength: float) -> int:
    """Return milliseconds to the whole answer: ``prior`` by the catalog, drawn to the measured median as calls grow."""
    return int(drawn(prior, statistics.latency_p50_ms, statistics, strength))


def set_weight(weights: Mapping[str, float], name: str, value: float) -> tuple[dict[str, float], str]:
    """Return weights with ``name`` at ``value`` and the rest scaled so that all sum to 1, and a line that says so.

    Raises ``ValueError`` for an unknown term or a value outside 0..1.
    """
    if name not in TERMS:
        message = f"a weight is one of {', '.join(TERMS)}"
        raise ValueError(message)
    if not 0 <= value <= 1:
        raise ValueError("a weight is between 0 and 1")
    others = {term: weights[term] for term in TERMS if term != name}
    total = sum(others.values())
    left = 1 - value
    scaled = {
        term: round(left * weight / total if total > 0 else left / len(others), 6) for term, weight in others.items()
    }
    largest = max(scaled, key=lambda term: scaled[term])
    scaled[largest] = round(scaled[largest] + left - sum(scaled.values()), 6)
    result = {term: value if term == name else scaled[term] for term in TERMS}
    changes = ", ".join(f"{term} {weights[term]:g} -> {result[term]:g}" for term in TERMS if term != name)
    return result, f"{name} is {value:g}; the rest was scaled to sum to 1: {changes}"
