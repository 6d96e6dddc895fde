from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.encoder import GRID, UNIT, cosine, packed, quantised, unit, unpacked

VECTORS = st.lists(st.integers(-(2**40), 2**40), min_size=3, max_size=12)


def test_zeros_have_no_direction() -> None:
    """A vector of zeros stays one, and its cosine with anything is 0."""
    nothing = np.zeros(8, dtype=np.int64)
    assert not unit(nothing).any()
    assert cosine(0, 0) == 0


@given(VECTORS)
def test_a_unit_has_the_length_and_the_direction(values: list[int]) -> None:
    """A normalised vector is as long as the unit and points where the vector points, but for rounding."""
    vector = np.array(values, dtype=np.int64)
    found = unit(vector)
    length = sqrt(sum(int(part) ** 2 for part in found))
    if any(values):
        assert abs(length - UNIT) <= 2 * sqrt(len(values))
        exact = [value * UNIT / sqrt(sum(one * one for one in values)) for value in values]
        assert max(abs(part - is_) for part, is_ in zip(exact, found.tolist(), strict=True)) <= UNIT / 2**17 + 2
    assert np.abs(found).max() <= UNIT


@given(VECTORS, st.integers(1, 20))
def test_doubling_a_vector_changes_nothing(values: list[int], doublings: int) -> None:
    """Direction does not depend on length: twice the vector has the same unit, to the bit."""
    vector = np.array(values, dtype=np.int64)
    assert unit(vector).tolist() == unit(vector * (1 << doublings)).tolist()


@given(VECTORS, VECTORS)
def test_a_cosine_is_exact(first: list[int], second: list[int]) -> None:
    """The cosine is that of the real numbers, cut towards zero on its grid, and never beyond 1."""
    size = min(len(first), len(second))
    one, two = unit(np.array(first[:size])), unit(np.array(second[:size]))
    product, square = int(one @ two), int(one @ one) * int(two @ two)
    found = cosine(product, square)
    assert abs(found) <= GRID
    assert found == -cosine(-product, square)
    if square:
        assert found * found * square <= product * product * GRID * GRID
        if abs(found) < GRID:
            assert (abs(found) + 1) ** 2 * square > product * product * GRID * GRID


@given(st.lists(st.floats(-10, 10, allow_subnormal=False), min_size=1, max_size=40))
def test_numbers_of_a_provider_become_whole_ones(values: list[float]) -> None:
    """A quantised vector points where the numbers do, fits an event, and comes back from it the same (R6)."""
    found = quantised(values)
    assert np.abs(found).max() <= UNIT
    again = unpacked(packed(found))
    assert again is not None
    assert again.tolist() == found.tolist()
    length = sqrt(sum(value * value for value in values))
    if length:
        exact = [value * UNIT / length for value in values]
        assert max(abs(part - is_) for part, is_ in zip(exact, found.tolist(), strict=True)) <= 2


@pytest.mark.parametrize("text", ["", "AAA", "AA==", "not base64", "AAAA"])
def test_what_is_no_vector_is_none(text: str) -> None:
    """Text that is no base64, empty, or of half a number is no vector; it raises nothing (R6)."""
    assert unpacked(text) is None
