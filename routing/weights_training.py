"""Learns the weights of the score from what people preferred to what was chosen, and the other way round (SPEC R16).

A pair says which of two candidates of one decision was preferred, with the terms that the decision recorded::

    overridden    the model that a person named instead, over the chosen one
    liked         the chosen model, over the best other candidate, where the answer's reward is at least ``LIKED``

    P(preferred)  = 1 / (1 + exp(-scale * (w . (terms preferred - terms other) + boosts preferred - boosts other)))
    w             = argmax  sum(log P) + strength * sum(w0 * log w),   w >= 0, sum(w) = 1

That is the model of R. Bradley and M. Terry (Biometrika 39, 1952) with the score as ability, and a Dirichlet prior
worth ``STRENGTH`` pairs around the weights in force, w0. Overrides alone would only ever say where the router was
wrong; the liked answers hold against them. Solved by exponentiated gradient (J. Kivinen, M. Warmuth, Information and
Computation 132, 1997) in a fixed number of steps: the same pairs give the same weights. ``SCALE`` makes a gap of 0.1
in the score three to one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from routing.past_decisions import PastDecision
from routing.rescore_table import Bools, Floats, Ints
from routing.score import TERMS
from schemas.control_preferences import SignalWeights
from schemas.decision import Candidate

LIKED: Final = 0.75
STRENGTH: Final = 20.0
SCALE: Final = 11.0
_STEPS: Final = 3000
_RATE: Final = 0.5
_LEAST: Final = 1e-4
_DECIMALS: Final = 4


@dataclass(frozen=True, eq=False)
class Pairs:
    """Preferences, oldest first."""

    apart: Floats
    """Terms of the preferred less those of the other, in the order of ``TERMS``; shape (pairs, 5)."""
    boosts: Floats
    """Boosts of the preferred less those of the other, shape (pairs,)."""
    units: Ints
    overridden: Bools

    def __len__(self) -> int:
        return len(self.boosts)

    def take(self, at: Ints) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(self.apart[at], self.boosts[at], self.units[at], self.overridden[at])

    def margins(self, weights: Floats) -> Floats:
        """Return by how much the score puts the preferred above the other."""
        found: Floats = self.apart @ weights + self.boosts
        return found


def pairs_of(history: Sequence[PastDecision], signals: SignalWeights) -> Pairs:
    """Return the pairs of all decisions that nobody forced; models without recorded terms make none."""
    apart: list[list[float]] = []
    boosts: list[float] = []
    units: list[int] = []
    overridden: list[bool] = []
    places: dict[str, int] = {}
    for past in history:
        pair = _pair(past, signals) if past.free else None
        if pair is None:
            continue
        preferred, other = pair
        apart.append([getattr(preferred, term) - getattr(other, term) for term in TERMS])
        boosts.append(preferred.boost - other.boost)
        units.append(places.setdefault(past.unit, len(places)))
        overridden.append(past.overridden_to is not None)
    return Pairs(
        np.array(apart, dtype=np.float64).reshape(len(apart), len(TERMS)),
        np.array(boosts, dtype=np.float64),
        np.array(units, dtype=np.int64),
        np.array(overridden, dtype=np.bool_),
    )


def _pair(past: PastDecision, signals: SignalWeights) -> tuple[Candidate, Candidate] | None:
    known = {item.model: item for item in past.decision.candidates}
    chosen = known.get(past.decision.model)
    if chosen is None:
        return None
    if past.overridden_to is not None:
        wanted = known.get(past.overridden_to)
        return None if wanted is None else (wanted, chosen)
    worth = past.reward(signals)
    others = [item for item in past.decision.candidates if item.model != chosen.model]
    if worth is None or worth < LIKED or not others:
        return None
    return chosen, max(others, key=lambda item: (item.score, item.model))


def fit(pairs: Pairs, current: Mapping[str, float]) -> dict[str, float]:
    """Return the weights of the five terms: at least 0, four decimals, with the sum 1."""
    prior: Floats = np.maximum(np.array([current[term] for term in TERMS]), _LEAST)
    prior /= prior.sum()
    weights: Floats = prior.copy()
    total = len(pairs) + STRENGTH
    for _ in range(_STEPS):
        doubt = 1 / (1 + np.exp(SCALE * pairs.margins(weights)))
        slope = SCALE * (pairs.apart.T @ doubt) + STRENGTH * prior / weights
        weights = np.maximum(weights * np.exp(np.clip(_RATE * slope / total, -1, 1)), _LEAST)
        weights /= weights.sum()
    found = {term: round(float(weight), _DECIMALS) for term, weight in zip(TERMS, weights, strict=True)}
    largest = max(found, key=lambda term: found[term])
    found[largest] = round(found[largest] + 1 - sum(found.values()), _DECIMALS)
    return found
