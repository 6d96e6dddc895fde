"""Predicted quality of every model for a prompt (SPEC R16), from what was learned of an evaluation matrix.

::

    vector     = [words projected, characters projected, outward form]      whole numbers, 1 = UNIT
    clusters   = mean over several k-means of the scores of the prompt's cluster, drawn towards the overall mean
    trees      = boosted regression trees on each model's difference to the mean model; a leaf holds all models at once
    kinds      = mean scores of each kind of prompt, by how likely the prompt is of that kind; only where the training
                 data names kinds (tasks): a prompt that is to be predicted never tells its own
    quality(m) = level + (difference by clusters + difference by trees) / 2                        without kinds
                 level + (difference by clusters + difference by trees + 2 difference by kinds) / 4
    score(m)   = quality(m) - trade_off * cost(m)

All of it is arithmetic on whole numbers that their type holds exactly (below 2**24 in single precision, 2**53 in
double): no sum depends on its order, so every machine, batch size and library gives the same prediction to the last
bit. Training is in `routing.quality_training`, the artefact in `routing.quality_artefact`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import IntArray, features_of
from routing.quality_kinds import Kinds
from routing.quality_space import Space

FloatArray = npt.NDArray[np.float64]

WEIGHT_SCALE: Final = 1 << 14
"""Cluster means and leaves are multiples of 1 / WEIGHT_SCALE."""
_CHUNK: Final = 500


@dataclass(frozen=True, eq=False)
class Clusters:
    """Several k-means side by side: in each the nearest centre, and the mean scores there."""

    centres: IntArray
    """Shape (k-means, clusters, dimensions), multiples of 1 / UNIT."""
    means: IntArray
    """Shape (k-means, clusters, models), multiples of 1 / WEIGHT_SCALE."""

    @cached_property
    def _turned(self) -> npt.NDArray[np.float32]:
        return np.ascontiguousarray(self.centres.reshape(-1, self.centres.shape[2]).T.astype(np.float32))

    @cached_property
    def _halves(self) -> npt.NDArray[np.float32]:
        """Half the squared length of each centre."""
        halves: npt.NDArray[np.float32] = ((self.centres**2).sum(axis=2) / 2).astype(np.float32).reshape(-1)
        return halves

    @cached_property
    def _rows(self) -> IntArray:
        return np.arange(len(self.centres))

    def nearest(self, vectors: IntArray | npt.NDArray[np.float32]) -> IntArray:
        """Return the index of the nearest centre of each vector in each k-means, shape (prompts, k-means).

        Of equals the first. Half the squared distance, less the vector's own, is a multiple of 1/2 below 2**23.
        """
        inner = vectors.astype(np.float32) @ self._turned
        apart = (self._halves - inner).reshape(len(vectors), *self.centres.shape[:2])
        found: IntArray = apart.argmin(axis=2)
        return found

    def __call__(self, vectors: IntArray) -> IntArray:
        """Return the sums over the k-means, shape (prompts, models), multiples of 1 / WEIGHT_SCALE."""
        total: IntArray = self.means[self._rows, self.nearest(vectors)].sum(axis=1)
        return total


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees of equal depth: a prompt goes right where its value is above the threshold; leaves add up."""

    features: IntArray
    """Shape (trees, 2**depth - 1): column of the vector, in the order of a heap."""
    thresholds: IntArray
    """As ``features``, multiples of 1 / UNIT."""
    leaves: IntArray
    """Shape (trees, 2**depth, models), multiples of 1 / WEIGHT_SCALE."""
    base: IntArray
    """Shape (models,), what the leaves add to."""

    @cached_property
    def _first(self) -> IntArray:
        """Place of the first node of each tree among all nodes."""
        first: IntArray = np.arange(len(self.features)) * self.features.shape[1]
        return first

    @cached_property
    def _first_leaves(self) -> IntArray:
        """Place of the first leaf of each tree among all leaves."""
        first: IntArray = np.arange(len(self.features)) * (self.features.shape[1] + 1)
        return first

    @cached_property
    def _leaves(self) -> IntArray:
        leaves: IntArray = self.leaves.reshape(-1, len(self.base))
        return leaves

    def __call__(self, vectors: IntArray) -> IntArray:
        """Return the sums, shape (prompts, models), multiples of 1 / WEIGHT_SCALE."""
        found = np.empty((len(vectors), len(self.base)), dtype=np.int64)
        for start in range(0, len(vectors), _CHUNK):
            part = vectors[start : start + _CHUNK]
            leaf = self._first_leaves + self.places(part)
            found[start : start + len(part)] = self.base + self._leaves.take(leaf, axis=0).sum(axis=1)
        return found

    def places(self, vectors: IntArray) -> IntArray:
        """Return the leaf of each tree that each vector comes to, shape (prompts, trees)."""
        features, thresholds, first = self.features.reshape(-1), self.thresholds.reshape(-1), self._first
        inner = self.features.shape[1]
        row = np.arange(len(vectors))[:, None] * vectors.shape[1]
        flat = vectors.reshape(-1)
        # The root of every tree first: all prompts look at the same columns there.
        at: IntArray = 1 + (vectors.take(self.features[:, 0], axis=1) > self.thresholds[:, 0])
        for _ in range(inner.bit_length() - 1):
            node = first + at
            at = 2 * at + 1 + (flat.take(row + features.take(node)) > thresholds.take(node))
        places: IntArray = at - inner
        return places


@dataclass(frozen=True, eq=False)
class QualityModel:
    """A trained predictor."""

    models: tuple[str, ...]
    space: Space
    clusters: Clusters
    trees: Trees
    kinds: Kinds | None
    based: int
    """How many models, the first ones, level and differences are measured on: those that were trained together."""
    facts: Mapping[str, Any]
    """Data hash, metrics, settings and command of the training."""

    @property
    def divisor(self) -> int:
        """What `shares` are multiples of one of."""
        return (4 if self.kinds is not None else 2) * len(self.clusters.centres) * WEIGHT_SCALE * self.based

    def shares(self, vectors: IntArray) -> IntArray:
        """Return predicted scores, shape (prompts, models), multiples of 1 / `divisor`."""
        count, restarts = self.based, len(self.clusters.centres)
        clustered = self.clusters(vectors)
        kinds = None if self.kinds is None else self.kinds(vectors)
        # In multiples of 1 / (restarts * WEIGHT_SCALE * based): level, and differences to it.
        level = clustered[:, :count].sum(axis=1, keepdims=True)
        apart = count * clustered - level + restarts * count * self.trees(vectors)
        found: IntArray = 2 * level + apart
        if kinds is not None:
            found += 2 * level + 2 * restarts * (count * kinds - kinds[:, :count].sum(axis=1, keepdims=True))
        return found

    def predict_vectors(self, vectors: IntArray) -> FloatArray:
        """Return predicted scores, shape (prompts, models)."""
        found: FloatArray = self.shares(vectors) / self.divisor
        return found

    def predict(self, text: str) -> dict[str, float]:
        """Return the predicted score of every model for a prompt."""
        row = self.predict_vectors(self.space.vector(features_of(text))[None])[0]
        return dict(zip(self.models, row.tolist(), strict=True))
