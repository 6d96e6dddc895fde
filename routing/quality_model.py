"""Predicted quality of every model for a prompt (SPEC R16), from what was learned of an evaluation matrix.

::

    vector     = [words projected, characters projected, outward form]      whole numbers, 1 = SCALE
    clusters   = mean over several k-means of the scores of the prompt's cluster, drawn towards the overall mean
    trees      = boosted regression trees on each model's difference to the mean model; a leaf holds all models at once
    quality(m) = level + (difference by clusters + difference by trees) / 2
    score(m)   = quality(m) - trade_off * cost(m)

All of it is arithmetic on whole numbers below 2**53 or on one number at a time: no sum depends on its order, so every
machine, batch size and library gives the same prediction to the last bit. Training is in `routing.quality_training`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import BUCKETS, FORM_NAMES, SCALE, Features, IntArray, Terms, features_of

FloatArray = npt.NDArray[np.float64]

WEIGHT_SCALE: Final = 1 << 20
"""Cluster means and leaves are multiples of 1 / WEIGHT_SCALE."""
AXIS_SCALE: Final = 1 << 14
IDF_SCALE: Final = 64
_FINE: Final = 1 << 16
_CHUNK: Final = 500


@dataclass(frozen=True, eq=False)
class Projection:
    """From hashed terms to a few dimensions: rarity weights, then principal axes."""

    idf: IntArray
    """Shape (BUCKETS,), multiples of 1 / IDF_SCALE; 0 for what is too rare to say anything."""
    axes: IntArray
    """Shape (BUCKETS, dimensions), multiples of 1 / AXIS_SCALE."""
    centre: IntArray
    """Shape (dimensions,), multiples of 1 / _FINE."""

    def __call__(self, terms: Sequence[Terms]) -> IntArray:
        """Return a vector of length 1 for each prompt, one per row, in multiples of 1 / SCALE."""
        found = np.empty((len(terms), len(self.centre)), dtype=np.int64)
        axes = self.axes.astype(np.float64)
        for start in range(0, len(terms), _CHUNK):
            part = terms[start : start + _CHUNK]
            # Sums of whole numbers below 2**53 are exact in doubles: the products do not depend on their order.
            dense = np.zeros((len(part), BUCKETS))
            for row, each in zip(dense, part, strict=True):
                row[each.buckets] = each.weights * self.idf[each.buckets]
            found[start : start + len(part)] = self._unit(dense @ axes, (dense * dense).sum(axis=1))
        return found

    def one(self, terms: Terms) -> IntArray:
        """Return the vector of one prompt: the same bits as among others, in less time."""
        weighted = terms.weights * self.idf[terms.buckets]
        sums = (weighted[:, None] * self.axes[terms.buckets]).sum(axis=0)
        squares = (weighted * weighted).sum()
        unit: IntArray = self._unit(sums[None].astype(np.float64), np.array([squares], dtype=np.float64))[0]
        return unit

    def _unit(self, sums: FloatArray, squares: FloatArray) -> IntArray:
        length = np.sqrt(squares)[:, None]
        fine = np.rint(sums / np.maximum(length, 1.0) * (_FINE / AXIS_SCALE)).astype(np.int64) - self.centre
        norm = np.sqrt((fine * fine).sum(axis=1).astype(np.float64))[:, None]
        unit: IntArray = np.rint(fine / np.maximum(norm, 1.0) * SCALE).astype(np.int64)
        unit[squares == 0] = 0
        return unit


@dataclass(frozen=True, eq=False)
class Clusters:
    """One k-means: nearest centre, and the mean scores there."""

    centres: IntArray
    """Shape (clusters, dimensions), multiples of 1 / SCALE."""
    means: IntArray
    """Shape (clusters, models), multiples of 1 / WEIGHT_SCALE."""

    def nearest(self, vectors: IntArray) -> IntArray:
        """Return the index of the nearest centre of each vector; of equals the first."""
        # Whole numbers below 2**53 are exact in doubles, so that this product does not depend on the order of its sums.
        inner = (vectors.astype(np.float64) @ self.centres.T.astype(np.float64)).astype(np.int64)
        found: IntArray = ((self.centres * self.centres).sum(axis=1) - 2 * inner).argmin(axis=1)
        return found


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees of equal depth: a prompt goes right where its value is above the threshold; leaves add up."""

    features: IntArray
    """Shape (trees, 2**depth - 1): column of the vector, in the order of a heap."""
    thresholds: IntArray
    """As ``features``, multiples of 1 / SCALE."""
    leaves: IntArray
    """Shape (trees, 2**depth, models), multiples of 1 / WEIGHT_SCALE."""
    base: IntArray
    """Shape (models,), what the leaves add to."""

    def __call__(self, vectors: IntArray) -> IntArray:
        """Return the sums, shape (prompts, models), multiples of 1 / WEIGHT_SCALE."""
        found = np.empty((len(vectors), len(self.base)), dtype=np.int64)
        every, inner = np.arange(len(self.features)), self.features.shape[1]
        for start in range(0, len(vectors), _CHUNK):
            part = vectors[start : start + _CHUNK]
            at = np.zeros((len(part), len(every)), dtype=np.int64)
            for _ in range(inner.bit_length()):
                values = np.take_along_axis(part, self.features[every, at], axis=1)
                at = 2 * at + 1 + (values > self.thresholds[every, at])
            found[start : start + len(part)] = self.base + self.leaves[every, at - inner].sum(axis=1)
        return found


@dataclass(frozen=True, eq=False)
class QualityModel:
    """A trained predictor. It is an artefact: `as_json` and `from_json` keep every bit."""

    models: tuple[str, ...]
    words: Projection
    characters: Projection
    form_mean: IntArray
    form_weight: IntArray
    """Per form feature, weight over standard deviation, in multiples of 1 / SCALE."""
    clusters: tuple[Clusters, ...]
    trees: Trees
    facts: Mapping[str, Any]
    """Data hash, metrics, settings and command of the training."""

    def vector(self, features: Features) -> IntArray:
        """Return the whole vector of a prompt."""
        words, characters = self.words.one(features.words), self.characters.one(features.characters)
        return np.concatenate([words, characters, self._form(features.form)])

    def vectors(self, features: Sequence[Features]) -> IntArray:
        """Return the vectors of several prompts, one per row."""
        words = self.words([each.words for each in features])
        characters = self.characters([each.characters for each in features])
        return np.concatenate([words, characters, self._form(np.stack([each.form for each in features]))], axis=1)

    def _form(self, form: IntArray) -> IntArray:
        scaled: IntArray = np.clip((form - self.form_mean) * self.form_weight // SCALE, -4 * SCALE, 4 * SCALE)
        return scaled

    def predict_vectors(self, vectors: IntArray) -> FloatArray:
        """Return predicted scores, shape (prompts, models)."""
        total = np.zeros((len(vectors), len(self.models)), dtype=np.int64)
        for each in self.clusters:
            total += each.means[each.nearest(vectors)]
        by_cluster = total / (len(self.clusters) * WEIGHT_SCALE)
        level = (total.sum(axis=1) / (len(self.clusters) * WEIGHT_SCALE * len(self.models)))[:, None]
        by_trees = self.trees(vectors) / WEIGHT_SCALE
        quality: FloatArray = level + ((by_cluster - level) + by_trees) / 2
        return quality

    def predict(self, text: str) -> dict[str, float]:
        """Return the predicted score of every model for a prompt."""
        row = self.predict_vectors(self.vector(features_of(text))[None])[0]
        return dict(zip(self.models, row.tolist(), strict=True))

    def as_json(self) -> dict[str, Any]:
        """Return the artefact: whole numbers in lists, and the facts of its training."""
        return {
            "kind": "quality_model",
            "format": 1,
            "models": list(self.models),
            "features": {"buckets": BUCKETS, "form": list(FORM_NAMES)},
            "words": _projection_json(self.words),
            "characters": _projection_json(self.characters),
            "form_mean": self.form_mean.tolist(),
            "form_weight": self.form_weight.tolist(),
            "clusters": [{"centres": each.centres.tolist(), "means": each.means.tolist()} for each in self.clusters],
            "trees": {
                "features": self.trees.features.tolist(),
                "thresholds": self.trees.thresholds.tolist(),
                "leaves": self.trees.leaves.tolist(),
                "base": self.trees.base.tolist(),
            },
            "facts": dict(self.facts),
        }


class ArtefactError(ValueError):
    """A document that is no quality model of this version."""


def from_json(document: Mapping[str, Any]) -> QualityModel:
    """Return the model of an artefact; raise `ArtefactError`."""
    if document.get("kind") != "quality_model" or document.get("format") != 1:
        raise ArtefactError("this is no quality model of format 1")
    if document.get("features") != {"buckets": BUCKETS, "form": list(FORM_NAMES)}:
        raise ArtefactError("this quality model was trained on other features: train it again")
    try:
        return QualityModel(
            tuple(document["models"]),
            _projection(document["words"]),
            _projection(document["characters"]),
            _whole(document["form_mean"]),
            _whole(document["form_weight"]),
            tuple(Clusters(_whole(each["centres"]), _whole(each["means"])) for each in document["clusters"]),
            Trees(**{name: _whole(document["trees"][name]) for name in ("features", "thresholds", "leaves", "base")}),
            dict(document["facts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"the quality model is damaged: {error}") from None


def _projection_json(projection: Projection) -> dict[str, Any]:
    return {
        "idf": projection.idf.tolist(),
        "axes": projection.axes.tolist(),
        "centre": projection.centre.tolist(),
    }


def _projection(document: Mapping[str, Any]) -> Projection:
    return Projection(_whole(document["idf"]), _whole(document["axes"]), _whole(document["centre"]))


def _whole(values: Any) -> IntArray:
    return np.array(values, dtype=np.int64)
