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
MOST_ROWS: Final = 2400
"""Drawn for a tree at most: more prompts make the trees no better and the work longer."""
_COARSE: Final = 1 << 10
"""Residuals are multiples of 1 / _COARSE while splits are sought."""
_EXACT: Final = 1 << 24
"""Whole numbers up to here are exact in single precision."""
_NEVER: Final = (1 << 15) - 1
"""A threshold that no value passes."""


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
    cuts = np.rint(np.quantile(vectors, np.arange(1, CUTS + 1) / (CUTS + 1), axis=0)).astype(np.int16)
    small = vectors.astype(np.int16)
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
    rows_used = min(MOST_ROWS, max(1, int(len(vectors) * ROW_SHARE)))
    columns_used = max(1, int(columns * COLUMN_SHARE))
    for tree in range(count):
        rows = np.sort(generator.permutation(len(vectors))[:rows_used])
        tried = np.sort(generator.permutation(columns)[:columns_used])
        splits, at = _splits(small[np.ix_(rows, tried)], cuts[:, tried], residual[rows], depth, shrink, min_leaf)
        for node, (column, threshold) in splits.items():
            trees.features[tree, node], trees.thresholds[tree, node] = tried[column], threshold
        for leaf in range(inner + 1):
            inside = residual[rows[at == inner + leaf]]
            trees.leaves[tree, leaf] = np.rint(rate * inside.sum(axis=0) / (len(inside) + shrink)).astype(np.int64)
        one = Trees(
            trees.features[tree : tree + 1], trees.thresholds[tree : tree + 1], trees.leaves[tree : tree + 1], base
        )
        residual -= one(vectors) - base
    return trees


def _splits(
    values: npt.NDArray[np.int16],
    cuts: npt.NDArray[np.int16],
    residual: IntArray,
    depth: int,
    shrink: float,
    min_leaf: int,
) -> tuple[dict[int, tuple[int, int]], IntArray]:
    """Return (column, threshold) of the nodes that part their rows, and the place of each row below them.

    All nodes of a level are looked at together.
    """
    coarse = np.rint(residual / (WEIGHT_SCALE // _COARSE))
    exact = np.float32 if np.abs(coarse).sum(axis=0).max() < _EXACT else np.float64
    sides = (values[:, :, None] > cuts.T[None]).reshape(len(values), -1).astype(exact)
    counted = np.concatenate([coarse, np.ones((len(coarse), 1))], axis=1).astype(exact)
    at = np.zeros(len(values), dtype=np.int64)
    every = np.arange(len(values))
    found: dict[int, tuple[int, int]] = {}
    for level in range(depth):
        first, nodes = 2**level - 1, 2**level
        by_node = np.zeros((len(values), nodes, counted.shape[1]), dtype=exact)
        by_node[every, at - first] = counted
        best = _best_splits(sides, by_node, shrink, min_leaf)
        right = np.zeros(len(values), dtype=np.int64)
        for node, split in best.items():
            column, cut = divmod(split, CUTS)
            found[first + node] = (column, int(cuts[cut, column]))
            here = at == first + node
            right[here] = sides[here, split] > 0
        at = 2 * at + 1 + right
    return found, at


def _best_splits(sides: npt.NDArray[Any], by_node: npt.NDArray[Any], shrink: float, min_leaf: int) -> dict[int, int]:
    """Return for each node the column of ``sides`` (0 or 1 per row) that parts its residuals best, where one does.

    ``by_node``: shape (rows, nodes, models + 1), a row's residuals and a one in its own node, else zero.
    """
    nodes, models = by_node.shape[1], by_node.shape[2] - 1
    sums = (sides.T @ by_node.reshape(len(by_node), -1)).astype(np.float64).reshape(-1, nodes, models + 1)
    totals = by_node.sum(axis=0, dtype=np.float64)
    right = sums[:, :, models]
    left = totals[:, models] - right
    gain = np.zeros(right.shape)
    for model in range(models):
        gain += sums[:, :, model] ** 2 / (right + shrink)
        gain += (totals[:, model] - sums[:, :, model]) ** 2 / (left + shrink)
    gain[(right < min_leaf) | (left < min_leaf)] = -1.0
    best = gain.argmax(axis=0)
    return {node: int(best[node]) for node in range(nodes) if gain[best[node], node] > 0}
