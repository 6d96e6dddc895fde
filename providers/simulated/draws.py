"""Chance without a generator: every draw is a hash of the seed, the request, the attempt and what is drawn.

The same attempt of the same request meets the same fate, in whatever order requests arrive; another attempt meets
another.
"""

import math
from hashlib import blake2b
from statistics import NormalDist

_NORMAL = NormalDist()
_SCALE = 2.0**-64


class Draws:
    """The draws of one attempt."""

    __slots__ = ("_base",)

    def __init__(self, seed: int, body: bytes, attempt: str) -> None:
        hasher = blake2b(seed.to_bytes(16, "big", signed=True), digest_size=16)
        hasher.update(len(attempt).to_bytes(4, "big") + attempt.encode())
        hasher.update(body)
        self._base = hasher.digest()

    def uniform(self, what: str) -> float:
        """Return a number strictly between 0 and 1."""
        number = int.from_bytes(blake2b(what.encode(), digest_size=8, key=self._base).digest(), "big")
        return (number + 0.5) * _SCALE

    def normal(self, what: str) -> float:
        """Return a standard normal number."""
        return _NORMAL.inv_cdf(min(max(self.uniform(what), 1e-15), 1 - 1e-15))

    def lognormal(self, what: str, median: float, sigma: float) -> float:
        """Return a lognormal number with the given median."""
        return median * math.exp(sigma * self.normal(what)) if sigma else median

    def whole(self, what: str, below: int) -> int:
        """Return a whole number from 0 to ``below`` - 1."""
        return min(int(self.uniform(what) * below), below - 1)
