"""Learns k-means over prompts' vectors, with the mean scores of each cluster. Sums are of whole numbers: exact."""

from typing import Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import IntArray
from routing.quality_model import WEIGHT_SCALE, Clusters, FloatArray

MOST_PROMPTS: Final = 6000
"""Drawn to find the centres: more make them no better and the work longer. Means are over all."""
_PER_CLUSTER: Final = 8
"""Prompts that a cluster needs at least, on average."""


class Clustering:
    """The vectors of all prompts, ready to be clustered again and again."""

    def __init__(self, vectors: IntArray, scores: FloatArray, shrink: float) -> None:
        """Take vectors (prompts, dimensions) and scores (prompts, models); ``shrink`` as in `TrainingSettings`."""
        self._all = vectors
        self._use(vectors)
        self._scores = np.rint(scores * WEIGHT_SCALE).astype(np.int64)
        self._shrink = shrink

    def _use(self, vectors: IntArray) -> None:
        """Take the vectors among which centres are sought."""
        self._vectors = vectors.astype(np.int32)
        self._single: npt.NDArray[np.float32] = vectors.astype(np.float32)
        self._squares = (vectors * vectors).sum(axis=1)

    def repeated(self, restarts: int, clusters: int, rounds: int, generator: np.random.Generator) -> Clusters:
        """Return several k-means (seeded as k-means++) with their shrunk means. Centres are whole numbers."""
        count = min(clusters, max(1, len(self._all) // _PER_CLUSTER))
        if len(self._all) > MOST_PROMPTS:
            self._use(self._all[np.sort(generator.permutation(len(self._all))[:MOST_PROMPTS])])
        found = [self._once(count, rounds, generator) for _ in range(restarts)]
        return Clusters(np.stack([centres for centres, _ in found]), np.stack([means for _, means in found]))

    def _once(self, count: int, rounds: int, generator: np.random.Generator) -> tuple[IntArray, IntArray]:
        centres = self._seeds(count, generator)
        for _ in range(rounds):
            order, starts, sizes = _grouped(self._nearest(centres, self._single), count)
            sums = np.zeros_like(centres)
            sums[sizes > 0] = np.add.reduceat(self._vectors[order], starts[sizes > 0], axis=0)
            mean = np.rint(sums / np.maximum(sizes, 1)[:, None]).astype(np.int64)
            moved = np.where(sizes[:, None] > 0, mean, centres)
            if np.array_equal(moved, centres):
                break
            centres = moved
        return centres, self._means(*_grouped(self._nearest(centres, self._all), count))

    def _means(self, order: IntArray, starts: IntArray, sizes: IntArray) -> IntArray:
        totals = np.zeros((len(sizes), self._scores.shape[1]))
        totals[sizes > 0] = np.add.reduceat(self._scores[order], starts[sizes > 0], axis=0)
        overall = self._scores.sum(axis=0) / len(self._scores)
        means = np.rint((totals + self._shrink * overall) / (sizes[:, None] + self._shrink))
        whole: IntArray = means.astype(np.int64)
        return whole

    def _nearest(self, centres: IntArray, vectors: IntArray | npt.NDArray[np.float32]) -> IntArray:
        empty = np.zeros((1, len(centres), self._scores.shape[1]), dtype=np.int64)
        return Clusters(centres[None], empty).nearest(vectors)[:, 0]

    def _seeds(self, count: int, generator: np.random.Generator) -> IntArray:
        """Return ``count`` vectors, each drawn with a chance that grows with its distance to those before."""
        chosen = [int(generator.integers(len(self._vectors)))]
        distance = self._distance(chosen[0])
        while len(chosen) < count:
            rising = distance.cumsum()
            drawn = int(generator.integers(max(1, int(rising[-1]))))
            chosen.append(int(np.searchsorted(rising, drawn, side="right").clip(0, len(self._vectors) - 1)))
            distance = np.minimum(distance, self._distance(chosen[-1]))
        return self._vectors[chosen].astype(np.int64)

    def _distance(self, index: int) -> IntArray:
        """Return the squared distance of every vector to that of ``index``; the products are exact (see `Clusters`)."""
        inner = (self._single @ self._single[index]).astype(np.int64)
        found: IntArray = self._squares + self._squares[index] - 2 * inner
        return found


def _grouped(nearest: IntArray, count: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows ordered by group, where each group starts and how large it is."""
    sizes = np.bincount(nearest, minlength=count).astype(np.int64)
    return np.argsort(nearest, kind="stable").astype(np.int64), np.cumsum(sizes) - sizes, sizes
