"""Draws without randomness: a hash of stable ids, so that the same log draws the same (DESIGN 5)."""

from hashlib import blake2b
from typing import Final

_BITS: Final = 53


def draw(*parts: str | int) -> float:
    """Return a number in [0, 1) that depends on ``parts`` alone: 53 bits of BLAKE2b, exact as a double.

    Name first what is drawn, so that two draws about one request do not follow each other.
    """
    digest = blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS)
