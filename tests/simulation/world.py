"""One simulated installation, from a seed: routers and executors over the modelled log, until everything is at rest."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from routing.dispatch_actions import StartCall
from schemas import topics as t
from schemas.record import Output, Record
from tests.simulation.account import Violation
from tests.simulation.checker import Checker
from tests.simulation.clients import HOUR_MS, Clients
from tests.simulation.config import ConfigHistory
from tests.simulation.executor_process import ExecutorProcess
from tests.simulation.faults import Weather
from tests.simulation.group import Group
from tests.simulation.history import replay
from tests.simulation.log import PARTITIONS, Log
from tests.simulation.mutations import Mutation, broken
from tests.simulation.provider import Provider
from tests.simulation.router_process import RouterProcess, identities
from tests.simulation.scheduler import FOREVER, Process, Scheduler, Steps

START_MS = 1_800_000_000_000
MAX_STEPS = 60_000
REST_MS = 3 * 3_600_000
"""Within this time after the last fault everything has to be at rest."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did; ``digest`` is of the whole log and the bill."""

    seed: int
    steps: int
    requests: int
    calls: int
    kills: int
    pauses: int
    refused: int
    forfeits: int
    batches: int
    digest: str


class World:
    """See ``Surroundings``."""

    def __init__(self, seed: int, mutation: Mutation | None = None, weather: Weather | None = None) -> None:
        self.seed = seed
        self.mutation = mutation
        self.random = Random(seed)
        self.log = Log()
        self.log.now_ms = START_MS + self.random.randrange(86_400_000)
        self.began_ms = self.log.now_ms
        self.scheduler = Scheduler(self.random, self.log)
        self.scheduler.on_exit = self._exited
        self.config = ConfigHistory(self.random)
        self.checker = Checker()
        self.log.on_append = self.checker.on_append
        self.log.on_commit = self.checker.on_commit
        self.provider = Provider(self.random, self.scheduler, self._on_call)
        self.groups = {"router": Group("router", self.log), "executor": Group("executor", self.log)}
        self.dedupe_ms = self.random.choice((HOUR_MS, HOUR_MS, HOUR_MS, 4_000))
        drawn = Weather.draw(self.random)
        self.weather = drawn if weather is None else weather
        self.clients = Clients(
            self.random, self.scheduler, self.config, self.checker, self.weather.changes, self.dedupe_ms
        )
        self.kills = self.pauses = 0
        self.trace: list[str] = []
        self.verbose = False
        self._incarnation = 0
        self._bodies: dict[Process, ExecutorProcess] = {}
        for slot in range(self.random.choice((1, 2, 2))):
            self._spawn("router", slot)
        for slot in range(self.random.choice((1, 2, 2, 3))):
            self._spawn("executor", slot)
        self.scheduler.spawn(Process("broker", 0, self._broker))

    # What processes ask for

    def clock(self, process: Process) -> int:
        """Return what the process's clock shows."""
        return self.log.now_ms + process.skew_ms

    def note(self, text: str) -> None:
        """Keep a line of the trace."""
        if self.verbose:
            self.trace.append(f"{self.log.now_ms - self.began_ms:>8} {text}")

    def note_poll(self, partition: int, taken: Mapping[str, Sequence[Record]]) -> None:
        """Trace what a router applies."""
        if self.verbose:
            what = {name: [record.offset for record in records] for name, records in taken.items()}
            self.note(f"router applies on {partition}: {what}")

    def poison(self, value: bytes) -> bytes:
        """Spoil a record's value now and then."""
        return value[: len(value) // 2] if self.random.random() < self.weather.spoil else value

    def _on_call(self, process: Process, action: StartCall) -> None:
        body = self._bodies[process]
        caller = (body.identity.instance, body.identity.incarnation)
        self.checker.on_call(action.attempt_id, action.decision.id, action.decision.tenant, caller)

    # Processes

    def _spawn(self, kind: str, slot: int) -> None:
        process = Process(f"{kind}-{slot}", slot, self._router if kind == "router" else self._executor)
        self.scheduler.spawn(process)

    def _router(self, process: Process) -> Steps:
        return RouterProcess(self, process, self.groups["router"]).run()

    def _executor(self, process: Process) -> Steps:
        self._incarnation += 1
        body = self._bodies[process] = ExecutorProcess(self, process, self.groups["executor"], self._incarnation)
        return body.run()

    def _broker(self, _process: Process) -> Steps:
        """Let markers of decided transactions arrive one by one, in any order."""
        while True:
            markers = list(self.log.markers())
            if markers:
                self.log.mark(*self.random.choice(markers))
                yield None
            else:
                yield FOREVER

    def _exited(self, process: Process) -> None:
        """The supervisor starts an ended process again, under its slot."""
        kind = process.name.partition("-")[0]
        self.scheduler.later(self.random.choice((100, 1_000, 3_000)), lambda: self._spawn(kind, process.slot))

    # Faults

    def _fault(self, process: Process) -> None:
        random, weather = self.random, self.weather
        drawn = random.random() / (weather.aim if self._has_something_under_way(process) else 1)
        for probability, strike in (
            (weather.kill, self.kill),
            (weather.pause, self._pause),
            (weather.jump, self._jump),
            (weather.shake, self._shake),
        ):
            if drawn < probability:
                strike(process)
                return
            drawn -= probability

    def _has_something_under_way(self, process: Process) -> bool:
        body = self._bodies.get(process)
        return body.has_unsent() if body is not None else self.log.has_open(identities(process.slot))

    def _pause(self, process: Process) -> None:
        self.pauses += 1
        length = self.random.choice((50, 1_000, 7_000, 12_000, 45_000))
        self.note(f"{process.name} pauses for {length} ms")
        self.scheduler.pause(process, length)

    def _jump(self, process: Process) -> None:
        process.skew_ms = self.random.choice((-3_600_000, -5_000, -100, 0, 100, 5_000, 3_600_000))
        process.wake_ms = self.log.now_ms
        self.note(f"{process.name}'s clock is off by {process.skew_ms} ms")

    def _shake(self, _process: Process) -> None:
        group = self.random.choice(list(self.groups.values()))
        self.note(f"group {group.name} starts a new generation")
        group.shake()

    def kill(self, process: Process) -> None:
        """kill -9; what was on its way to the broker may still arrive, a beginning of it."""
        self.kills += 1
        self.note(f"{process.name} is killed")
        body = self._bodies.get(process)
        under_way: list[Output] = body.lost_writes() if body is not None else []
        self.scheduler.kill(process)
        if under_way:
            self.scheduler.later(self.random.randrange(20), lambda: self._arrive(under_way))
        self._exited(process)

    def _arrive(self, outputs: list[Output]) -> None:
        for output in outputs:
            self.log.append(output)

    # The run

    def run(self) -> Report:
        """Run until everything is at rest; raises Violation when a promise is broken, or rest never comes."""
        with broken(self.mutation):
            return self._run()

    def _run(self) -> Report:
        clear_ms = self.began_ms + max(self.weather.until_ms, self.clients.done_ms)
        self.scheduler.later(clear_ms - self.began_ms, lambda: None)
        cleared = False
        while not (cleared and self._at_rest()):
            timer = self._next_timer()
            process = self.scheduler.step(timer)
            if timer is not None and timer <= self.log.now_ms:
                self.log.expire()
                for group in self.groups.values():
                    group.expire(self.log.now_ms)
            if self.scheduler.now_ms >= clear_ms and not cleared:
                cleared = True
                self._clear_up()
            if process is not None and not cleared and process.alive and process.name != "broker":
                self._fault(process)
            overdue = self.log.now_ms > clear_ms + REST_MS or self.scheduler.steps > MAX_STEPS
            if overdue and not (cleared and self._at_rest()):
                raise Violation(f"no rest after {self.scheduler.steps} steps: {self._open()}")
        self.checker.finish(self.provider.by_decision)
        batches = sum(replay(self.log, partition, self.config, self.dedupe_ms) for partition in range(PARTITIONS))
        return self._report(batches)

    def _clear_up(self) -> None:
        self.note("the weather clears up")
        for process in self.scheduler.processes:
            process.skew_ms = 0
            process.wake_ms = self.log.now_ms
            if process.resume_at_ms is not None:
                process.resume_at_ms = self.log.now_ms

    def _next_timer(self) -> int | None:
        first = self.log.next_expiry_ms()
        for group in self.groups.values():
            time = group.next_expiry_ms()
            if time is not None and (first is None or time < first):
                first = time
        return first

    def _at_rest(self) -> bool:
        return not self._open()

    def _open(self) -> list[str]:
        checker = self.checker
        waiting = [
            f"request {at}" for at, kind in checker.expected.items() if kind == "accept" and at not in checker.finals
        ]
        if waiting:
            return waiting
        held = [
            f"hold of {decision}"
            for account in checker.accounts.values()
            for decision, hold in account.holds.items()
            if hold.state == "held"
        ]
        if held:
            return held
        unread = [
            f"{name} {partition}"
            for name in (t.REQUESTS, t.OVERRIDES, t.PROVIDER_CALLS)
            for partition in range(PARTITIONS)
            if self.groups["router"].committed(name, partition) < self.log.at(name, partition).end
        ]
        running = [call.attempt_id for call in self.provider.calls.values() if not call.ended]
        return unread or running or self.log.undecided()

    def _report(self, batches: int) -> Report:
        digest = hashlib.sha256()
        for topic in t.BY_NAME:
            for partition in range(PARTITIONS):
                for record in self.log.at(topic, partition).read(0)[0]:
                    digest.update(repr((record.topic, record.offset, record.key, record.value)).encode())
        digest.update(repr(sorted(self.provider.bill.items())).encode())
        accounts = self.checker.accounts.values()
        return Report(
            seed=self.seed,
            steps=self.scheduler.steps,
            requests=len(self.checker.finals),
            calls=len(self.provider.calls),
            kills=self.kills,
            pauses=self.pauses,
            refused=self.checker.refused,
            forfeits=sum(hold.state == "forfeited" for account in accounts for hold in account.holds.values()),
            batches=batches,
            digest=digest.hexdigest(),
        )
