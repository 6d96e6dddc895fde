"""The executor stage: calls providers, streams tokens, journals every attempt before it is made (DESIGN 8).

The pure core of each partition (``routing.dispatch``) decides; this shell reads, writes, calls and keeps the time.
Consumers read in threads of their own; everything else happens in one event loop.
"""

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

import structlog
import uvloop
from pydantic import ValidationError

from routing.admission import Admission
from routing.call_events import executor_started
from routing.dispatch import DispatchCore
from routing.dispatch_actions import (
    Action,
    Broke,
    CancelCall,
    CommitUpTo,
    Enqueue,
    Identity,
    Leave,
    PollJob,
    StartCall,
    StartTail,
    Write,
)
from routing.retry import RetryPolicy
from schemas import topics as t
from schemas.decision import CallOrder
from schemas.partition import partition_for
from schemas.provider_call import ExecutorStarted, ProviderHealth, ResultChunk
from schemas.record import Record
from streams.executor_calls import CallRunner, Running, unix_ms
from streams.executor_config import ConfigFollower, Endpoints, Prices
from streams.executor_contents import Contents, Fetcher
from streams.executor_decode import CallRecord, DecisionRecord, Decoder
from streams.executor_incarnation import next_incarnation
from streams.executor_readers import GROUP, DecisionReader, TailReader
from streams.executor_writer import DeliveryError, Writer
from streams.health import Health
from streams.log_reader import read_range
from streams.ready import announce_ready
from streams.settings import Settings

log = structlog.get_logger()
MAX_UNCOMMITTED: Final = 10_000
GRACE_S: Final = 8.0
"""How long a stopping executor lets its calls end by themselves."""
_TICK_S: Final = 0.02
_HEALTH_EVERY: Final = 10
_FLUSH_S: Final = 10.0
_BREAK_OFF_S: Final = 2.0
_SWITCH_S: Final = 0.0005
_GC_THRESHOLDS: Final = (20_000, 20, 50)
"""Rarer than Python's own: a full collection looks at every decision in hand while calls wait."""


class SlotTakenError(Exception):
    """Another process runs under this slot with a newer incarnation: this one must end."""


class _Partition:
    """One partition: its core, and which assignment and which reading of its tail are the newest."""

    def __init__(self, core: DispatchCore) -> None:
        self.core = core
        self.epoch = 0
        self.generation = 0
        self.held = False
        self.contents_followed = False


class Executor:
    """The event loop's side of the stage."""

    def __init__(self, settings: Settings, slot: int, stop: threading.Event) -> None:
        self._settings = settings
        self._slot = slot
        self._stop = stop
        instance = f"{GROUP}-{slot}"
        self._identity = Identity(instance, next_incarnation(settings.run_dir, instance, unix_ms()))
        self._loop = asyncio.get_running_loop()
        self._failure: BaseException | None = None
        self._partitions: dict[int, _Partition] = {}
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places: dict[str, int] = {}
        self._ready = False
        self._endpoints = Endpoints(settings.run_dir)
        self._prices = Prices()
        self._admission = Admission(self._endpoints.limits)
        self._policy = RetryPolicy()
        self._writer = Writer(settings, self._fail_from_thread)
        self._health = Health(instance, self._writer.record)
        self._contents = Contents()
        self._calls = CallRunner(
            self._identity, settings.partitions, self._contents, self._endpoints, self._prices, self._publish
        )
        post = self._loop.call_soon_threadsafe
        decoder = Decoder(settings.partitions)
        self._config = ConfigFollower(settings, self._endpoints, self._prices, self._fail)
        self._decisions = DecisionReader(settings, slot, post, self, decoder.decision, self._fail)
        self._tail: TailReader[CallRecord] = TailReader(
            settings, t.PROVIDER_CALLS, post, self._on_calls, decoder.call, self._fail
        )
        self._requests: TailReader[Record] = TailReader(
            settings, t.REQUESTS, post, self._on_requests, _as_is, self._fail
        )
        self._fetcher = Fetcher(settings, post, self._contents, self._fail)
        self._contents.fetch = self._fetcher.order
        self._generation = 0
        self._draining = False

    # The life of the process ---------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Work until asked to stop; raises when the process must end."""
        self._loop.set_exception_handler(self._on_loop_error)
        self._announce()
        self._config.load()
        self._reset_health()
        self._config.follow(self._loop.call_soon_threadsafe)
        for thread in (self._decisions, self._tail, self._requests, self._fetcher):
            thread.start()
        log.info("executor_started", instance=self._identity.instance, incarnation=self._identity.incarnation)
        try:
            await self._until(self._stop.is_set)
            await self._wind_down()
        finally:
            self._config.stop()
            for thread in (self._decisions, self._tail, self._requests, self._fetcher):
                thread.stop()
            await self._endpoints.aclose()
            self._writer.close()

    def _announce(self) -> None:
        """Write the new incarnation to every partition, before anything else."""
        for partition in range(self._settings.partitions):
            event = executor_started(self._identity, partition, unix_ms())
            self._writer.event(t.PROVIDER_CALLS, event, partition)
        if not self._writer.flush(_FLUSH_S):
            raise DeliveryError("the new incarnation could not be announced")

    def _reset_health(self) -> None:
        rows: dict[bytes, ProviderHealth] = {}
        for record in read_range(self._settings, {(t.PROVIDER_HEALTH, 0): 0}):
            if record.key is not None and record.value is not None:
                try:
                    rows[record.key] = ProviderHealth.model_validate_json(record.value)
                except ValidationError:
                    log.warning("health_row_skipped", offset=record.offset)
        for row in rows.values():
            if row.instance == self._identity.instance:
                self._health.reset(row, unix_ms())

    async def _until(self, done: Callable[[], bool]) -> None:
        """Keep the time until ``done()`` or a failure."""
        count = 0
        while not done():
            await asyncio.sleep(_TICK_S)
            if self._failure is not None:
                raise self._failure
            now = unix_ms()
            for place in list(self._partitions.values()):
                due = place.core.next_wakeup()
                if due is not None and due <= now:
                    self._do(place, place.core.tick(now))
            count += 1
            if count % _HEALTH_EVERY == 0:
                self._health.tick(now)
                self._set_pauses()

    async def _wind_down(self) -> None:
        """Take no more, let calls end for a while, break off the rest, and commit what is done."""
        self._draining = True
        self._decisions.wanted_paused = frozenset(self._partitions)
        for place in self._partitions.values():
            self._do(place, place.core.drain())
        await self._until_quiet(GRACE_S)
        for running in list(self._running.values()):
            running.stop(0.0)
        await self._until_quiet(_BREAK_OFF_S)
        if not self._writer.flush(_FLUSH_S):
            raise DeliveryError("not everything could be delivered before the end")
        await self._until_quiet(_BREAK_OFF_S)
        await asyncio.sleep(2 * _TICK_S)
        self._decisions.stop()
        await asyncio.to_thread(self._decisions.join, 10.0)
        log.info("executor_stopped", left=len(self._running))

    async def _until_quiet(self, limit_s: float) -> None:
        """Wait until nothing runs and every end was read back, or until the limit."""
        give_up = self._loop.time() + limit_s

        def quiet() -> bool:
            settled = not self._running and all(place.core.quiet for place in self._partitions.values())
            return settled or self._loop.time() >= give_up

        await self._until(quiet)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _fail_from_thread(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._fail, error)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._fail(context.get("exception") or RuntimeError(str(context.get("message"))))

    # What the readers bring ----------------------------------------------------------------------------------------

    def on_assigned(self, partitions: Sequence[tuple[int, int]]) -> None:
        """Start or start again on these partitions."""
        for partition, epoch in partitions:
            place = self._partitions.get(partition)
            if place is None:
                core = DispatchCore(partition, self._identity, self._policy, self._health.blocked)
                place = self._partitions[partition] = _Partition(core)
            place.epoch = epoch
            place.held = True
            place.generation = self._next_generation()
            self._do(place, place.core.assigned())
            if self._draining:
                self._do(place, place.core.drain())
        log.info("partitions_assigned", partitions=sorted(number for number, _ in partitions))
        if not self._ready:
            self._ready = True
            announce_ready()

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Finish what runs on these partitions, and nothing more."""
        for partition in partitions:
            place = self._partitions.get(partition)
            if place is not None:
                place.held = False
                self._do(place, place.core.revoked())
                self._forget_if_idle(partition, place)
        log.info("partitions_revoked", partitions=sorted(partitions))

    def on_decisions(self, records: Sequence[tuple[int, int, DecisionRecord]]) -> None:
        """Hand decisions to their cores."""
        for partition, offset, event in records:
            place = self._partitions.get(partition)
            if place is None or not place.held:
                continue
            if isinstance(event, CallOrder) and not place.contents_followed:
                place.contents_followed = True
                self._contents.follow(partition, event.request_at.offset)
                self._requests.follow(partition, event.request_at.offset, place.generation)
            self._do(place, place.core.decision(offset, event, unix_ms()))
        self._set_pauses()

    def _on_calls(
        self, partition: int, generation: int, records: Sequence[tuple[int, CallRecord]], ended: bool
    ) -> None:
        place = self._partitions.get(partition)
        if place is None or generation != place.generation:
            return
        core = place.core
        for offset, event in records:
            if event is not None:
                if isinstance(event, ExecutorStarted):
                    self._check_slot(event)
                self._do(place, core.call(offset, event, unix_ms()))
        if ended:
            self._do(place, core.caught_up(unix_ms()))
        if not place.held:
            self._forget_if_idle(partition, place)

    def _on_requests(
        self, partition: int, _generation: int, records: Sequence[tuple[int, Record]], ended: bool
    ) -> None:
        self._contents.add([record for _, record in records], followed=True)
        if ended:
            self._contents.caught_up(partition)

    def _next_generation(self) -> int:
        self._generation += 1
        return self._generation

    def _check_slot(self, event: ExecutorStarted) -> None:
        if event.instance == self._identity.instance and event.incarnation > self._identity.incarnation:
            self._fail(SlotTakenError(f"{event.instance} was started again as incarnation {event.incarnation}"))

    # What the cores ask --------------------------------------------------------------------------------------------

    def _do(self, place: _Partition, actions: Iterable[Action]) -> None:  # noqa: C901 - one branch for each action
        if self._failure is not None:
            return
        core = place.core
        for action in actions:
            match action:
                case Write(event):
                    self._writer.event(t.PROVIDER_CALLS, event, core.partition)
                case StartCall():
                    self._start(place, action)
                case Leave(decision_id):
                    self._places.pop(decision_id, None)
                    self._grant(self._admission.leave(decision_id))
                case Enqueue(decision_id, provider, tenant):
                    self._places[decision_id] = core.partition
                    if self._admission.enter(decision_id, provider, tenant):
                        self._grant([decision_id])
                case CommitUpTo(offset):
                    self._decisions.committable[core.partition] = (place.epoch, offset)
                case StartTail(offset):
                    place.generation = self._next_generation()
                    self._tail.follow(core.partition, offset, place.generation)
                case CancelCall(attempt_id):
                    if (running := self._running.get(attempt_id)) is not None:
                        running.stop()
                case PollJob():
                    self._spend(self._sit_out(place, action))

    def _grant(self, decision_ids: Sequence[str]) -> None:
        for decision_id in decision_ids:
            partition = self._places.get(decision_id)
            place = self._partitions.get(partition) if partition is not None else None
            if place is None:
                self._grant(self._admission.leave(decision_id))
            else:
                self._do(place, place.core.admitted(decision_id, unix_ms()))

    def _start(self, place: _Partition, start: StartCall) -> None:
        running = self._running[start.attempt_id] = Running(start)
        self._spend(self._attend(place, running))

    def _spend(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sit_out(self, place: _Partition, job: PollJob) -> None:
        """No endpoint of this version runs jobs that can be polled: the attempt ends unknown at its expiry."""
        await asyncio.sleep(max(0.0, (job.expires_at_ms - unix_ms()) / 1000))
        end = Broke(category="timeout", billed="unknown")
        self._do(place, place.core.completed(job.attempt_id, end, unix_ms()))

    async def _attend(self, place: _Partition, running: Running) -> None:
        """Make one attempt and journal its end."""
        start = running.start
        provider, model = start.plan.provider, start.plan.model
        self._health.started(provider, model, unix_ms())
        try:
            end = await self._calls.run(running)
        except asyncio.CancelledError:
            end = Broke(category="cancelled", billed="unknown")
        now = unix_ms()
        self._health.ended(provider, model, end, now)
        self._running.pop(start.attempt_id, None)
        self._do(place, place.core.completed(start.attempt_id, end, now))
        if not place.held:
            self._forget_if_idle(place.core.partition, place)

    def _publish(self, chunk: ResultChunk) -> None:
        self._writer.event(t.RESULT_CHUNKS, chunk, partition_for(chunk.tenant, self._settings.partitions))

    def _forget_if_idle(self, partition: int, place: _Partition) -> None:
        if not place.held and place.core.idle and self._partitions.get(partition) is place:
            del self._partitions[partition]
            self._tail.leave(partition)
            self._requests.leave(partition)
            self._contents.leave(partition)

    def _set_pauses(self) -> None:
        if self._draining:
            return
        paused = self._decisions.wanted_paused
        self._decisions.wanted_paused = frozenset(
            partition
            for partition, place in self._partitions.items()
            if place.core.uncommitted >= (MAX_UNCOMMITTED // 2 if partition in paused else MAX_UNCOMMITTED)
        )


def _as_is(record: Record) -> Record:
    return record


async def _serve(settings: Settings, slot: int, stop: threading.Event) -> None:
    await Executor(settings, slot, stop).serve()


def run(settings: Settings, slot: int, stop: threading.Event) -> None:
    """Run the executor of this slot until ``stop``; any doubt raises, and the process must end."""
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, slot, stop))
