"""Whether predicted quality can be believed: what was expected beside what came, by size of the expectation.

ECE, the expected calibration error (M. Naeini et al., AAAI 2015): the mean over all predictions of the distance between
what was expected and what came, after both are averaged within ten bins of equal width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from analytics.evaluation.intervals import Estimate, estimate

FloatArray = npt.NDArray[np.float64]

BINS: Final = 10


@dataclass(frozen=True)
class Sums:
    """By question and bin, shape (questions, BINS) each: predictions, and the sums of what was expected and came."""

    count: FloatArray
    expected: FloatArray
    came: FloatArray


class Line(NamedTuple):
    """What predictions are corrected by: ``intercept + slope * prediction``."""

    intercept: float
    slope: float

    def __call__(self, predicted: FloatArray) -> FloatArray:
        """Return corrected predictions."""
        corrected: FloatArray = self.intercept + self.slope * predicted
        return corrected


@dataclass(frozen=True)
class Bin:
    """Predictions of one size, over all splits."""

    low: float
    high: float
    count: int
    expected: float
    came: float


@dataclass(frozen=True)
class Reliability:
    """The figures of one set of predictions."""

    error: Estimate
    """ECE; resampled ones lie a little higher, as every resample adds noise."""
    bins: Sequence[Bin]
    """Those that hold any prediction."""


def edges_of(scores: FloatArray) -> FloatArray:
    """Return the bounds of the bins: of 0 to 1, or of the scores' own range where that is wider."""
    return np.linspace(min(0.0, float(scores.min())), max(1.0, float(scores.max())), BINS + 1)


def fitted(predicted: FloatArray, scores: FloatArray) -> Line:
    """Return the line of least squares; the identity where predictions do not differ or have nothing to say."""
    spread = float(predicted.var())
    together = float(((predicted - predicted.mean()) * (scores - scores.mean())).mean())
    if spread <= 0 or together <= 0:
        return Line(0.0, 1.0)
    slope = together / spread
    return Line(float(scores.mean()) - slope * float(predicted.mean()), slope)


def sums(predicted: FloatArray, scores: FloatArray, edges: FloatArray) -> Sums:
    """Return the sums of predictions of any number for each question; shape (questions, predictions) each."""
    place = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, BINS - 1)
    count, expected, came = (np.zeros((len(predicted), BINS)) for _ in range(3))
    rows = np.broadcast_to(np.arange(len(predicted))[:, None], predicted.shape)
    np.add.at(count, (rows, place), 1.0)
    np.add.at(expected, (rows, place), predicted)
    np.add.at(came, (rows, place), scores)
    return Sums(count, expected, came)


def reliability(found: Sequence[Sums], weighted: Sequence[FloatArray], edges: FloatArray) -> Reliability:
    """Return the figures over splits; ``weighted``: the resamples of each split's questions, as rows of weights."""
    plain = np.array([_error(np.full((1, len(each.count)), 1 / len(each.count)), each)[0] for each in found])
    again = np.stack([_error(weight, each) for weight, each in zip(weighted, found, strict=True)])
    totals = [sum(getattr(each, name).sum(axis=0) for each in found) for name in ("count", "expected", "came")]
    bins = [
        Bin(float(edges[at]), float(edges[at + 1]), int(count), float(expected / count), float(came / count))
        for at, (count, expected, came) in enumerate(zip(*totals, strict=True))
        if count
    ]
    return Reliability(estimate(plain, again), bins)


def _error(weight: FloatArray, found: Sums) -> FloatArray:
    """Return the ECE for each weighing of the questions."""
    apart: FloatArray = np.abs(weight @ found.expected - weight @ found.came).sum(axis=1)
    total: FloatArray = (weight @ found.count).sum(axis=1)
    error: FloatArray = apart / np.maximum(total, 1e-12)
    return error
