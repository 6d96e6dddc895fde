"""What a router is worth along its trade-off: quality against cost, and the figures read off that curve.

A policy takes, for a trade-off ``t``, the model with the greatest ``predicted - t * cost``. As ``t`` grows from minus
to plus infinity, the mean cost falls from the dearest to the cheapest. The figures follow RouteLLM (arXiv 2406.18665),
carried from two models to many by measuring the way between two anchors in money instead of in calls::

    x(t)   = (cost(t) - cost(cheap)) / (cost(strong) - cost(cheap))
    PGR(t) = (quality(t) - quality(cheap)) / (quality(strong) - quality(cheap))      performance gap recovered
    APGR   = area under PGR over x in 0..1                                           0.5 for choosing at random
    CPT(p) = least x at which PGR reaches p                                          1 where it never does

``strong`` is the best single model, ``cheap`` the best among those of the lowest price. With two models x is the share
of calls that the strong one gets, as in the paper. With more, PGR may start above 0 and pass 1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

GRID: Final = 384
"""Trade-offs looked at; where fewer matter, each of them."""


@dataclass(frozen=True)
class Anchors:
    """Columns of the two models between which the gap is measured."""

    cheap: int
    strong: int


@dataclass(frozen=True)
class Figures:
    """NaN where the anchors do not differ in cost or quality."""

    apgr: float
    cpt50: float
    cpt80: float


def trade_offs(predicted: FloatArray, costs: FloatArray, limit: int = GRID) -> FloatArray:
    """Return rising trade-offs between which some choice changes; of many, ``limit`` spread evenly over the changes.

    ``predicted`` and ``costs``: shape (prompts, models). The first and last are beyond all changes.
    """
    found = [np.zeros(1)]
    count = predicted.shape[1]
    for one in range(count):
        for other in range(one + 1, count):
            gap = costs[:, one] - costs[:, other]
            apart = gap != 0
            found.append((predicted[apart, one] - predicted[apart, other]) / gap[apart])
    changes = np.unique(np.concatenate(found))
    if len(changes) > limit:
        changes = np.unique(np.quantile(changes, np.linspace(0, 1, limit)))
    between = (changes[1:] + changes[:-1]) / 2
    return np.unique(np.concatenate([[changes[0] - 1.0], between, [0.0], [changes[-1] + 1.0]]))


def choose(predicted: FloatArray, costs: FloatArray, trade_off: float) -> IntArray:
    """Return the column chosen for each prompt; of equals the cheaper, then the first."""
    order = np.argsort(costs.mean(axis=0), kind="stable")
    worth = predicted - trade_off * costs
    chosen: IntArray = order[worth[:, order].argmax(axis=1)]
    return chosen


def along(
    predicted: FloatArray, costs: FloatArray, scores: FloatArray, grid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (quality, cost) of what is chosen, shape (prompts, trade-offs) each."""
    order = np.argsort(costs.mean(axis=0), kind="stable")
    predicted, costs, scores = predicted[:, order], costs[:, order], scores[:, order]
    first = np.arange(len(predicted)) * len(order)
    quality = np.empty((len(grid), len(predicted)))
    cost = np.empty_like(quality)
    for at, trade_off in enumerate(grid.tolist()):
        chosen = first + (predicted - trade_off * costs).argmax(axis=1)
        quality[at], cost[at] = scores.take(chosen), costs.take(chosen)
    return quality.T, cost.T


def anchors(scores: FloatArray, costs: FloatArray) -> Anchors:
    """Return the anchors by the means of ``scores`` and ``costs``, shape (prompts, models)."""
    means, prices = scores.mean(axis=0), costs.mean(axis=0)
    cheapest = np.flatnonzero(prices <= prices.min() * (1 + 1e-9))
    return Anchors(int(cheapest[means[cheapest].argmax()]), int(means.argmax()))


def figures(quality: FloatArray, cost: FloatArray, cheap: tuple[float, float], strong: tuple[float, float]) -> Figures:
    """Return the figures of a curve: mean quality and cost at each trade-off, anchors as (quality, cost)."""
    quality_gap, cost_gap = strong[0] - cheap[0], strong[1] - cheap[1]
    if quality_gap <= 0 or cost_gap <= 0:
        return Figures(np.nan, np.nan, np.nan)
    order = np.argsort(cost, kind="stable")
    way = (cost[order] - cheap[1]) / cost_gap
    recovered = (quality[order] - cheap[0]) / quality_gap
    inside = (way > 0) & (way < 1)
    points = np.concatenate([[0.0], way[inside], [1.0]])
    ends = np.interp([0.0, 1.0], way, recovered)
    values = np.concatenate([ends[:1], recovered[inside], ends[1:]])
    area = float((np.diff(points) * (values[1:] + values[:-1]) / 2).sum())
    return Figures(area, _first(points, values, 0.5), _first(points, values, 0.8))


def equal_quality(quality: FloatArray, grid: FloatArray, target: float) -> int:
    """Return the index of the greatest trade-off (>= 0) at which the mean quality still reaches ``target``.

    Where none does: that of the greatest quality.
    """
    allowed = np.flatnonzero(grid >= 0)
    reached = allowed[quality[allowed] >= target]
    return int(reached[-1]) if len(reached) else int(allowed[quality[allowed].argmax()])


def _first(points: FloatArray, values: FloatArray, target: float) -> float:
    reached = np.flatnonzero(values >= target)
    if not len(reached):
        return 1.0
    at = int(reached[0])
    if at == 0:
        return float(points[0])
    rise = values[at] - values[at - 1]
    return float(points[at - 1] + (points[at] - points[at - 1]) * (target - values[at - 1]) / rise)
