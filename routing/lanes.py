"""Rows of small numbers as one big integer each: two rows of dozens of numbers are added by one addition.

A row is ``sum(number << 32 * lane)``, numbers of either sign. Sums stay exact while each lane stays within 2^31.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Final

LANE_BITS: Final = 32


class Lanes:
    """Rows of ``count`` numbers."""

    def __init__(self, count: int) -> None:
        """Prepare to read rows of ``count`` lanes."""
        self._size = count * LANE_BITS // 8
        self._signs = sum(1 << (LANE_BITS * lane + LANE_BITS - 1) for lane in range(count))
        self._numbers = Struct(f"<{count}i")

    def row(self, numbers: Iterable[int]) -> int:
        """Return the row of numbers."""
        return sum(number << (LANE_BITS * lane) for lane, number in enumerate(numbers))

    def numbers(self, row: int) -> tuple[int, ...]:
        """Return the numbers of a row."""
        return self._numbers.unpack(((row + self._signs) ^ self._signs).to_bytes(self._size, "little"))
