"""A modelled log: partitions of records, transactions whose markers arrive late, readers that see what is committed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from schemas import topics as t
from schemas.partition import partition_for
from schemas.record import Output, Record

PARTITIONS = 2
TRANSACTION_TIMEOUT_MS = 10_000
Place = tuple[str, int]
"""Topic and partition."""


class FencedError(Exception):
    """A newer producer with this transactional id exists, or its transaction was taken from it."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction: where it wrote, the offsets it commits, and which markers are still on their way."""

    identity: str
    epoch: int
    begun_ms: int
    state: str = "open"
    first: dict[Place, int] = field(default_factory=dict)
    offsets: dict[str, dict[Place, int]] = field(default_factory=dict)
    offsets_at: int = 0
    """When they were sent, in the order of appends over all partitions."""
    unmarked: list[Place | str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Entry:
    """One offset: a record, or a transaction's marker (None). ``sequence`` orders appends over all partitions."""

    record: Record | None
    transaction: Transaction | None
    sequence: int


class Partition:
    """Entries by offset. Readers of committed data stop at the first record whose transaction is not decided here."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.pending: dict[Transaction, int] = {}

    @property
    def end(self) -> int:
        """The high watermark: the next offset."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """Up to where readers of committed data get."""
        return min(self.pending.values(), default=len(self.entries))

    def read(self, offset: int, limit: int = 1_000_000) -> tuple[list[Record], int]:
        """Return up to ``limit`` committed records from ``offset`` on, and the position after what was read."""
        found: list[Record] = []
        end = self.stable_end
        while offset < end and len(found) < limit:
            entry = self.entries[offset]
            offset += 1
            if entry.record is not None and (entry.transaction is None or entry.transaction.state == "committed"):
                found.append(entry.record)
        return found, offset

    def last(self) -> Record | None:
        """Return the newest committed record."""
        for entry in reversed(self.entries[: self.stable_end]):
            if entry.record is not None and (entry.transaction is None or entry.transaction.state == "committed"):
                return entry.record
        return None


class Log:
    """All topics, their transactions, and the offsets that groups committed."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.version = 0
        """Changes whenever a reader might see something new."""
        self.on_append: Callable[[Record, int], None] = lambda _record, _sequence: None
        """Told of every record outside transactions, with its place in the order of all appends."""
        self.on_commit: Callable[[Transaction], None] = lambda _: None
        """Told of every transaction when its commit is decided."""
        self._sequence = 0
        self._places: dict[Place, Partition] = {}
        self._epochs: dict[str, int] = {}
        self._open: dict[str, Transaction] = {}
        self._deciding: list[Transaction] = []
        self.committed: dict[str, dict[Place, int]] = {}
        self._offsets_at: dict[str, dict[Place, int]] = {}

    def at(self, topic: str, partition: int) -> Partition:
        """Return a partition, made when first asked for."""
        found = self._places.get((topic, partition))
        if found is None:
            found = self._places[topic, partition] = Partition()
        return found

    def append(self, output: Output, transaction: Transaction | None = None) -> Record:
        """Append a record where its key or partition says."""
        partition = partition_for(output.key, PARTITIONS) if output.partition is None else output.partition
        place = self.at(output.topic, partition)
        record = Record(
            output.topic, partition, place.end, self.now_ms, output.key.encode(), output.value, output.headers
        )
        if transaction is not None:
            transaction.first.setdefault((output.topic, partition), record.offset)
            place.pending.setdefault(transaction, record.offset)
        self._add(place, record, transaction)
        if transaction is None:
            self.on_append(record, self._sequence)
        else:
            transaction.records.append(record)
        return record

    def _add(self, place: Partition, record: Record | None, transaction: Transaction | None) -> None:
        self._sequence += 1
        self.version += 1
        place.entries.append(Entry(record, transaction, self._sequence))

    # Transactions

    def open_producer(self, identity: str) -> int:
        """Fence earlier producers of this identity, abort what they left open; return the new epoch."""
        self._epochs[identity] = self._epochs.get(identity, 0) + 1
        left = self._open.get(identity)
        if left is not None:
            self._decide(left, "aborted")
        return self._epochs[identity]

    def busy(self, identity: str) -> bool:
        """Return whether markers of an earlier transaction of this identity are still on their way."""
        return any(transaction.identity == identity for transaction in self._deciding)

    def begin(self, identity: str, epoch: int) -> Transaction:
        """Begin a transaction."""
        if self._epochs[identity] != epoch:
            raise FencedError(identity)
        transaction = self._open[identity] = Transaction(identity, epoch, self.now_ms)
        return transaction

    def produce(self, output: Output, transaction: Transaction) -> None:
        """Append within a transaction."""
        self._check(transaction)
        self.append(output, transaction)

    def send_offsets(self, transaction: Transaction, group: str, offsets: dict[Place, int]) -> None:
        """Add the input offsets to a transaction; the group has checked the generation."""
        self._check(transaction)
        self._sequence += 1
        transaction.offsets[group], transaction.offsets_at = offsets, self._sequence

    def commit(self, transaction: Transaction) -> None:
        """Decide the commit; readers see it as the markers arrive."""
        self._check(transaction)
        self._decide(transaction, "committed")
        self.on_commit(transaction)

    def _check(self, transaction: Transaction) -> None:
        if transaction.state != "open" or self._epochs[transaction.identity] != transaction.epoch:
            raise FencedError(transaction.identity)

    def _decide(self, transaction: Transaction, state: str) -> None:
        transaction.state = state
        transaction.unmarked = [*transaction.first, *(f"group {name}" for name in transaction.offsets)]
        self._deciding.append(transaction)
        del self._open[transaction.identity]
        self.version += 1

    def unstable(self, group: str, places: set[Place]) -> bool:
        """Return whether a transaction that commits offsets of these places is not finished for the group."""
        return any(
            not places.isdisjoint(transaction.offsets.get(group, {}))
            and (transaction.state == "open" or f"group {group}" in transaction.unmarked)
            for transaction in (*self._open.values(), *self._deciding)
        )

    def markers(self) -> Iterator[tuple[Transaction, Place | str]]:
        """Yield the markers on their way."""
        for transaction in self._deciding:
            for place in transaction.unmarked:
                yield transaction, place

    def mark(self, transaction: Transaction, place: Place | str) -> None:
        """Let one marker arrive."""
        transaction.unmarked.remove(place)
        if isinstance(place, str):
            if transaction.state == "committed":
                self._commit_offsets(place.removeprefix("group "), transaction)
            self.version += 1
        else:
            partition = self.at(*place)
            self._add(partition, None, transaction)
            del partition.pending[transaction]
        if not transaction.unmarked:
            self._deciding.remove(transaction)

    def _commit_offsets(self, group: str, transaction: Transaction) -> None:
        """Take the offsets that were sent last, as the broker does: markers of two producers come in any order."""
        committed, sent_at = self.committed.setdefault(group, {}), self._offsets_at.setdefault(group, {})
        for place, offset in transaction.offsets[group].items():
            if sent_at.get(place, -1) < transaction.offsets_at:
                committed[place], sent_at[place] = offset, transaction.offsets_at

    def has_open(self, identities: Iterable[str]) -> bool:
        """Return whether one of these identities has an open transaction."""
        return not self._open.keys().isdisjoint(identities)

    def undecided(self) -> list[str]:
        """Return what readers of committed data may still wait for."""
        return [f"transaction of {name}" for name in self._open] + [
            f"marker for {place}" for _, place in self.markers()
        ]

    def expire(self) -> None:
        """Abort transactions that are open for too long, and fence their producers."""
        for transaction in list(self._open.values()):
            if self.now_ms - transaction.begun_ms >= TRANSACTION_TIMEOUT_MS:
                self._epochs[transaction.identity] += 1
                self._decide(transaction, "aborted")

    def next_expiry_ms(self) -> int | None:
        """Return when ``expire`` has something to do."""
        begun = [transaction.begun_ms for transaction in self._open.values()]
        return min(begun) + TRANSACTION_TIMEOUT_MS if begun else None


def tenant_on(partition: int, number: int) -> str:
    """Return the ``number``-th tenant name that lies on ``partition``."""
    names = (
        name for name in (f"tenant-{index}" for index in range(1000)) if partition_for(name, PARTITIONS) == partition
    )
    for _ in range(number):
        next(names)
    return next(names)


INPUTS = (t.PROVIDER_CALLS, t.OVERRIDES, t.REQUESTS)
