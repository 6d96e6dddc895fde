"""Rows of numbers as one integer."""

from hypothesis import given
from hypothesis import strategies as st

from routing.lanes import Lanes

NUMBERS = st.lists(st.integers(-1_000_000, 1_000_000), min_size=7, max_size=7)


@given(st.lists(NUMBERS, max_size=20))
def test_the_sum_of_rows_is_the_row_of_sums(rows: list[list[int]]) -> None:
    """Adding integers adds each lane, of either sign, exactly."""
    lanes = Lanes(7)
    expected = tuple(map(sum, zip(*rows, strict=True))) if rows else (0,) * 7
    assert lanes.numbers(sum(map(lanes.row, rows))) == expected


def test_lanes_hold_the_limits_of_32_bits() -> None:
    """The greatest and the least number of 32 bits stand beside each other undisturbed."""
    lanes = Lanes(4)
    numbers = (2**31 - 1, -(2**31), 0, -1)
    assert lanes.numbers(lanes.row(numbers)) == numbers
