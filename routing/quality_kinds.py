"""The kinds head: how likely a prompt is of each kind that the training data named, and what models score there.

Multinomial logistic regression on the prompt's vector. Probabilities are whole numbers: powers of two by table.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import UNIT, IntArray

LOGIT_SCALE: Final = 1 << 12
"""Logits (to base 2) are multiples of 1 / LOGIT_SCALE; the weights of the vector's columns too."""
STEPS: Final = 64
"""Steps between two powers of two."""
_BITS: Final = 20
"""A kind 2**20 times less likely than another counts for nothing."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """Weights of each kind, and its mean scores."""

    weights: IntArray
    """Shape (dimensions, kinds): of a whole column's unit, in multiples of 1 / LOGIT_SCALE over the vector's UNIT."""
    bias: IntArray
    """Shape (kinds,), multiples of 1 / LOGIT_SCALE."""
    means: IntArray
    """Shape (kinds, models), multiples of 1 / WEIGHT_SCALE."""

    def chances(self, vectors: IntArray) -> IntArray:
        """Return how likely each kind is, shape (prompts, kinds): relative, the most likely has 2**20."""
        inner = vectors.astype(np.float64) @ self.weights.astype(np.float64)  # whole numbers below 2**53: exact
        logits = inner.astype(np.int64) // UNIT + self.bias
        apart = (logits.max(axis=1, keepdims=True) - logits) // (LOGIT_SCALE // STEPS)
        found: IntArray = _powers().take(np.minimum(apart, _BITS * STEPS))
        return found

    def __call__(self, vectors: IntArray) -> IntArray:
        """Return the expected scores, shape (prompts, models), multiples of 1 / WEIGHT_SCALE."""
        chances = self.chances(vectors)
        sums = (chances.astype(np.float64) @ self.means.astype(np.float64)).astype(np.int64)  # below 2**53: exact
        found: IntArray = sums // chances.sum(axis=1, keepdims=True)
        return found


@cache
def _powers() -> npt.NDArray[np.int64]:
    """Return round(2**(20 - k / STEPS)), then 0: in decimal arithmetic, which is the same everywhere."""
    step = Decimal(2) ** (Decimal(-1) / STEPS)
    values, value = [], Decimal(1 << _BITS)
    for _ in range(_BITS * STEPS):
        values.append(int(value + Decimal("0.5")))
        value *= step
    return np.array([*values, 0], dtype=np.int64)
