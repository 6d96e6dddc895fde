"""Executors under random kills, pauses, rebalances and late deliveries: what must hold at every step."""

import random
from collections import Counter

import pytest

from routing.calls import Calls, fold
from routing.dispatch_actions import Broke, Completion, StartCall
from schemas.decision import DecisionMade
from schemas.provider_call import CallEvent, ExecutorStarted
from tests.unit.routing.dispatch_world import ANSWER, NOW, Executor, World, cancellation, decision

ENDS: tuple[Completion, ...] = (
    ANSWER,
    ANSWER,
    Broke(category="overloaded", billed="no", status=529),
    Broke(category="rate_limited", billed="no", status=429, retry_after_ms=500),
    Broke(category="timeout", billed="unknown"),
    Broke(category="not_sent", billed="no"),
)
SEEDS = 300
STEPS = 250


class Cluster:
    """Up to three executors of which one at a time holds the partition; the broker keeps its committed offset."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.world = World()
        self.committed = 0
        self.incarnations = Counter[str]()
        self.alive: list[Executor] = []
        self.zombies: list[Executor] = []
        self.names = ["e1", "e2", "e3"]
        self.holder = self.start("e1")
        self.holder.assign(0)
        self.number = 0
        self.router_at = 0
        self.decided: list[DecisionMade] = []

    def start(self, name: str) -> Executor:
        self.incarnations[name] += 1
        executor = Executor(self.world, name, self.incarnations[name])
        self.alive.append(executor)
        return executor

    def note_commit(self) -> None:
        self.committed = max(self.committed, self.holder.committed)

    def hand_over(self) -> None:
        """Rebalance: the old owner is told, unless it is paused."""
        self.note_commit()
        others = [executor for executor in self.alive if executor is not self.holder]
        heir = self.draw.choice(others) if others else self.start(self.draw.choice(self.names[1:]))
        if self.holder in self.alive and self.holder not in self.zombies:
            self.holder.revoke()
        self.holder = heir
        self.holder.assign(self.committed)

    def kill(self, executor: Executor) -> None:
        """Kill -9 and restart under the same name; what had not reached the broker is lost."""
        if executor is self.holder:
            self.note_commit()
        self.alive.remove(executor)
        self.zombies = [zombie for zombie in self.zombies if zombie is not executor]
        fresh = self.start(executor.identity.instance)
        if executor is self.holder:
            self.holder = fresh
            fresh.assign(self.committed)

    def step(self) -> None:  # noqa: C901, PLR0912 - one branch for each thing that can happen
        executor = self.draw.choice(self.alive)
        roll = self.draw.random()
        if roll < 0.12:
            self.number += 1
            self.router_at = max(self.router_at, len(self.world.calls) - self.draw.randrange(30))
            event = decision(f"d{self.number}", calls_from=self.router_at, in_ms=self.world.now - NOW + 20_000)
            self.world.decide(event, gap=self.draw.choice((0, 0, 0, 2)))
            self.decided.append(event)
            if self.draw.random() < 0.1:
                self.world.decide(self.draw.choice(self.decided))
            if self.draw.random() < 0.1:
                self.world.decide(cancellation(event))
        elif roll < 0.16:
            self.kill(executor)
        elif roll < 0.20:
            self.hand_over()
        elif roll < 0.23:
            if executor.paused_writes is None:
                executor.paused_writes = []
                self.zombies.append(executor)
            else:
                self.wake(executor)
        elif roll < 0.28:
            self.world.now += self.draw.choice((10, 500, 5_000, 45_000))
        elif executor in self.zombies and self.draw.random() < 0.7:
            return
        elif roll < 0.45:
            if executor is self.holder:
                executor.read_decision()
        elif roll < 0.62 and executor.running:
            executor.complete(self.draw.choice(ENDS), self.draw.choice(sorted(executor.running)))
        elif roll < 0.70:
            executor.perform(executor.core.tick(self.world.now))
        else:
            for _ in range(self.draw.randrange(1, 6)):
                executor.read_call()

    def wake(self, executor: Executor) -> None:
        self.world.calls.extend(executor.paused_writes or [])
        executor.paused_writes = None
        self.zombies = [zombie for zombie in self.zombies if zombie is not executor]
        if executor is not self.holder:
            executor.revoke()

    def settle(self) -> None:
        """Let everybody wake, end all calls, and give the holder all the time it needs."""
        for executor in list(self.zombies):
            self.wake(executor)
        for _ in range(40):
            for executor in self.alive:
                executor.run() if executor is self.holder else self.drain_tail(executor)
                for key in sorted(executor.running):
                    executor.complete(ANSWER, key)
            self.world.now += 30_000
        self.holder.run()

    @staticmethod
    def drain_tail(executor: Executor) -> None:
        while executor.read_call():
            pass


def _check(cluster: Cluster) -> None:
    made = Counter(key for key, _ in cluster.world.made)
    assert not [key for key, count in made.items() if count > 1], "an attempt was called twice"
    folds: dict[str, Calls] = {}
    started: dict[str, int] = {}
    for event in cluster.world.calls:
        if isinstance(event, ExecutorStarted):
            continue
        assert isinstance(event, CallEvent)
        folds[event.decision_id], _ = fold(folds.get(event.decision_id, Calls(event.decision_id)), event)
        started.setdefault(event.attempt_id, 1)
    assert set(made) <= set(started), "a call was made without a record of its attempt"
    for offset, order in cluster.world.decisions:
        if offset < cluster.committed and isinstance(order, DecisionMade):
            assert folds[order.id].closed, "a decision was committed before its end was in the log"


def _wander(seeds: range) -> None:
    for seed in seeds:
        cluster = Cluster(seed)
        for _ in range(STEPS):
            cluster.step()
        _check(cluster)


@pytest.mark.parametrize("block", range(6))
def test_no_attempt_is_called_twice_and_every_decision_ends(block: int) -> None:
    """Under kills, pauses, zombies and rebalances each attempt is called at most once and each decision ends (P10)."""
    for seed in range(block * SEEDS // 6, (block + 1) * SEEDS // 6):
        cluster = Cluster(seed)
        for _ in range(STEPS):
            cluster.step()
        cluster.note_commit()
        _check(cluster)
        cluster.settle()
        cluster.note_commit()
        _check(cluster)
        last = cluster.world.decisions[-1][0] + 1 if cluster.world.decisions else 0
        assert cluster.committed == last, f"seed {seed}: {cluster.committed} of {last} done"


def test_the_read_back_is_what_prevents_double_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calling as soon as the claim is written, without reading it back, makes the check fail (P10)."""

    def hasty(self: Executor, actions: object) -> None:
        original(self, actions)  # type: ignore[arg-type]
        for key, mine in list(self.core._mine.items()):
            if mine.state == "claimed":
                mine.state = "running"
                start = StartCall(mine.decision, mine.plan, mine.attempt, mine.key, mine.expires_at_ms)
                self.world.made.append((key, self.identity.instance))
                self.running[key] = start

    original = Executor.perform
    monkeypatch.setattr(Executor, "perform", hasty)
    with pytest.raises(AssertionError, match=r"called twice|without a record"):
        _wander(range(SEEDS))
