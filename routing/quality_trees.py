"""Grows boosted regression trees that predict all models at once.

J. Friedman, "Greedy function approximation", Annals of Statistics 29 (2001), with stochastic rows and columns. A split
is worth the sum over models of squared residual sums, so that a leaf is a kind of prompt. Residuals are whole numbers,
whose sums are exact in any order: the same data and seed give the same trees on every machine.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import IntArray
from routing.quality_model import WEIGHT_SCALE, FloatArray, Trees

CUTS: Final = 15
"""Thresholds tried per column: the quantiles between sixteen groups."""
ROW_SHARE: Final = 0.5
COLUMN_SHARE: Final = 0.3
_COARSE: Final = 1 << 10
"""Residuals are multiples of 1 / _COARSE while splits are sought."""
_EXACT: Final = 1 << 24
"""Whole numbers up to here are exact in single precision."""
_NEVER: Final = np.iinfo(np.int64).max


def grow(
    vectors: IntArray,
    target: FloatArray,
    generator: np.random.Generator,
    *,
    count: int,
    depth: int,
    rate: float,
    shrink: float,
    min_leaf: int,
) -> Trees:
    """Return ``count`` trees fitted to ``target``, shape (prompts, models)."""
    columns = vectors.shape[1]
    cuts = np.rint(np.quantile(vectors, np.arange(1, CUTS + 1) / (CUTS + 1), axis=0)).astype(np.int64)
    above = np.stack([vectors > cut for cut in cuts], axis=2)
    whole = np.rint(target * WEIGHT_SCALE).astype(np.int64)
    base = np.rint(whole.sum(axis=0) / len(whole)).astype(np.int64)
    residual = whole - base
    inner = 2**depth - 1
    trees = Trees(
        np.zeros((count, inner), dtype=np.int64),
        np.full((count, inner), _NEVER, dtype=np.int64),
        np.zeros((count, inner + 1, target.shape[1]), dtype=np.int64),
        base,
    )
    rows_used = max(1, int(len(vectors) * ROW_SHARE))
    columns_used = max(1, int(columns * COLUMN_SHARE))
    for tree in range(count):
        rows = np.sort(generator.permutation(len(vectors))[:rows_used])
        tried = np.sort(generator.permutation(columns)[:columns_used])
        coarse = np.rint(residual[rows] / (WEIGHT_SCALE // _COARSE))
        exact = np.float32 if np.abs(coarse).sum(axis=0).max() < _EXACT else np.float64
        sides = above[np.ix_(rows, tried)].reshape(len(rows), -1).astype(exact)
        at = np.zeros(len(rows), dtype=np.int64)
        for node in range(inner):
            here = np.flatnonzero(at == node)
            best = _best_split(sides[here], coarse[here].astype(exact), shrink, min_leaf)
            if best is not None:
                trees.features[tree, node] = tried[best // CUTS]
                trees.thresholds[tree, node] = cuts[best % CUTS, tried[best // CUTS]]
                at[here] = 2 * node + 1 + (sides[here, best] > 0)
            else:
                at[here] = 2 * node + 1
        for leaf in range(inner + 1):
            inside = residual[rows[at == inner + leaf]]
            trees.leaves[tree, leaf] = np.rint(rate * inside.sum(axis=0) / (len(inside) + shrink)).astype(np.int64)
        one = Trees(
            trees.features[tree : tree + 1], trees.thresholds[tree : tree + 1], trees.leaves[tree : tree + 1], base
        )
        residual -= one(vectors) - base
    return trees


def _best_split(sides: npt.NDArray[Any], residual: npt.NDArray[Any], shrink: float, min_leaf: int) -> int | None:
    """Return the column of ``sides`` (0 or 1 per row) that parts the residuals best, or None."""
    if len(sides) < 2 * min_leaf:
        return None
    right = sides.sum(axis=0, dtype=np.float64)
    sums = (sides.T @ residual).astype(np.float64)
    left_sums = residual.sum(axis=0, dtype=np.float64) - sums
    left = len(sides) - right
    gain = np.zeros(len(right))
    for model in range(residual.shape[1]):
        gain += sums[:, model] ** 2 / (right + shrink) + left_sums[:, model] ** 2 / (left + shrink)
    gain[(right < min_leaf) | (left < min_leaf)] = -1.0
    best = int(gain.argmax())
    return best if gain[best] > 0 else None
