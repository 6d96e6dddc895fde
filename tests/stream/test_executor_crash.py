from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from routing.calls import Calls, fold
from schemas.decision import DecisionMade
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallStarted, CallUnknown
from schemas.topics import REQUESTS
from streams import executor, executor_readers
from streams.executor_readers import DecisionReader
from streams.kafka_clients import admin
from streams.settings import Settings
from tests.executed import Log, bill, executing, plan, ready, simulator, terminal
from tests.stage import Stage
from tests.waiting import eventually

TENANTS = [f"tenant-{number}" for number in range(24)]


@pytest.fixture
def log(settings: Settings) -> Generator[Log]:
    written = Log(ready(settings))
    with simulator(settings.run_dir):
        yield written
    written.close()


def _claimed(log: Log, decisions: Sequence[DecisionMade]) -> list[CallStarted]:
    return [event for event in log.calls(*decisions) if isinstance(event, CallStarted)]


def _instances(log: Log, decisions: Sequence[DecisionMade]) -> set[str]:
    return {event.instance for event in terminal(log.ended(*decisions))}


def _check(events: Sequence[CallEvent], decisions: Sequence[DecisionMade], run_dir: Path) -> Counter[str]:
    """Each decision has exactly one counted end and each attempt at most one bill; return the kinds of ends."""
    states: dict[str, Calls] = {decision.id: Calls(decision.id) for decision in decisions}
    closes: Counter[str] = Counter()
    for event in events:
        states[event.decision_id], did = fold(states[event.decision_id], event)
        assert did.kind != "conflict"
        closes[event.decision_id] += did.closes
    assert set(closes.values()) == {1}
    lines = bill(run_dir)
    answered = {event.attempt_id for event in events if isinstance(event, CallFinished)}
    for event in events:
        assert len(lines.get(event.attempt_id, ())) <= 1, "one attempt reached the provider twice"
        if event.attempt_id in answered:
            assert len(lines[event.attempt_id]) == 1
    claims = {event.attempt_id for event in events if isinstance(event, CallStarted)}
    billed = {attempt for attempt in lines if attempt in {event.attempt_id for event in events}}
    assert billed <= claims, "a call was made without a claim in the log"
    return Counter(type(event).__name__ for event in terminal(events))


def test_kill_in_mid_call_ends_unknown_and_never_calls_again(log: Log, settings: Settings) -> None:
    """After kill -9 and restart every decision has one end, finished or unknown, and no attempt two bills (P10, B2)."""
    first = Stage(settings, settings.run_dir, "executor")
    decisions = log.submit(plan("slow"), count=40, tenants=TENANTS)
    eventually(lambda: len(_claimed(log, decisions)) >= 30, "calls are under way")
    first.kill()
    successor = Stage(settings, settings.run_dir, "executor")
    try:
        ends = _check(log.ended(*decisions), decisions, settings.run_dir)
        assert ends["CallUnknown"] >= 1
        assert ends["CallUnknown"] + ends["CallFinished"] == 40
        eventually(lambda: log.all_committed(*decisions), "everything is committed")
        assert successor.stop() == 0
    finally:
        successor.kill()


def test_an_orderly_stop_lets_calls_end_and_commits_them(log: Log, settings: Settings) -> None:
    """SIGTERM: no new calls, running ones end and are committed; the next start does the rest, with no unknown."""
    first = Stage(settings, settings.run_dir, "executor")
    decisions = log.submit(plan("slow", "narrow"), count=3, seconds=240)
    decisions += log.submit(plan("slow"), count=20, tenants=TENANTS, seconds=240)
    eventually(lambda: len(_claimed(log, decisions)) >= 21, "calls are under way")
    assert first.stop() == 0
    events = log.calls(*decisions)
    assert Counter(type(event) for event in terminal(events)) == {CallFinished: len(_claimed(log, decisions))}
    successor = Stage(settings, settings.run_dir, "executor")
    try:
        ends = _check(log.ended(*decisions), decisions, settings.run_dir)
        assert ends == {"CallFinished": 23}
        eventually(lambda: log.all_committed(*decisions), "everything is committed")
    finally:
        successor.kill()


def test_executors_come_and_go_under_load(log: Log, settings: Settings) -> None:
    """Joining, killing and stopping executors: every decision one end, every attempt at most one bill (P10)."""
    decisions: list[DecisionMade] = []
    stages = [Stage(settings, settings.run_dir, "executor")]
    try:
        decisions += log.submit(plan("chatty"), count=60, tenants=TENANTS)
        stages.append(Stage(settings, settings.run_dir, "executor", 1))
        decisions += log.submit(plan("chatty"), count=60, tenants=TENANTS)
        eventually(lambda: len({event.instance for event in _claimed(log, decisions)}) == 1, "the first executor works")
        decisions += log.submit(plan("chatty"), count=60, tenants=TENANTS)
        stages[0].kill()
        stages.append(Stage(settings, settings.run_dir, "executor"))
        decisions += log.submit(plan("chatty"), count=60, tenants=TENANTS)
        ends = _check(log.ended(*decisions), decisions, settings.run_dir)
        assert sum(ends.values()) >= 240
        eventually(lambda: log.all_committed(*decisions), "everything is committed")
    finally:
        for stage in stages:
            stage.kill()


def test_a_paused_executor_that_comes_back_writes_nothing_that_counts(log: Log, settings: Settings) -> None:
    """SIGSTOP past the session timeout: the other takes over; the zombie wakes up and repeats nothing (P10)."""
    stages = [Stage(settings, settings.run_dir, "executor", slot) for slot in (0, 1)]
    try:
        eventually(lambda: len(_instances(log, log.submit(plan("quick"), count=24, tenants=TENANTS))) == 2, "both work")
        running = log.submit(plan("slow"), count=24, tenants=TENANTS)
        eventually(lambda: len(_claimed(log, running)) == 24, "calls are under way on both")
        stages[0].pause()
        orphaned = log.submit(plan("quick"), count=48, tenants=TENANTS)
        log.ended(*orphaned)
        assert all(
            event.instance == "executor-1" for event in terminal(log.calls(*orphaned)) if event.tenant in TENANTS
        )
        stages[0].resume()
        decisions = [*running, *orphaned]
        _check(log.ended(*decisions), decisions, settings.run_dir)
        eventually(lambda: log.all_committed(*decisions), "everything is committed")
        assert not [e for e in log.calls(*orphaned) if isinstance(e, CallUnknown)]
    finally:
        for stage in stages:
            stage.kill()


def test_a_partition_with_too_many_decisions_in_hand_pauses_and_goes_on(
    log: Log, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the limit of uncommitted decisions and goes on when half are done; none is lost (DESIGN 8.4)."""
    paused: list[frozenset[int]] = []
    original = DecisionReader._pause

    def watched(self: DecisionReader, client: Consumer) -> None:
        paused.append(self.wanted_paused)
        original(self, client)

    monkeypatch.setattr(DecisionReader, "_pause", watched)
    monkeypatch.setattr(executor, "MAX_UNCOMMITTED", 20)
    monkeypatch.setattr(executor_readers, "_BATCH", 4)
    decisions = log.submit(plan("quick", "narrow"), count=80)
    with executing(settings):
        ends = _check(log.ended(*decisions), decisions, settings.run_dir)
        assert ends == {"CallFinished": 80}
        eventually(lambda: log.all_committed(*decisions), "everything is committed")
    assert any(paused)


def test_a_request_past_its_retention_is_not_sent(log: Log, settings: Settings) -> None:
    """The log no longer holds the request: the decision ends at once, with proof that nothing was called."""
    ((old, at),) = log.requests(1, ["acme"], "Gone")
    end = TopicPartition(settings.topic(REQUESTS), at.partition, at.offset + 1)
    client = admin(settings)
    for deletion in client.delete_records([end]).values():
        deletion.result()
    decisions = [log.decision(old, at, [plan("quick")])]
    log.decide(decisions)
    decisions += log.submit(plan("quick"))
    with executing(settings):
        ends = {event.decision_id: event for event in terminal(log.ended(*decisions, seconds=15))}
    gone = ends[decisions[0].id]
    assert isinstance(gone, CallFailed)
    assert (gone.category, gone.detail) == ("not_sent", "the request is no longer retained")
    assert isinstance(ends[decisions[1].id], CallFinished)
