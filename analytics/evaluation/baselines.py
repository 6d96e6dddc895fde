"""What a learned router must beat: rules that know the prompt's length or its task, and the most similar prompts."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

LENGTH_GROUPS: Final = 10
SHRINK: Final = 10.0
"""A group's mean counts as much as this many prompts of the overall mean are added to it."""
NEIGHBOURS: Final = 100
_CHUNK: Final = 1000


def group_means(groups: IntArray, scores: FloatArray, count: int) -> FloatArray:
    """Return the mean scores of each group, drawn towards the overall mean; shape (count, models)."""
    sums = np.zeros((count, scores.shape[1]))
    np.add.at(sums, groups, scores)
    sizes = np.bincount(groups, minlength=count).astype(np.float64)[:, None]
    means: FloatArray = (sums + SHRINK * scores.mean(axis=0)) / (sizes + SHRINK)
    return means


def length_only(lengths: FloatArray, train: IntArray, scores: FloatArray) -> FloatArray:
    """Predict every prompt's scores from its length alone: the means of ten groups of equal size."""
    edges = np.unique(np.quantile(lengths[train], np.arange(1, LENGTH_GROUPS) / LENGTH_GROUPS))
    groups = np.searchsorted(edges, lengths, side="right")
    return group_means(groups[train], scores[train], len(edges) + 1)[groups]


def task_label(tasks: Sequence[str], train: IntArray, scores: FloatArray) -> FloatArray:
    """Predict every prompt's scores as the means of its task."""
    names = {name: index for index, name in enumerate(sorted(set(tasks)))}
    groups = np.array([names[task] for task in tasks], dtype=np.intp)
    return group_means(groups[train], scores[train], len(names))[groups]


def nearest(known: FloatArray, scores: FloatArray, wanted: FloatArray) -> FloatArray:
    """Predict the scores of the prompts ``wanted`` as the means of their nearest neighbours among ``known``.

    Both are vectors, one per row; ``scores`` are those of ``known``.
    """
    base = known.astype(np.float32)
    size = (base * base).sum(axis=1)
    count = min(NEIGHBOURS, len(base))
    found = np.empty((len(wanted), scores.shape[1]))
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK].astype(np.float32)
        near = np.argpartition(size - 2 * part @ base.T, count - 1, axis=1)[:, :count]
        found[start : start + _CHUNK] = scores[near].mean(axis=1)
    return found
