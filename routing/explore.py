"""Exploration inside the set that may be chosen, with the probability of each model (SPEC A5; reference rule 3).

Inverse-gap weighting (SquareCB: Foster and Rakhlin 2020, after Abe and Long 1999): of K models within reach of the
best, each other one has the probability 1 / (K + sharpness * gap), the best has the rest. All of them together get at
most ``share``. Beside it, models with few calls so far divide ``new_models`` evenly, so that a new one is tried at all;
with ``probation`` that is all they get until they have as many calls as it takes, or no other model may serve.

Whoever is drawn has passed all vetoes. Requests whose model is named, locked or restricted by a rule never come here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from routing.candidates import Scored
from routing.models import ModelEntry
from schemas.control_steering import Exploration
from schemas.decision import StatisticsView
from schemas.request import RequestFacts

DECIMALS: Final = 9
MOST: Final = 8
"""Models that compete for the explored share: the best by score."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Which model was drawn, and the probability that each had; they sum to 1."""

    chosen: Scored
    propensities: Mapping[str, float]
    new: bool
    """Whether the chosen one has few calls so far."""


def explores(exploration: Exploration, facts: RequestFacts, complexity: str) -> bool:
    """Return whether a request of this kind may explore at all; sensitive ones never do."""
    return (
        (exploration.share > 0 or exploration.new_models > 0)
        and not facts.sensitive
        and facts.automation in exploration.automation
        and complexity in exploration.complexity
    )


def newcomers(
    ranked: Sequence[Scored], exploration: Exploration, statistics: Mapping[str, StatisticsView]
) -> tuple[Scored, ...]:
    """Return those of ``ranked`` with too few calls for this type of task, where the router treats them specially."""
    if exploration.new_models <= 0 and not exploration.probation:
        return ()
    return tuple([item for item in ranked if is_new(item.row.entry, exploration, statistics.get(item.model))])


def is_new(entry: ModelEntry, exploration: Exploration, known: StatisticsView | None) -> bool:
    """Return whether too little is known of a model for a type of task."""
    can_be = exploration.new_among == "all" or entry.state == "preview"
    return can_be and (0 if known is None else known.calls) < exploration.new_calls


def established(ranked: Sequence[Scored], fresh: Sequence[Scored], exploration: Exploration) -> Sequence[Scored]:
    """Return those whose score may decide: all, or under probation those that are not new, where there are any."""
    if not exploration.probation or not fresh:
        return ranked
    waiting = {item.model for item in fresh}
    return [item for item in ranked if item.model not in waiting] or ranked


def draw_among(ranked: Sequence[Scored], fresh: Sequence[Scored], exploration: Exploration, number: float) -> Drawn:
    """Return the model that ``number`` in [0, 1) draws from ``ranked`` (best first, not empty) and the new ones.

    Probabilities are laid end to end, the best model first, then by rank: a number of 0 draws the best.
    """
    best = ranked[0]
    near = [item for item in ranked[:MOST] if item.rank - best.rank <= exploration.within]
    shares = _inverse_gap(near, exploration)
    by_novelty = exploration.new_models if fresh else 0.0
    propensities = {model: share * (1 - by_novelty) for model, share in shares.items()}
    for item in fresh:
        propensities[item.model] = propensities.get(item.model, 0.0) + by_novelty / len(fresh)
    rounded = {model: round(share, DECIMALS) for model, share in propensities.items() if model != best.model}
    rounded = {best.model: round(1 - sum(rounded.values()), DECIMALS), **rounded}
    chosen = _at(number, rounded)
    item = next(item for item in (*ranked, *fresh) if item.model == chosen)
    return Drawn(item, rounded, chosen != best.model and any(item.model == chosen for item in fresh))


def _inverse_gap(near: Sequence[Scored], exploration: Exploration) -> dict[str, float]:
    """Return the shares of ``near`` (best first): those of the others scaled down to at most the explored share."""
    best, count = near[0], len(near)
    others = {item.model: 1 / (count + exploration.sharpness * (item.rank - best.rank)) for item in near[1:]}
    total = sum(others.values())
    scale = min(1.0, exploration.share / total) if total > 0 else 0.0
    shares = {model: share * scale for model, share in others.items()}
    return {best.model: 1 - sum(shares.values()), **shares}


def _at(number: float, propensities: Mapping[str, float]) -> str:
    reached = 0.0
    first = next(iter(propensities))
    for model, share in propensities.items():
        reached += share
        if number < reached:
            return model
    return first
