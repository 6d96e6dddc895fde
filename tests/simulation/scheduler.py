"""Virtual time and processes: generators that yield wherever a kill or a pause may strike.

A process yields None to go on soon, or the time until which it sleeps unless the log changes before.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random

from tests.simulation.log import Log

Steps = Generator[int | None, None, None]
FOREVER = 1 << 60
EXITED = -1


@dataclass(slots=True, eq=False)
class Process:
    """One life of a process; after a kill the next life is another Process of the same slot."""

    name: str
    slot: int
    start: Callable[["Process"], Steps]
    skew_ms: int = 0
    """Its clock minus the world's."""
    silent_since_ms: int | None = None
    alive: bool = True
    resume_at_ms: int | None = None
    steps: Steps | None = None
    wake_ms: int = 0
    saw_version: int = -1
    inbox: list[tuple[str, object]] = field(default_factory=list)
    """Ends of provider calls, in the order in which they came."""

    def ready(self, now_ms: int, version: int) -> bool:
        """Return whether it has something to do now."""
        if not self.alive or self.resume_at_ms is not None:
            return False
        return self.wake_ms <= now_ms or self.saw_version != version or bool(self.inbox)


class Scheduler:
    """Picks the next process at random, moves the time, and calls timers."""

    def __init__(self, random: Random, log: Log) -> None:
        self.random = random
        self.log = log
        self.processes: list[Process] = []
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._first_ms = FOREVER
        """When the first timer is due: nearly every step comes before it."""
        self._count = 0
        self.steps = 0
        self.on_exit: Callable[[Process], None] = lambda _: None

    @property
    def now_ms(self) -> int:
        """The world's time in Unix milliseconds."""
        return self.log.now_ms

    def later(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Call ``action`` after ``delay_ms``."""
        self._count += 1
        at_ms = self.log.now_ms + delay_ms
        self._timers.append((at_ms, self._count, action))
        self._first_ms = min(self._first_ms, at_ms)

    def spawn(self, process: Process) -> None:
        """Add a process; it starts with its first step."""
        process.steps = process.start(process)
        self.processes.append(process)

    def kill(self, process: Process) -> None:
        """End a process between two of its steps."""
        process.alive = False
        process.silent_since_ms = self.now_ms if process.silent_since_ms is None else process.silent_since_ms
        process.steps = None
        self.processes.remove(process)

    def pause(self, process: Process, for_ms: int) -> None:
        """Stop a process as SIGSTOP does; it comes back believing what it believed."""
        process.silent_since_ms = self.now_ms
        process.resume_at_ms = self.now_ms + for_ms

    def step(self, extra_timer_ms: int | None) -> Process | None:
        """Run one step of one process; return it, or None when only time has moved."""
        self.steps += 1
        self._due()
        now, version = self.log.now_ms, self.log.version
        ready = [process for process in self.processes if process.ready(now, version)]
        if not ready:
            self._sleep(extra_timer_ms)
            return None
        process = ready[int(self.random.random() * len(ready))]
        process.saw_version = self.log.version
        process.wake_ms = FOREVER
        assert process.steps is not None
        wake = next(process.steps, EXITED)
        if wake == EXITED:
            self.kill(process)
            self.on_exit(process)
        process.wake_ms = self.now_ms if wake is None else wake
        if self.random.random() < 0.3:
            self.log.now_ms += 1
        return process

    def _due(self) -> None:
        now = self.log.now_ms
        if self._first_ms <= now:
            due = [timer for timer in self._timers if timer[0] <= now]
            self._timers = [timer for timer in self._timers if timer[0] > now]
            self._first_ms = min((timer[0] for timer in self._timers), default=FOREVER)
            for _, _, action in sorted(due, key=lambda timer: timer[:2]):
                action()
        for process in self.processes:
            if process.resume_at_ms is not None and process.resume_at_ms <= now:
                process.resume_at_ms = None
                process.silent_since_ms = None

    def _sleep(self, extra_timer_ms: int | None) -> None:
        times = [timer[0] for timer in self._timers]
        times += [process.resume_at_ms for process in self.processes if process.resume_at_ms is not None]
        times += [process.wake_ms for process in self.processes if process.resume_at_ms is None]
        if extra_timer_ms is not None:
            times.append(extra_timer_ms)
        self.log.now_ms = max(self.now_ms + 1, min(times, default=self.now_ms + 1))
