"""How good a classifier is on labelled prompts: everything from counts, so that a file of any length streams through.

Intervals are 95 %: Wilson's for shares; for macro-F1 and the calibration error 400 resamples of the counts
(multinomial, fixed seed), which is the bootstrap over prompts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

import numpy as np
import numpy.typing as npt

THRESHOLDS: Final = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
BINS: Final = 15
RESAMPLES: Final = 400
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Judged:
    """One classified prompt: what it is, what was said, how sure, in which language."""

    truth: str
    said: str
    confidence: float
    language: str


@dataclass
class Tally:
    """Counts of judged prompts."""

    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    languages: Counter[tuple[str, bool]] = field(default_factory=Counter)
    bins: Counter[tuple[int, bool]] = field(default_factory=Counter)
    sums: Counter[tuple[int, bool]] = field(default_factory=Counter)
    """Confidence per bin and verdict, in millionths."""
    above: Counter[tuple[float, bool]] = field(default_factory=Counter)

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> "Tally":
        """Count all."""
        tally = cls()
        for one in judged:
            tally.add(one)
        return tally

    def add(self, one: Judged) -> None:
        """Count one prompt."""
        right = one.truth == one.said
        self.pairs[one.truth, one.said] += 1
        self.languages[one.language, right] += 1
        cell = (min(BINS - 1, int(one.confidence * BINS)), right)
        self.bins[cell] += 1
        self.sums[cell] += round(one.confidence * 1_000_000)
        for threshold in THRESHOLDS:
            if one.confidence >= threshold:
                self.above[threshold, right] += 1

    @property
    def count(self) -> int:
        """Number of prompts."""
        return self.pairs.total()


def interval(right: int, count: int) -> dict[str, Any]:
    """Return a share with Wilson's 95 % interval; all None when there is nothing to share."""
    if count == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    share = right / count
    scale = 1 + _Z * _Z / count
    middle = (share + _Z * _Z / (2 * count)) / scale
    half = _Z * sqrt(share * (1 - share) / count + _Z * _Z / (4 * count * count)) / scale
    return {
        "value": round(share, 4),
        "low": round(max(0.0, middle - half), 4),
        "high": round(min(1.0, middle + half), 4),
        "n": count,
    }


def report(tally: Tally) -> dict[str, Any]:
    """Return accuracy, macro_f1, ece, coverage, per_label, per_language, each with interval, and the confusion."""
    labels = sorted({truth for truth, _ in tally.pairs})
    names = sorted({*labels, *(said for _, said in tally.pairs)})
    grid = np.array([[tally.pairs[truth, said] for said in names] for truth in labels], dtype=np.int64)
    right = sum(count for (truth, said), count in tally.pairs.items() if truth == said)
    return {
        "accuracy": interval(right, tally.count),
        "macro_f1": _resampled(grid, lambda counts: _macro_f1(counts, labels, names)),
        "ece": _calibration(tally),
        "coverage": _coverage(tally),
        "per_label": _per_label(grid, labels, names),
        "per_language": {
            language: interval(tally.languages[language, True], _of_language(tally, language))
            for language in sorted({language for language, _ in tally.languages})
        },
        "confusion": [
            {"truth": truth, "said": said, "count": count}
            for (truth, said), count in sorted(tally.pairs.items(), key=lambda item: (-item[1], item[0]))
            if truth != said
        ],
    }


def _of_language(tally: Tally, language: str) -> int:
    return tally.languages[language, True] + tally.languages[language, False]


def _macro_f1(grid: npt.NDArray[np.int64], labels: Sequence[str], names: Sequence[str]) -> float:
    """Return the mean F1 over labels that occur."""
    said = grid.sum(axis=0)
    values: list[float] = []
    for row, label in enumerate(labels):
        column = names.index(label)
        whole = int(grid[row].sum()) + int(said[column])
        if grid[row].sum() > 0:
            values.append(2 * int(grid[row, column]) / whole)
    return sum(values) / len(values) if values else 0.0


def _resampled(grid: npt.NDArray[np.int64], figure: Callable[[npt.NDArray[np.int64]], float]) -> dict[str, Any]:
    count = int(grid.sum())
    if count == 0:
        return {"value": None, "low": None, "high": None}
    random = np.random.default_rng(20261120)
    draws = random.multinomial(count, grid.ravel() / count, size=RESAMPLES)
    values = [figure(draw.reshape(grid.shape)) for draw in draws]
    low, high = np.quantile(values, (0.025, 0.975))
    return {"value": round(figure(grid), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _calibration(tally: Tally) -> dict[str, Any]:
    """Return the expected calibration error: the mean distance of confidence and accuracy over equal bins."""
    cells = np.array([[tally.bins[index, right] for right in (True, False)] for index in range(BINS)], dtype=np.int64)
    means = [
        [tally.sums[index, right] / 1_000_000 / max(1, tally.bins[index, right]) for right in (True, False)]
        for index in range(BINS)
    ]
    mean = np.array(means)

    def error(counts: npt.NDArray[np.int64]) -> float:
        return float(np.abs((counts * mean).sum(axis=1) - counts[:, 0]).sum() / counts.sum())

    found = _resampled(cells, error)
    found["bins"] = [
        {
            "from": round(index / BINS, 4),
            "n": int(cells[index].sum()),
            "confidence": round(float((cells[index] * mean[index]).sum() / cells[index].sum()), 4),
            "accuracy": round(float(cells[index, 0] / cells[index].sum()), 4),
        }
        for index in range(BINS)
        if cells[index].sum()
    ]
    return found


def _coverage(tally: Tally) -> dict[str, Any]:
    """Return per threshold of confidence which share of prompts passes it, and how many of those are right."""
    found: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        right, wrong = tally.above[threshold, True], tally.above[threshold, False]
        found[f"{threshold:g}"] = {**interval(right + wrong, tally.count), "accuracy": interval(right, right + wrong)}
    return found


def _per_label(grid: npt.NDArray[np.int64], labels: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
    said = grid.sum(axis=0)
    found: dict[str, Any] = {}
    for row, label in enumerate(labels):
        column = names.index(label)
        hits, truth, claimed = int(grid[row, column]), int(grid[row].sum()), int(said[column])
        found[label] = {
            **interval(hits, truth),
            "precision": round(hits / claimed, 4) if claimed else None,
            "recall": round(hits / truth, 4) if truth else None,
            "f1": round(2 * hits / (truth + claimed), 4) if truth + claimed else None,
        }
    return found
