import random

from hypothesis import given
from hypothesis import strategies as st

from routing.offsets import OffsetTracker


def test_gaps_left_by_transaction_markers_do_not_hold_back() -> None:
    """Offsets that are no records are passed over once everything before them is done."""
    tracker = OffsetTracker()
    for offset in (3, 4, 7):
        tracker.add(offset)
    assert (tracker.committable, len(tracker)) == (3, 3)
    tracker.done(4)
    assert tracker.committable == 3
    tracker.done(3)
    assert (tracker.committable, len(tracker)) == (7, 1)
    tracker.done(7)
    assert (tracker.committable, len(tracker)) == (8, 0)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=60), st.integers(0, 10**6))
def test_nothing_open_is_ever_committable(gaps: list[int], seed: int) -> None:
    """Whatever the order of ends, the committable offset is the first open one."""
    tracker = OffsetTracker()
    offsets = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    for offset in offsets:
        tracker.add(offset)
    remaining = sorted(offsets)
    for offset in random.Random(seed).sample(offsets, len(offsets)):
        tracker.done(offset)
        remaining.remove(offset)
        assert tracker.committable == (remaining[0] if remaining else offsets[-1] + 1)
