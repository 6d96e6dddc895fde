"""A modelled consumer group: static members, generations, sessions; adversarial, because owners overlap.

A new generation takes effect for its members at once; a member that was paused, or has not polled yet, goes on
believing in the old one until it looks. Only what checks the generation is safe.
"""

from dataclasses import dataclass
from typing import Protocol

from tests.simulation.log import PARTITIONS, Log, Place

SESSION_MS = 6_000


class StaleMemberError(Exception):
    """The caller is not a member of the current generation."""


class Owner(Protocol):
    """A process as its group sees it."""

    slot: int
    silent_since_ms: int | None
    """Since when it does not answer (dead or paused); None while it does."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What a member knows after joining: generation and partitions."""

    generation: int
    partitions: tuple[int, ...]


class Group:
    """One group over the partitions of its topics."""

    def __init__(self, name: str, log: Log) -> None:
        self.name = name
        self._log = log
        self._members: dict[int, Owner] = {}
        self.generation = 0

    def join(self, owner: Owner) -> Membership:
        """Join, or come back within the session under the same slot without a new generation."""
        known = self._members.get(owner.slot)
        if known is None:
            self._members[owner.slot] = owner
            self._next_generation()
        elif known is not owner:
            self._members[owner.slot] = owner
        return Membership(self.generation, self.partitions(owner))

    def partitions(self, owner: Owner) -> tuple[int, ...]:
        """Return the partitions of a member: contiguous ranges, the slots taking turns with each generation."""
        slots = sorted(self._members)
        turn = self.generation % len(slots)
        slots = [*slots[turn:], *slots[:turn]]
        index, count = slots.index(owner.slot), len(slots)
        share, extra = divmod(PARTITIONS, count)
        start = index * share + min(index, extra)
        return tuple(range(start, start + share + (index < extra)))

    def is_current(self, owner: Owner, generation: int) -> bool:
        """Return whether the owner is a member of this, the newest, generation."""
        return self._members.get(owner.slot) is owner and self.generation == generation

    def check(self, owner: Owner, generation: int) -> None:
        """Raise StaleMemberError unless the owner is a member of this, the newest, generation."""
        if not self.is_current(owner, generation):
            raise StaleMemberError(self.name)

    def commit(self, owner: Owner, generation: int, offsets: dict[Place, int]) -> None:
        """Commit offsets outside transactions."""
        self.check(owner, generation)
        self._log.committed.setdefault(self.name, {}).update(offsets)

    def committed(self, topic: str, partition: int) -> int:
        """Return the committed offset of a place, 0 when there is none."""
        return self._log.committed.get(self.name, {}).get((topic, partition), 0)

    def expire(self, now_ms: int) -> None:
        """Drop members that were silent for a whole session."""
        gone = [slot for slot, owner in self._members.items() if _silent_for(owner, now_ms) >= SESSION_MS]
        for slot in gone:
            del self._members[slot]
        if gone:
            self._next_generation()

    def next_expiry_ms(self) -> int | None:
        """Return when ``expire`` may have something to do."""
        times = [owner.silent_since_ms for owner in self._members.values() if owner.silent_since_ms is not None]
        return min(times) + SESSION_MS if times else None

    def shake(self) -> None:
        """Start a new generation without a reason, as a broker may."""
        self._next_generation()

    def _next_generation(self) -> None:
        self.generation += 1
        self._log.version += 1


def _silent_for(owner: Owner, now_ms: int) -> int:
    return 0 if owner.silent_since_ms is None else now_ms - owner.silent_since_ms
