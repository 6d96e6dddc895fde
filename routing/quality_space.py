"""From a prompt's features to its vector: words and characters projected to a few dimensions, outward form scaled.

Whole numbers throughout, or doubles that hold whole numbers exactly: the same bits on every machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import BUCKETS, SCALE, UNIT, Features, IntArray, Terms

FloatArray = npt.NDArray[np.float64]

AXIS_SCALE: Final = 1 << 10
IDF_SCALE: Final = 64
FINE: Final = 1 << 16
_CHUNK: Final = 500


@dataclass(frozen=True, eq=False)
class Projection:
    """From hashed terms to a few dimensions: rarity weights, then principal axes."""

    idf: IntArray
    """Shape (BUCKETS,), multiples of 1 / IDF_SCALE; 0 for what is too rare to say anything."""
    axes: IntArray
    """Shape (BUCKETS, dimensions), multiples of 1 / AXIS_SCALE."""
    centre: IntArray
    """Shape (dimensions,), multiples of 1 / FINE."""

    @cached_property
    def _axes(self) -> FloatArray:
        return self.axes.astype(np.float64)

    def __call__(self, terms: Sequence[Terms]) -> IntArray:
        """Return a vector of length 1 for each prompt, one per row, in multiples of 1 / UNIT."""
        found = np.empty((len(terms), len(self.centre)), dtype=np.int64)
        for start in range(0, len(terms), _CHUNK):
            part = terms[start : start + _CHUNK]
            # Sums of whole numbers below 2**53 are exact in doubles: the products do not depend on their order.
            dense = np.zeros((len(part), BUCKETS))
            for row, each in zip(dense, part, strict=True):
                row[each.buckets] = each.weights * self.idf[each.buckets]
            found[start : start + len(part)] = self._unit(dense @ self._axes, (dense * dense).sum(axis=1))
        return found

    def one(self, terms: Terms) -> IntArray:
        """Return the vector of one prompt: the same bits as among others, in less time."""
        weighted = (terms.weights * self.idf.take(terms.buckets)).astype(np.float64)
        squares = float(weighted @ weighted)
        if not squares:
            return np.zeros(len(self.centre), dtype=np.int64)
        sums = weighted @ self._axes.take(terms.buckets, axis=0)
        fine = np.rint(sums / max(math.sqrt(squares), 1.0) * (FINE / AXIS_SCALE)) - self.centre
        norm = max(math.sqrt(float(fine @ fine)), 1.0)
        unit: IntArray = np.rint(fine / norm * UNIT).astype(np.int64)
        return unit

    def _unit(self, sums: FloatArray, squares: FloatArray) -> IntArray:
        length = np.sqrt(squares)[:, None]
        fine = np.rint(sums / np.maximum(length, 1.0) * (FINE / AXIS_SCALE)) - self.centre
        norm = np.sqrt((fine * fine).sum(axis=1))[:, None]
        unit: IntArray = np.rint(fine / np.maximum(norm, 1.0) * UNIT).astype(np.int64)
        unit[squares == 0] = 0
        return unit


@dataclass(frozen=True, eq=False)
class Space:
    """The space of prompts: a vector is [words projected, characters projected, outward form], 1 = UNIT."""

    words: Projection
    characters: Projection
    form_mean: IntArray
    form_weight: IntArray
    """Per form feature, weight over standard deviation, in multiples of 1 / SCALE."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return len(self.words.centre) + len(self.characters.centre) + len(self.form_mean)

    def vector(self, features: Features) -> IntArray:
        """Return the vector of a prompt."""
        words, characters = self.words.one(features.words), self.characters.one(features.characters)
        return np.concatenate([words, characters, self._form(features.form)])

    def vectors(self, features: Sequence[Features]) -> IntArray:
        """Return the vectors of several prompts, one per row."""
        words = self.words([each.words for each in features])
        characters = self.characters([each.characters for each in features])
        return np.concatenate([words, characters, self._form(np.stack([each.form for each in features]))], axis=1)

    def _form(self, form: IntArray) -> IntArray:
        unit = (form - self.form_mean) * self.form_weight // (SCALE * SCALE // UNIT)
        bounded: IntArray = np.minimum(np.maximum(unit, -UNIT), UNIT)
        return bounded
