"""Means with 95 % intervals over prompts (and runs, where chance is simulated), and what they say about a goal."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from analytics.evaluation.intervals import Estimate, FloatArray, resamples

Verdict = Literal["met", "missed", "cannot tell", "not measured"]
RESAMPLES: Final = 1000


class Sampler:
    """Resamples of prompts, weighted as in the mean: the same ones for every figure, so that figures compare."""

    def __init__(self, weights: FloatArray, seed: int = 0, count: int = RESAMPLES) -> None:
        self.weights = weights
        self._seed = seed
        self.drawn = resamples(len(weights), count, seed).astype(np.float64) * weights

    def mean(self, values: FloatArray) -> Estimate:
        """Return the weighted mean of ``values``: shape (prompts,), or (runs, prompts) to resample the runs too."""
        by_run = np.atleast_2d(values)
        total = self.drawn.sum(axis=1, keepdims=True)
        some = total[:, 0] > 0  # of few prompts, a resample may hold none
        means = (self.drawn @ by_run.T)[some] / total[some]
        runs = resamples(len(by_run), len(means), self._seed + 1)
        spread = (means * runs).sum(axis=1) / runs.sum(axis=1)
        return _estimate(float((by_run @ self.weights).mean() / self.weights.sum()), spread)

    def part(self, chosen: Sequence[bool]) -> "Sampler":
        """Return the same for some of the prompts alone."""
        part = Sampler.__new__(Sampler)
        part.weights = self.weights[np.array(chosen)]
        part._seed = self._seed
        part.drawn = self.drawn[:, np.array(chosen)]
        return part


def mean_of(values: FloatArray, seed: int = 0) -> Estimate:
    """Return the plain mean of independent values with its interval."""
    return Sampler(np.full(len(values), 1 / len(values)), seed).mean(values)


def _estimate(value: float, spread: FloatArray) -> Estimate:
    low, high = np.quantile(spread, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def interval(value: float, spread: FloatArray) -> Estimate:
    """Return a figure with the interval that its resamples span."""
    return _estimate(value, spread)


def rest(found: Estimate) -> Estimate:
    """Return the rest to 1 of a share."""
    return Estimate(*(None if part is None else 1 - part for part in (found.value, found.high, found.low)))


def verdict(found: Estimate, goal: float, *, at_least: bool) -> Verdict:
    """Return whether the whole interval is on the good side of the goal, on the bad side, or on both."""
    if found.value is None or found.low is None or found.high is None:
        return "cannot tell"
    worst, best = (found.low, found.high) if at_least else (-found.high, -found.low)
    aim = goal if at_least else -goal
    if worst >= aim:
        return "met"
    return "missed" if best < aim else "cannot tell"


def percent(found: Estimate) -> str:
    """Return a share with its interval, in percent."""
    return _text(found, 100, 1, " %")


def points(found: Estimate) -> str:
    """Return points with their interval."""
    return _text(found, 1, 2, "")


def _text(found: Estimate, factor: float, digits: int, unit: str) -> str:
    if found.value is None:
        return "-"
    value = _number(found.value * factor, digits) + unit
    if found.low is None or found.high is None:
        return value
    return f"{value} ({_number(found.low * factor, digits)} to {_number(found.high * factor, digits)})"


def _number(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"
