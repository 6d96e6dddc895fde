"""What goes wrong, when: a seeded schedule of kill -9 and SIGSTOP, and the hand that carries it out."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from streams.local_kafka import LocalKafka
from streams.settings import Settings
from tests.stage import Stage

SLOTS = (("simulated", 1), ("router", 2), ("executor", 2), ("feedback", 1), ("recorder", 1))
PAUSE_SECONDS = 9.0
"""Longer than a session: the group goes on without the paused process, which wakes up as a zombie."""
_TICK_SECONDS = 0.1
_BACKOFF_SECONDS = (0.1, 0.5, 1.0, 2.0)
_HEALTHY_SECONDS = 10.0


class Fault(NamedTuple):
    """One fault: at which share of the traffic, what, to whom."""

    at: float
    kind: str
    target: str


def schedule(kills: int, seed: int) -> list[Fault]:
    """Return ``kills`` kills of all kinds of process and some pauses, in order of time.

    Shares: broker 5 %, feedback 10 %, recorder 15 %, at least two of each; routers and executors share the rest.
    Without kills nothing goes wrong.
    """
    if kills == 0:
        return []
    draw = random.Random(seed)
    quota = {"broker": max(2, kills // 20), "feedback": max(2, kills // 10), "recorder": max(2, kills * 15 // 100)}
    targets = [name for name, count in quota.items() for _ in range(count)]
    while len(targets) < kills:
        targets.append(f"{('router', 'executor')[len(targets) % 2]}-{draw.randrange(2)}")
    targets = [target if "-" in target or target == "broker" else f"{target}-0" for target in targets]
    draw.shuffle(targets)
    faults = [Fault((number + draw.random()) / kills, "kill", target) for number, target in enumerate(targets)]
    pauses = max(2, kills // 10)
    for number in range(pauses):
        victim = f"{('router', 'executor')[number % 2]}-{draw.randrange(2)}"
        faults.append(Fault((number + draw.random()) / pauses, "pause", victim))
    return sorted(faults)


@dataclass(slots=True)
class Processes:
    """All processes of the deployment: starts them, restarts what ends, as the supervisor does, and breaks them."""

    settings: Settings
    run_dir: Path
    broker: LocalKafka
    stages: dict[str, Stage] = field(default_factory=dict)
    carried_out: Counter[str] = field(default_factory=Counter)
    own_ends: Counter[str] = field(default_factory=Counter)
    """Exits that no kill explains: status 70 asks for a restart."""
    _paused: dict[str, float] = field(default_factory=dict)
    _restarts: dict[str, list[float]] = field(default_factory=dict)
    _closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start every slot and watch them."""
        for name, count in SLOTS:
            for slot in range(count):
                self.stages[f"{name}-{slot}"] = Stage(self.settings, self.run_dir, name, slot)
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)
        self._thread.start()

    def inject(self, fault: Fault) -> None:
        """Carry out one fault; a killed broker is started again before this returns."""
        if fault.target == "broker":
            self.broker.kill()
            self.broker.start()
            self.carried_out["kill broker"] += 1
            return
        with self._lock:
            stage = self.stages[fault.target]
            if fault.kind == "pause":
                stage.pause()
                self._paused[fault.target] = time.monotonic() + PAUSE_SECONDS
            else:
                stage.kill()
            self.carried_out[f"{fault.kind} {fault.target.split('-', 1)[0]}"] += 1

    def heal(self) -> None:
        """Let paused processes go on."""
        with self._lock:
            for name in list(self._paused):
                self._resume(name)

    def stop(self) -> dict[str, int]:
        """End all in order; return the exit status of each."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(30)
        self.heal()
        order = [name for name, _ in reversed(SLOTS)]
        ended = sorted(self.stages, key=lambda name: order.index(_kind(name)))
        return {name: self.stages[name].stop() for name in ended}

    def _resume(self, name: str) -> None:
        del self._paused[name]
        if self.stages[name].process.poll() is None:
            self.stages[name].resume()

    def _watch(self) -> None:
        while not self._closing.wait(_TICK_SECONDS):
            with self._lock:
                now = time.monotonic()
                for name in [name for name, until in self._paused.items() if until <= now]:
                    self._resume(name)
                for name, stage in self.stages.items():
                    self._restart_if_ended(name, stage, now)

    def _restart_if_ended(self, name: str, stage: Stage, now: float) -> None:
        status = stage.process.poll()
        if status is None:
            return
        recent = [at for at in self._restarts.get(name, []) if now - at < _HEALTHY_SECONDS]
        if recent and now - recent[-1] < _BACKOFF_SECONDS[min(len(recent), len(_BACKOFF_SECONDS)) - 1]:
            return
        if status >= 0:
            self.own_ends[f"{_kind(name)} status {status}"] += 1
        stage.stop()
        self._paused.pop(name, None)
        slot = int(name.rpartition("-")[2])
        self.stages[name] = Stage(self.settings, self.run_dir, _kind(name), slot)
        self._restarts[name] = [*recent, now]


def _kind(name: str) -> str:
    return name.rpartition("-")[0]
