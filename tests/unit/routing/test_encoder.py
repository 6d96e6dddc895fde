from math import sqrt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from routing.encoder import GRID, UNIT, cosine, unit

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
