"""The shell of a router in virtual time: the steps of ``streams.transactional`` around the production ``Desk``.

Every ``yield`` is a place where a kill or a pause may strike. Any doubt ends the process, as in production.
"""

from dataclasses import dataclass, field

from routing.desk import INPUTS, WRITES, Desk
from routing.desk_batch import Batch
from routing.desk_state import DeskState
from schemas import topics as t
from schemas.journal import BatchJournaled
from schemas.record import Record
from streams.router_restore import check_fence, check_torn
from streams.transactional import LANES, Doubt
from tests.simulation.config import SimulatedGlobals
from tests.simulation.group import Group, StaleMemberError
from tests.simulation.log import PARTITIONS, FencedError
from tests.simulation.mutations import Mutation
from tests.simulation.scheduler import EXITED, FOREVER, Process, Steps
from tests.simulation.world_parts import Surroundings

ENGINE = "simulation"
CONTENT_KEY = b"simulation"
_ONWARD = 0.7
"""Chance of a transaction under way to go on before the router reads on."""


def identities(slot: int) -> list[str]:
    """Return the transactional ids of a router."""
    return [f"router-{slot}-{lane}" for lane in range(LANES)]


def new_desk(partition: int, mutation: Mutation | None, dedupe_ms: int) -> Desk:
    """Return an empty desk; the mutation of the dedupe forgets what was seen."""
    desk = Desk(partition, PARTITIONS, engine=ENGINE, content_key=CONTENT_KEY, dedupe_window_ms=dedupe_ms)
    if mutation is Mutation.NO_DEDUPE:
        desk.state.see = lambda *_: None  # type: ignore[method-assign]
    return desk


@dataclass(slots=True)
class Reading:
    """What was read of a partition and not applied yet, and up to where."""

    positions: dict[str, int]
    records: dict[str, list[Record]] = field(default_factory=dict)


@dataclass(slots=True)
class Lane:
    """A transactional producer and what it is doing, if anything."""

    identity: str
    epoch: int = 0
    partition: int | None = None
    steps: Steps | None = None

    def step(self) -> bool:
        """Go on by one step; return whether it waits for something in the log."""
        if self.steps is None:
            return True
        wake = next(self.steps, EXITED)
        if wake == EXITED:
            self.steps = self.partition = None
        return wake == FOREVER


class RouterProcess:
    """One life of a router."""

    def __init__(self, around: Surroundings, process: Process, group: Group) -> None:
        self._around = around
        self._log = around.log
        self._random = around.random
        self._process = process
        self._group = group
        self._lanes = [Lane(identity) for identity in identities(process.slot)]
        self._desks: dict[int, Desk] = {}
        self._parked: dict[int, Desk] = {}
        self._readings: dict[int, Reading] = {}
        self._now_ms = 0

    def run(self) -> Steps:
        """Work until killed; return at any doubt."""
        try:
            yield from self._work()
        except (FencedError, StaleMemberError, Doubt) as doubt:
            self._around.note(f"{self._process.name} exits: {type(doubt).__name__} {doubt}")

    def _work(self) -> Steps:
        for lane in self._lanes:
            lane.epoch = self._log.open_producer(lane.identity)
        while any(self._log.busy(lane.identity) for lane in self._lanes):
            yield FOREVER
        membership = self._group.join(self._process)
        yield from self._assigned(membership.partitions)
        while True:
            if not self._group.is_current(self._process, membership.generation):
                for lane in self._lanes:
                    yield from lane.steps or ()
                    lane.steps = lane.partition = None
                self._parked = self._desks
                self._desks, self._readings = {}, {}
                membership = self._group.join(self._process)
                yield from self._assigned(membership.partitions)
            stuck = [lane.step() for lane in self._lanes if self._random.random() < _ONWARD or lane.steps is None]
            began = self._begin(membership.generation)
            unread = any(reading.records for reading in self._readings.values()) or self._unread()
            yield FOREVER if not began and len(stuck) == LANES and all(stuck) and not unread else None

    def _begin(self, generation: int) -> bool:
        """Read, and give a free lane the batch of a partition that has no transaction under way."""
        self._read()
        frozen = SimulatedGlobals(self._around.config, self._around.config.position, self._around.config.health)
        self._now_ms = max(self._now_ms, self._around.clock(self._process))
        free = next((lane for lane in self._lanes if lane.steps is None), None)
        idle = [partition for partition in self._desks if all(lane.partition != partition for lane in self._lanes)]
        self._random.shuffle(idle)
        for partition in idle if free is not None else ():
            taken = self._take(partition)
            if taken or self._desks[partition].config_offset != frozen.positions[t.CONFIG][0]:
                assert free is not None
                free.partition = partition
                free.steps = self._transact(free, generation, partition, taken, frozen)
                return True
        return False

    # Reading

    def _read(self) -> None:
        for partition, reading in self._readings.items():
            for name in INPUTS:
                if self._random.random() < 0.8:
                    limit = self._random.choice((1, 2, 5, 50))
                    records, position = self._log.at(name, partition).read(reading.positions[name], limit)
                    reading.positions[name] = position
                    if records:
                        reading.records.setdefault(name, []).extend(records)

    def _unread(self) -> bool:
        return any(
            reading.positions[name] < self._log.at(name, partition).stable_end
            for partition, reading in self._readings.items()
            for name in INPUTS
        )

    def _take(self, partition: int) -> dict[str, list[Record]]:
        """Take what was read; requests only when the other inputs are read to their ends."""
        reading = self._readings[partition]
        unordered = self._around.mutation is Mutation.NO_INPUT_ORDER
        caught_up = all(reading.positions[name] >= self._log.at(name, partition).end for name in INPUTS[:-1])
        taken: dict[str, list[Record]] = {}
        for name in INPUTS:
            if name in reading.records and (name != t.REQUESTS or caught_up or unordered):
                taken[name] = reading.records.pop(name)
        if unordered and t.REQUESTS in taken and t.PROVIDER_CALLS in taken:
            reading.records[t.PROVIDER_CALLS] = taken.pop(t.PROVIDER_CALLS)
        return taken

    # One transaction

    def _transact(
        self, lane: Lane, generation: int, partition: int, taken: dict[str, list[Record]], frozen: SimulatedGlobals
    ) -> Steps:
        log = self._log
        following = {name: self._next_offset(partition, name, taken) for name in INPUTS}
        batch = Batch(
            self._now_ms,
            frozen,
            provider_calls=taken.get(t.PROVIDER_CALLS, ()),
            overrides=taken.get(t.OVERRIDES, ()),
            requests=taken.get(t.REQUESTS, ()),
            next_offsets=following,
        )
        self._around.note_poll(partition, taken)
        outputs = self._desks[partition].apply(batch).outputs
        while log.busy(lane.identity):
            yield FOREVER
        transaction = log.begin(lane.identity, lane.epoch)
        for output in outputs:
            log.produce(output, transaction)
            if self._random.random() < 0.1:
                yield None
        yield None
        if self._around.mutation is not Mutation.NO_GENERATION_CHECK:
            self._group.check(self._process, generation)
        log.send_offsets(
            transaction, self._group.name, {(name, partition): offset for name, offset in following.items()}
        )
        yield None
        if self._random.random() < 0.5:
            log.commit(transaction)
            yield None
        else:
            # The request to commit is under way: a kill no longer stops it.
            self._around.scheduler.later(self._random.randrange(50), lambda: self._deliver_commit(transaction))
            while transaction.state == "open":
                yield FOREVER
            if transaction.state != "committed":
                raise FencedError(lane.identity)

    def _deliver_commit(self, transaction: object) -> None:
        try:
            self._log.commit(transaction)  # type: ignore[arg-type]
        except FencedError:
            self._around.note("a commit came too late")

    def _next_offset(self, partition: int, name: str, taken: dict[str, list[Record]]) -> int:
        reading = self._readings[partition]
        if name in taken:
            return taken[name][-1].offset + 1
        waiting = reading.records.get(name)
        return waiting[0].offset if waiting else reading.positions[name]

    # Assignment

    def _assigned(self, partitions: tuple[int, ...]) -> Steps:
        """First the committed offsets, then the state, then the assignment (DESIGN 6.3)."""
        places = {(name, partition) for partition in partitions for name in INPUTS}
        early = self._around.mutation is Mutation.RESTORE_BEFORE_OFFSETS
        if early:
            yield from self._restore_all(partitions)
        while self._log.unstable(self._group.name, places):
            yield FOREVER
        committed = {
            partition: {name: self._group.committed(name, partition) for name in INPUTS} for partition in partitions
        }
        yield None
        for partition in partitions:
            while self._around.mutation is not Mutation.NO_STABLE_WAIT and self._pending(partition):
                yield FOREVER
            kept = self._parked.get(partition)
            if (
                kept is not None
                and kept.batch
                and kept.offsets == committed[partition]
                and self._newest(partition, kept)
            ):
                self._desks[partition] = kept
            elif not early:
                yield from self._restore(partition, committed[partition])
            else:
                self._desks[partition].offsets = dict(committed[partition])
        self._parked = {}
        for partition in partitions:
            self._readings[partition] = Reading(dict(self._desks[partition].offsets))

    def _pending(self, partition: int) -> bool:
        """Return whether a transaction on what the desk writes is not decided everywhere yet."""
        return any(self._log.at(name, partition).pending for name in WRITES)

    def _newest(self, partition: int, kept: Desk) -> bool:
        """Return whether the newest batch of the journal is the kept desk's; a config batch moves no offsets."""
        journal = self._journal(partition)
        return self._around.mutation is Mutation.KEEP_BY_OFFSETS or (
            journal is not None and journal.batch == kept.batch
        )

    def _journal(self, partition: int) -> BatchJournaled | None:
        record = self._log.at(t.ROUTER_JOURNAL, partition).last()
        return None if record is None else BatchJournaled.model_validate_json(record.value or b"")

    def _restore_all(self, partitions: tuple[int, ...]) -> Steps:
        for partition in partitions:
            yield from self._restore(partition, None)

    def _restore(self, partition: int, committed: dict[str, int] | None) -> Steps:
        log = self._log
        journal = self._journal(partition)
        yield None
        last = {(name, partition): log.at(name, partition).last() for name in WRITES}
        yield None
        entries: dict[str, bytes] = {}
        for record in log.at(t.ROUTER_STATE, partition).read(0)[0]:
            key = (record.key or b"").decode()
            entries.pop(key, None)
            if record.value is not None:
                entries[key] = record.value
        if committed is None:
            fence = dict.fromkeys(INPUTS, 0) if journal is None else {n: journal.inputs[n][1] for n in INPUTS}
        else:
            fence = check_fence(partition, committed, journal, PARTITIONS)
            check_torn(partition, journal, {place: record for place, record in last.items() if record is not None})
        desk = new_desk(partition, self._around.mutation, self._around.dedupe_ms)
        if journal is not None:
            desk = Desk(
                partition,
                PARTITIONS,
                engine=ENGINE,
                content_key=CONTENT_KEY,
                dedupe_window_ms=self._around.dedupe_ms,
                state=DeskState.load(entries),
                batch=journal.batch,
                now_ms=journal.now_ms,
                offsets=fence,
                last_writes=dict(journal.last_writes),
                config_offset=journal.globals[t.CONFIG][0],
            )
            if self._around.mutation is Mutation.NO_DEDUPE:
                desk.state.see = lambda *_: None  # type: ignore[method-assign]
        self._desks[partition] = desk
