"""What an encoder is: text in, a vector of whole numbers out; and the exact arithmetic of such vectors. Pure.

Everything after ``encode`` is integer arithmetic, so that equal vectors give equal scores on any machine.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from math import isqrt
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.int64]
UNIT: Final = 1 << 14
"""Length of a normalised vector; its components fit 16 bits."""
ENCODED: Final = 8192
"""Characters an encoder reads at most, whatever it is given; who encodes prompts takes ``text.sample`` first."""
GRID: Final = 10_000
"""Cosines are whole numbers of ten-thousandths."""
_BITS: Final = 20
"""Bits of the largest component while a length is taken: their squares sum up far within 64 bits."""


class Encoder(Protocol):
    """Turns text into a vector. ``id`` names weights and arithmetic: equal ids mean equal vectors, or nearly so.

    ``exact``: the same text gives the same vector on any machine. Where it does not (inference in floating point),
    what was read is stored, and nothing is computed again.
    """

    @property
    def id(self) -> str:
        """Name, with the version of weights and arithmetic."""
        ...

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        ...

    @property
    def exact(self) -> bool:
        """Whether the same text gives the same vector on any machine."""
        ...

    def encode(self, text: str) -> Vector:
        """Return the vector of a text, of any length; all zeros for a text without content. Never raises on text."""
        ...


def unit(vector: Vector) -> Vector:
    """Return a vector in the same direction whose length is ``UNIT``, rounded down; zeros stay zeros."""
    largest = int(np.abs(vector).max(initial=0))
    if largest == 0:
        return vector
    shift = largest.bit_length() - _BITS
    scaled = vector >> shift if shift > 0 else vector << -shift
    return (scaled * UNIT) // isqrt(int(scaled @ scaled))


def quantised(values: Sequence[float]) -> Vector:
    """Return the vector of length ``UNIT`` in the direction of finite numbers; zeros for zeros.

    Each number is rounded once, to 2^20 steps of the largest: one answer of a provider is one vector anywhere.
    """
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0.0:
        return np.zeros(len(values), dtype=np.int64)
    steps = 1 << _BITS
    return unit(np.array([round(value / largest * steps) for value in values], dtype=np.int64))


def packed(vector: Vector) -> str:
    """Return a vector of length ``UNIT`` or less as events and documents carry it (``schemas.vector``)."""
    return b64encode(vector.astype("<i2").tobytes()).decode()


def unpacked(text: str) -> Vector | None:
    """Return what ``packed`` wrote; None for anything else."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        return None
    return None if not data or len(data) % 2 else np.frombuffer(data, "<i2").astype(np.int64)


def cosine(product: int, square: int) -> int:
    """Return a cosine in ten-thousandths, towards zero, of the inner product and the product of the squared lengths."""
    if square == 0:
        return 0
    found = min(isqrt(product * product * GRID * GRID // square), GRID)
    return found if product >= 0 else -found
