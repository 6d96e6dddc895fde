"""Which offset may be committed when records are done out of order: the contiguous run from the start. Pure."""

from collections import deque


class OffsetTracker:
    """Offsets arrive ascending, with gaps (transaction markers take offsets); they are done in any order."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._next = 0

    def __len__(self) -> int:
        """Return how many records are not committable yet, done ones behind an open one included."""
        return len(self._open)

    def add(self, offset: int) -> None:
        """Note a record that was read."""
        self._open.append(offset)
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """Note that a record needs no further work."""
        self._done.add(offset)
        while self._open and self._open[0] in self._done:
            self._done.remove(self._open.popleft())

    @property
    def committable(self) -> int:
        """Return the offset below which everything read is done."""
        return self._open[0] if self._open else self._next
