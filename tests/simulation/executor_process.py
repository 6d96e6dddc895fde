"""The shell of an executor in virtual time: readers, writer and calls of ``streams.executor`` around ``DispatchCore``.

What is written waits in the producer's buffer first: a kill loses it, a pause delays it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from routing.admission import Admission, Limits
from routing.call_events import executor_started
from routing.dispatch import DispatchCore
from routing.dispatch_actions import (
    Action,
    Answered,
    Broke,
    CancelCall,
    CommitUpTo,
    Enqueue,
    Identity,
    Leave,
    StartCall,
    StartTail,
    Write,
)
from schemas import topics as t
from schemas.decision import CallOrder, DecisionCancelled
from schemas.inbound import Rejection, parse, unknown_of
from schemas.provider_call import NOT_SENT, CallEvent, CallFailed, CallFinished, CallStarted, ExecutorStarted
from schemas.record import Output, Record
from tests.simulation.group import Group, StaleMemberError
from tests.simulation.log import PARTITIONS
from tests.simulation.mutations import Mutation
from tests.simulation.scheduler import FOREVER, Process, Steps
from tests.simulation.world_parts import Surroundings


@dataclass(slots=True)
class Place:
    """One partition: its core, how far it is read, and what may be committed."""

    core: DispatchCore
    held: bool = False
    decisions_at: int = 0
    tail_at: int | None = None
    tail_end: int | None = None
    committable: int | None = None


class ExecutorProcess:
    """One life of an executor."""

    def __init__(self, around: Surroundings, process: Process, group: Group, incarnation: int) -> None:
        self._around = around
        self._log = around.log
        self._random = around.random
        self._process = process
        self._group = group
        self.identity = Identity(f"executor-{process.slot}", incarnation)
        self._places: dict[int, Place] = {}
        self._partition_of: dict[str, int] = {}
        self._buffer: list[Output] = []
        self._admission = Admission(lambda _: Limits(3, 2))
        self._generation = -1

    @property
    def now_ms(self) -> int:
        """What this process's clock shows."""
        return self._around.clock(self._process)

    def run(self) -> Steps:
        """Announce the incarnation, then read, call, write and commit until killed."""
        for partition in range(PARTITIONS):
            event = executor_started(self.identity, partition, self.now_ms)
            self._log.append(event.to_output(t.PROVIDER_CALLS, partition=partition))
            yield None
        while True:
            yield None
            if not self._group.is_current(self._process, self._generation):
                self._rebalance()
                yield None
            busy = False
            for work in (self._flush, self._ends, self._read_tails, self._read_decisions, self._tick, self._commit):
                if self._random.random() < 0.85:
                    if work():
                        busy = True
                        yield None
                else:
                    busy = True
            if not busy:
                yield self._wake()

    def _wake(self) -> int:
        due = [wakeup for place in self._places.values() if (wakeup := place.core.next_wakeup()) is not None]
        return min(due) - self._process.skew_ms if due else FOREVER

    # Membership

    def _rebalance(self) -> None:
        membership = self._group.join(self._process)
        self._generation = membership.generation
        for place in self._places.values():
            if place.held:
                place.held = False
                self._perform(place, place.core.revoked())
        for partition in membership.partitions:
            if partition not in self._places:
                self._places[partition] = Place(make_core(partition, self.identity, self._around.mutation))
            place = self._places[partition]
            place.held = True
            place.decisions_at = self._group.committed(t.DECISIONS, partition)
            place.tail_at = place.tail_end = place.committable = None
            self._perform(place, place.core.assigned())

    def _commit(self) -> bool:
        offsets = {
            (t.DECISIONS, partition): place.committable
            for partition, place in self._places.items()
            if place.held and place.committable is not None
        }
        if not offsets:
            return False
        try:
            self._group.commit(self._process, self._generation, offsets)
        except StaleMemberError:
            self._around.note(f"{self._process.name} may not commit any more")
        for place in self._places.values():
            place.committable = None
        return True

    # Reading

    def _read_decisions(self) -> bool:
        moved = False
        for partition, place in self._places.items():
            if not place.held:
                continue
            limit = self._random.choice((1, 3, 20))
            records, position = self._log.at(t.DECISIONS, partition).read(place.decisions_at, limit)
            place.decisions_at = position
            for record in records:
                moved = True
                event = parse(record, t.BY_NAME[t.DECISIONS], PARTITIONS)
                known = event if isinstance(event, CallOrder | DecisionCancelled) else None
                if isinstance(known, CallOrder):
                    self._partition_of[known.id] = partition
                self._perform(place, place.core.decision(record.offset, known, self.now_ms))
        return moved

    def _read_tails(self) -> bool:
        moved = False
        for partition, place in self._places.items():
            if place.tail_at is None:
                continue
            log = self._log.at(t.PROVIDER_CALLS, partition)
            records, position = log.read(place.tail_at, self._random.choice((1, 3, 50)))
            generation = place.core
            for record in records:
                moved = True
                place.tail_at = record.offset + 1
                event = self._decode(record)
                if event is not None:
                    self._perform(place, generation.call(record.offset, event, self.now_ms))
                if place.tail_at != record.offset + 1:
                    break  # the core asked for older records
            else:
                place.tail_at = position
            moved |= self._settle(place)
        return moved

    def _settle(self, place: Place) -> bool:
        if place.tail_at is None or place.tail_end is None or place.tail_at < place.tail_end:
            return False
        place.tail_end = None
        self._perform(place, place.core.caught_up(self.now_ms))
        return True

    @staticmethod
    def _decode(record: Record) -> CallEvent | ExecutorStarted | None:
        event = parse(record, t.BY_NAME[t.PROVIDER_CALLS], PARTITIONS)
        if isinstance(event, Rejection):
            return unknown_of(record, event, PARTITIONS)
        return event if isinstance(event, CallEvent | ExecutorStarted) else None

    # Writing and calling

    def _flush(self) -> bool:
        if not self._buffer:
            return False
        count = self._random.choice((1, 2, 10))
        for output in self._buffer[:count]:
            self._log.append(output)
        del self._buffer[:count]
        return True

    def has_unsent(self) -> bool:
        """Return whether records wait in the producer's buffer."""
        return bool(self._buffer)

    def lost_writes(self) -> list[Output]:
        """Return what a kill may still let through: a beginning of the buffer that was under way."""
        return self._buffer[: self._random.randrange(len(self._buffer) + 1)]

    def _ends(self) -> bool:
        ends, self._process.inbox = self._process.inbox, []
        for attempt_id, end in ends:
            call = self._around.provider.calls[attempt_id]
            place = self._places[self._partition_of[call.decision_id]]
            assert isinstance(end, Answered | Broke)
            self._perform(place, place.core.completed(attempt_id, end, self.now_ms))
        return bool(ends)

    def _tick(self) -> bool:
        moved = False
        for place in self._places.values():
            due = place.core.next_wakeup()
            if due is not None and due <= self.now_ms:
                self._perform(place, place.core.tick(self.now_ms))
                moved = True
        return moved

    def _perform(self, place: Place, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Write(event):
                    self._buffer.append(self._spoiled(event, place.core.partition))
                case StartCall():
                    self._around.provider.call(self._process, action, self.now_ms)
                case CancelCall(attempt_id, _):
                    self._around.provider.cancel(attempt_id)
                case Enqueue(decision_id, provider, tenant):
                    if self._admission.enter(decision_id, provider, tenant):
                        self._grant([decision_id])
                case Leave(decision_id):
                    self._grant(self._admission.leave(decision_id))
                case StartTail(offset):
                    place.tail_at = offset
                    place.tail_end = self._log.at(t.PROVIDER_CALLS, place.core.partition).end
                    self._settle(place)
                case CommitUpTo(offset):
                    place.committable = offset
                case _:
                    raise AssertionError(f"no provider here runs jobs: {action}")

    def _grant(self, decision_ids: Iterable[str]) -> None:
        for decision_id in decision_ids:
            place = self._places[self._partition_of[decision_id]]
            self._perform(place, place.core.admitted(decision_id, self.now_ms))

    def _spoiled(self, event: CallEvent, partition: int) -> Output:
        """Return the record of an event; the value of a call's end is sometimes spoiled, its headers are not.

        Claims are not: an executor whose own claim is unreadable in the log waits until it is started again.
        """
        output = event.to_output(t.PROVIDER_CALLS, partition=partition)
        if isinstance(event, CallFinished) or (isinstance(event, CallFailed) and event.category != NOT_SENT):
            return Output(output.topic, output.key, self._around.poison(output.value or b""), output.headers, partition)
        return output


class HastyCore(DispatchCore):
    """Calls as soon as the claim is written: the claim is not read back."""

    def admitted(self, decision_id: str, now_ms: int) -> list[Action]:
        """Claim and call at once."""
        out: list[Action] = []
        for action in super().admitted(decision_id, now_ms):
            out.append(action)
            if isinstance(action, Write) and isinstance(action.event, CallStarted):
                mine = self._mine[action.event.attempt_id]
                mine.state = "running"
                out.append(StartCall(mine.decision, mine.plan, mine.attempt, mine.key, mine.expires_at_ms))
        return out


def make_core(partition: int, identity: Identity, mutation: Mutation | None) -> DispatchCore:
    """Return the production core, or the one with a rule taken away."""
    core = HastyCore if mutation is Mutation.NO_READ_BACK else DispatchCore
    return core(partition, identity)
