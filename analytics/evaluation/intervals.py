"""Intervals by resampling questions: a question drawn twice counts twice in every split that tests it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval over questions and its spread over splits; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    sd: float | None = None
    """Standard deviation over splits."""

    def as_json(self) -> dict[str, float | None]:
        """Return a JSON object, rounded to six decimals."""
        named = {"value": self.value, "low": self.low, "high": self.high, "sd": self.sd}
        return {name: None if value is None else round(value, 6) for name, value in named.items()}


NOTHING = Estimate(None, None, None)


def resamples(questions: int, count: int, seed: int) -> FloatArray:
    """Return how often each question is drawn in each resample; shape (count, questions)."""
    generator = np.random.default_rng(seed)
    drawn = np.empty((count, questions), dtype=np.float32)
    for row in drawn:
        row[:] = np.bincount(generator.integers(questions, size=questions), minlength=questions)
    return drawn  # type: ignore[return-value]


def weights(drawn: FloatArray, tested: IntArray) -> FloatArray:
    """Return the resamples of one split's test questions, each row a mean's weights."""
    part = drawn[:, tested].astype(np.float64)
    total = part.sum(axis=1, keepdims=True)
    result: FloatArray = part / np.maximum(total, 1.0)
    return result


def estimate(values: FloatArray, resampled: FloatArray) -> Estimate:
    """Return the mean over splits: ``values`` has shape (splits,), ``resampled`` (splits, resamples)."""
    if np.isnan(values).any():
        return NOTHING
    over_splits = resampled.mean(axis=0)
    known = over_splits[~np.isnan(over_splits)]
    if not len(known):
        return Estimate(float(values.mean()), None, None, float(values.std()))
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(float(values.mean()), float(low), float(high), float(values.std()))
