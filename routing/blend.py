"""Where the classifier is unsure, cluster scores move its probabilities. Pure, exact.

    p'(t) = p(t) exp(b d(t)) / sum,   d(t) = score of the cluster of t - mean score of all clusters

``b`` is the document's ``blend``; a type that belongs to no cluster has d = 0. What it gains and loses on written
examples stands in docs/clusters.md.
"""

from decimal import Decimal
from functools import cache
from typing import Final

from routing.classifier_model import Verdict
from routing.clusters import ClusterTable
from routing.encoder import GRID
from routing.words import TYPES
from schemas.cluster_reading import ClusterReading

_STEPS: Final = 128
"""The exponential is tabulated every 1/128."""
_UNITS: Final = 8
"""Beyond exp(-8) a factor stays the same: no score rules a type out."""
_MILLI: Final = 1000


def blended(verdict: Verdict, reading: ClusterReading, table: ClusterTable) -> Verdict:
    """Return the probabilities after the scores; the same ones where the document blends nothing."""
    strength = round(table.document.blend * _MILLI)
    if strength == 0 or not reading.scores:
        return verdict
    scores = {name: round(score * GRID) for name, score in reading.scores.items()}
    count, whole = len(scores), sum(scores.values())
    moves = [strength * (count * scores[name] - whole) if name in scores else 0 for name in _clusters_of(table)]
    top, step = max(moves), _MILLI * GRID * count
    factors, last = _exponentials(), _STEPS * _UNITS
    weights = [
        weight * factors[min(last, ((top - move) * _STEPS) // step)]
        for weight, move in zip(verdict.weights, moves, strict=True)
    ]
    return Verdict(weights, sum(weights), weights.index(max(weights)))


def _clusters_of(table: ClusterTable) -> list[str | None]:
    return [table.cluster_of.get(kind) for kind in TYPES]


@cache
def _exponentials() -> tuple[int, ...]:
    """Return round(2^30 exp(-k / 128)): in decimal arithmetic, which is the same everywhere."""
    return tuple(int((Decimal(-k) / _STEPS).exp() * (1 << 30) + Decimal("0.5")) for k in range(_STEPS * _UNITS + 1))
