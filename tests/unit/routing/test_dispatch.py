from typing import Any

from routing.dispatch_actions import Broke, StartTail, Write
from schemas.ids import attempt_id, call_event_id
from schemas.provider_call import CallFailed, CallFinished, CallStarted, CallUnknown
from tests.unit.routing.dispatch_world import Executor, World, cancellation, claims, decision, plan

UNBILLED = Broke(category="overloaded", billed="no", status=529)


def _world(*names: str, **given: Any) -> tuple[World, Executor]:
    world = World()
    for name in names:
        world.decide(decision(name, **given))
    executor = Executor(world)
    executor.assign()
    return world, executor


def test_a_call_goes_out_only_after_its_claim_was_read_back() -> None:
    """Writing ``call.started`` is not enough: the call starts when the record comes back through the log (P10)."""
    world, executor = _world("a")
    executor.read_decision()
    while not claims(world):
        executor.read_call()
    assert not executor.running
    executor.run()
    assert list(executor.running) == [attempt_id(decision("a").id, 1)]


def test_a_finished_call_is_done_when_its_end_was_read_back() -> None:
    """The offset is committable only after ``call.finished`` was read back."""
    world, executor = _world("a")
    executor.run()
    executor.complete()
    assert [type(event) for event in world.terminal] == [CallFinished]
    assert executor.committed == 0
    executor.run()
    assert executor.committed == 1
    assert world.made == [(attempt_id(decision("a").id, 1), "e1")]


def test_ids_follow_from_attempt_and_executor() -> None:
    """The same executor writes the same event about the same attempt under the same id."""
    world, executor = _world("a")
    executor.run()
    claim = claims(world)[0]
    key = attempt_id(decision("a").id, 1)
    assert claim.id == call_event_id("acme", CallStarted.TYPE, key, "e1", 1)
    assert (claim.decision_id, claim.attempt_id, claim.model, claim.task_type) == (
        decision("a").id,
        key,
        "m1",
        "general",
    )


def test_nothing_is_claimed_before_the_tail_has_been_read_to_its_end() -> None:
    """A terminal record already in the log means: done, no second call (P10)."""
    world, first = _world("a")
    first.run()
    first.complete()
    second = Executor(world, "e2")
    second.assign()
    second.run()
    assert len(claims(world)) == 1
    assert not second.running
    assert second.committed == 1


def test_the_tail_starts_at_the_calls_from_of_the_first_decision() -> None:
    """Reading starts where no call record of the first uncommitted decision can lie before, not earlier."""
    world = World()
    world.calls.extend(world.calls * 3)
    executor = Executor(world)
    world.decide(decision("a", calls_from=1))
    world.decide(decision("b", calls_from=1))
    executor.assign()
    assert not any(isinstance(action, StartTail) for action in executor.log)
    executor.run()
    assert [action.offset for action in executor.log if isinstance(action, StartTail)] == [1]


def test_a_later_claim_loses_and_calls_nobody() -> None:
    """Of two executors that claim the same attempt the first in the log calls, the other neither calls nor releases."""
    world, first = _world("a")
    second = Executor(world, "e2")
    second.assign()
    for executor in (first, second):
        executor.read_decision()
    while len(claims(world)) < 2 and any([first.read_call(), second.read_call()]):
        pass
    assert len(claims(world)) == 2
    winner = claims(world)[0].instance
    first.run()
    second.run()
    assert [instance for _, instance in world.made] == [winner]
    {"e1": first, "e2": second}[winner].complete()
    first.run()
    second.run()
    assert (first.committed, second.committed) == (1, 1)
    assert len(world.terminal) == 1


def test_a_paused_executor_that_comes_back_calls_nobody() -> None:
    """A zombie's claim arrives after another executor's: it loses, whenever it is delivered."""
    world, zombie = _world("a")
    zombie.paused_writes = []
    zombie.run()
    heir = Executor(world, "e2")
    heir.assign()
    heir.run()
    heir.complete()
    world.calls.extend(zombie.paused_writes)
    zombie.paused_writes = None
    zombie.run()
    heir.run()
    assert [instance for _, instance in world.made] == ["e2"]
    assert len(world.terminal) == 1
    assert zombie.core.idle


def test_a_restarted_executor_makes_its_open_calls_unknown_at_once() -> None:
    """After kill -9 the next incarnation announces itself and calls its open attempt unknown, never the provider."""
    world, first = _world("a")
    first.run()
    second = Executor(world, "e1", incarnation=2)
    second.assign()
    second.run()
    assert len(world.made) == 1
    assert [type(event) for event in world.terminal] == [CallUnknown]
    assert second.committed == 1


def test_a_call_of_another_executor_is_left_alone_until_it_has_expired_long_ago() -> None:
    """An open claim of an executor not restarted becomes unknown 30 s after its expiry, not before (P10)."""
    world, first = _world("a")
    first.run()
    second = Executor(world, "e2")
    second.assign()
    second.later(10_000 + 30_000 - 1)
    assert not world.terminal
    second.later(1)
    assert [type(event) for event in world.terminal] == [CallUnknown]
    assert second.committed == 1


def test_the_announcement_of_a_restart_may_come_later() -> None:
    """The owner of a partition learns at any time that another executor was restarted."""
    world, first = _world("a")
    first.run()
    second = Executor(world, "e2")
    second.assign()
    second.run()
    assert not world.terminal
    Executor(world, "e1", incarnation=2)
    second.run()
    assert [(type(event), event.instance) for event in world.terminal] == [(CallUnknown, "e2")]


def test_a_late_end_after_unknown_is_still_journaled() -> None:
    """An executor that was taken for dead writes how its call ended: the ledger corrects the charge (B2)."""
    world, first = _world("a")
    first.run()
    second = Executor(world, "e2")
    second.assign()
    second.later(60_000)
    first.run()
    first.complete()
    assert [type(event) for event in world.terminal] == [CallUnknown, CallFinished]


def test_the_job_of_a_restarted_executor_is_polled_on() -> None:
    """An attempt with a job reference is not called unknown because of a restart: the owner polls it (P10)."""
    world, first = _world("a")
    first.run()
    key = next(iter(first.running))
    first.perform(first.core.job_started(key, {"job": "j-1"}, world.now))
    second = Executor(world, "e1", incarnation=2)
    second.assign()
    second.run()
    assert not world.terminal
    second.complete()
    second.run()
    assert [type(event) for event in world.terminal] == [CallFinished]
    assert second.committed == 1


def test_a_job_that_never_ends_becomes_unknown_after_its_expiry() -> None:
    """Polling ends with the attempt: 30 s later it is unknown."""
    world, first = _world("a")
    first.run()
    first.perform(first.core.job_started(next(iter(first.running)), {"job": "j-1"}, world.now))
    second = Executor(world, "e1", incarnation=2)
    second.assign()
    second.later(40_000)
    assert [type(event) for event in world.terminal] == [CallUnknown]


def test_decisions_not_to_be_executed_are_done_at_once() -> None:
    """Refusals, cancellations, routed decisions and unreadable records need no call."""
    world = World()
    world.decide(decision("a", execute=False))
    world.decide(None)
    world.decide(cancellation(decision("x")), gap=3)
    executor = Executor(world)
    executor.assign()
    executor.run()
    assert executor.committed == 6
    assert not world.made


def test_offsets_are_committed_in_order_only() -> None:
    """A slow call holds back the offsets behind it, and nothing else."""
    _, executor = _world("a", "b", "c")
    executor.run()
    for name in ("c", "b"):
        executor.complete(attempt_id=attempt_id(decision(name).id, 1))
    executor.run()
    assert executor.committed == 0
    assert executor.core.uncommitted == 3
    executor.complete()
    executor.run()
    assert executor.committed == 3
    assert executor.core.uncommitted == 0


def test_an_unbilled_failure_goes_on_with_the_next_model() -> None:
    """After a failure proven unbilled the executor claims the next attempt itself, under the same hold (P4, P5)."""
    world, executor = _world("a")
    executor.run()
    executor.complete(UNBILLED)
    failed = world.of(CallFailed)[0]
    assert (failed.billed, failed.terminal) == ("no", False)
    executor.run()
    assert [(claim.attempt, claim.model) for claim in claims(world)] == [(1, "m1"), (2, "m2")]
    executor.complete()
    executor.run()
    assert executor.committed == 1
    assert [type(event) for event in world.terminal] == [CallFinished]


def test_the_last_attempt_ends_the_decision() -> None:
    """Three attempts by default; the third unbilled failure is terminal (P4)."""
    world, executor = _world("a")
    for _ in range(3):
        executor.run()
        executor.complete(UNBILLED)
    executor.run()
    assert [event.terminal for event in world.of(CallFailed)] == [False, False, True]
    assert len(world.made) == 3
    assert executor.committed == 1


def test_another_executor_goes_on_after_an_unbilled_failure() -> None:
    """The next attempt needs nothing but the log: models tried are read from it."""
    world, first = _world("a")
    first.run()
    first.complete(UNBILLED)
    second = Executor(world, "e2")
    second.assign()
    second.run()
    assert [(claim.attempt, claim.model, claim.instance) for claim in claims(world)][1] == (2, "m2", "e2")


def test_retry_after_is_a_minimum() -> None:
    """With no other model left the same one is tried again, not before the provider allows it (P5)."""
    world, executor = _world("a", chain=(plan("m1"),))
    executor.run()
    executor.complete(Broke(category="rate_limited", billed="no", status=429, retry_after_ms=3_000))
    executor.later(2_999)
    assert len(claims(world)) == 1
    executor.later(1)
    assert [claim.model for claim in claims(world)] == ["m1", "m1"]


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    """When the provider asks for more patience than the deadline has, the failure is terminal."""
    world, executor = _world("a", chain=(plan("m1"),), in_ms=2_000)
    executor.run()
    executor.complete(Broke(category="rate_limited", billed="no", status=429, retry_after_ms=3_000))
    assert world.of(CallFailed)[0].terminal


def test_a_billed_failure_or_unknown_ends_the_decision() -> None:
    """What may have been billed is for the router to decide (DESIGN 7)."""
    for end, kind in (
        (Broke(category="timeout", billed="unknown"), CallUnknown),
        (Broke(category="x", billed="yes"), CallFailed),
    ):
        world, executor = _world("a")
        executor.run()
        executor.complete(end)
        executor.run()
        assert [type(event) for event in world.terminal] == [kind]
        assert executor.committed == 1
        assert len(world.made) == 1


def test_a_stream_broken_after_its_first_token_is_not_repeated() -> None:
    """After the first published token there is no silent switch, whatever the failure (P7)."""
    world, executor = _world("a", stream=True)
    executor.run()
    executor.complete(Broke(category="connection_lost", billed="no", partial=True))
    assert world.of(CallFailed)[0].terminal


def test_a_waiter_past_its_deadline_ends_not_sent() -> None:
    """A decision that got no place in time ends without a call, and with proof of it."""
    world, executor = _world("a", in_ms=5_000)
    executor.grant = False
    executor.run()
    executor.later(5_000)
    assert [(event.category, event.terminal) for event in world.of(CallFailed)] == [("not_sent", True)]
    assert executor.committed == 1
    assert not world.made


def test_a_claim_read_back_too_late_is_not_called() -> None:
    """A winner that does not call writes ``not_sent`` itself (DESIGN 8.1)."""
    world, executor = _world("a")
    executor.read_decision()
    while not claims(world):
        executor.read_call()
    executor.later(10_000)
    assert not world.made
    assert [event.category for event in world.of(CallFailed)] == ["not_sent"]
    assert executor.committed == 1


def test_not_sent_loses_against_an_earlier_claim() -> None:
    """``call.failed(not_sent)`` of somebody else releases nothing while the claim's owner may call."""
    world, first = _world("a", in_ms=5_000)
    second = Executor(world, "e2")
    second.assign()
    second.grant = False
    second.run()
    first.run()
    world.now += 5_000
    second.perform(second.core.tick(world.now))
    assert [event.instance for event in world.of(CallFailed)] == ["e2"]
    second.run()
    assert second.committed == 0
    first.complete()
    first.run()
    second.run()
    assert [type(event) for event in world.terminal] == [CallFailed, CallFinished]
    assert (first.committed, second.committed) == (1, 1)


def test_an_override_drops_a_waiting_decision() -> None:
    """The superseded decision ends ``not_sent``, the new one is called (U1)."""
    world, executor = _world("a")
    executor.grant = False
    executor.run()
    world.decide(decision("b", supersedes=decision("a").id, number=2))
    executor.grant = True
    executor.run()
    assert [(event.decision_id, event.detail) for event in world.of(CallFailed)] == [(decision("a").id, "superseded")]
    assert world.made == [(attempt_id(decision("b").id, 1), "e1")]


def test_an_override_cancels_a_running_call() -> None:
    """A running call of the superseded decision is cancelled and its end reported (U1)."""
    world, executor = _world("a")
    executor.run()
    world.decide(decision("b", supersedes=decision("a").id, number=2))
    executor.run()
    old = attempt_id(decision("a").id, 1)
    assert executor.cancelled == {old: "superseded"}
    executor.complete(Broke(category="cancelled", billed="unknown"), old)
    executor.run()
    assert [type(event) for event in world.terminal] == [CallUnknown]
    executor.complete()
    executor.run()
    assert executor.committed == 2


def test_a_cancelled_request_is_not_retried() -> None:
    """After a cancellation an unbilled failure is terminal (P7)."""
    world, executor = _world("a")
    executor.run()
    world.decide(cancellation(decision("a")))
    executor.run()
    assert list(executor.cancelled.values()) == ["cancelled"]
    executor.complete(UNBILLED)
    executor.run()
    assert world.of(CallFailed)[0].terminal
    assert executor.committed == 2


def test_a_cancellation_between_claim_and_call_prevents_the_call() -> None:
    """The claim is won but the request is cancelled: ``not_sent`` by its owner."""
    world, executor = _world("a")
    executor.read_decision()
    while not claims(world):
        executor.read_call()
    world.decide(cancellation(decision("a")))
    executor.read_decision()
    executor.run()
    assert not world.made
    assert [event.detail for event in world.of(CallFailed)] == ["cancelled"]
    assert executor.committed == 2


def test_a_lost_partition_is_finished_not_extended() -> None:
    """What runs is journaled after the loss, what waits is left to the next owner (DESIGN 8.3)."""
    world, first = _world("a", "b")
    first.read_decision()
    while not first.running:
        first.read_call()
    first.grant = False
    first.run()
    first.revoke()
    assert not first.core.idle
    second = Executor(world, "e2")
    second.assign()
    second.run()
    assert [instance for _, instance in world.made] == ["e1", "e2"]
    first.complete()
    assert first.core.idle
    second.run()
    second.complete()
    second.run()
    assert second.committed == 2
    assert len(world.terminal) == 2
    assert first.committed == 0


def test_a_claim_in_flight_at_the_loss_is_carried_out() -> None:
    """A claim written before the partition was lost and read back as first after it leads to the call."""
    world, executor = _world("a")
    executor.read_decision()
    while not claims(world):
        executor.read_call()
    executor.revoke()
    assert not executor.core.idle
    executor.run()
    executor.complete()
    assert executor.core.idle
    assert [type(event) for event in world.terminal] == [CallFinished]


def test_a_regained_partition_does_not_repeat_what_runs() -> None:
    """A call that ran through loss and return of the partition is not claimed again, and ends the decision."""
    world, executor = _world("a")
    executor.run()
    executor.revoke()
    executor.assign()
    executor.run()
    assert len(claims(world)) == 1
    executor.complete()
    executor.run()
    assert executor.committed == 1
    assert len(world.made) == 1


def test_after_a_loss_an_unbilled_failure_is_left_to_the_next_owner() -> None:
    """The loser journals the failure as not terminal and does not claim the next attempt."""
    world, first = _world("a")
    first.run()
    first.revoke()
    first.complete(UNBILLED)
    first.run()
    assert not world.of(CallFailed)[0].terminal
    assert first.core.idle
    second = Executor(world, "e2")
    second.assign()
    second.run()
    assert [(claim.attempt, claim.instance) for claim in claims(world)] == [(1, "e1"), (2, "e2")]


def test_a_stopping_executor_claims_nothing_new_and_commits_what_ends() -> None:
    """While draining, running calls end and are committed; waiting decisions stay uncommitted for the next start."""
    world, executor = _world("a", "b")
    executor.read_decision()
    while not executor.running:
        executor.read_call()
    executor.grant = False
    executor.run()
    executor.perform(executor.core.drain())
    executor.grant = True
    executor.complete()
    executor.run()
    assert executor.core.idle
    assert executor.committed == 1
    assert len(claims(world)) == 1


def test_a_decision_delivered_twice_is_called_once() -> None:
    """The first event per id counts: a repeated decision record is done at once, before and after its end."""
    world, executor = _world("a", "a")
    executor.run()
    executor.complete()
    executor.run()
    world.decide(decision("a"))
    executor.run()
    assert executor.committed == 3
    assert len(world.made) == 1


def test_a_repeated_decision_is_not_called_after_its_records_were_forgotten() -> None:
    """A decision that needs older call records than those in memory makes the tail be read again."""
    world, executor = _world("a")
    executor.run()
    executor.complete()
    executor.run()
    world.decide(decision("b", calls_from=len(world.calls)))
    executor.run()
    executor.complete()
    executor.run()
    assert len(executor.core._trails) == 1
    world.decide(decision("a"))
    executor.run()
    assert len(world.made) == 2
    assert executor.committed == 3


def test_call_records_of_done_decisions_do_not_pile_up() -> None:
    """Memory holds the trails of decisions in hand and of the router's last batches only."""
    world, executor = _world()
    for number in range(50):
        world.decide(decision(f"d{number}", calls_from=len(world.calls)))
        executor.run()
        executor.complete()
        executor.run()
    assert len(executor.core._trails) <= 2
    assert executor.committed == 50


def test_an_invalid_terminal_record_counts_as_unknown() -> None:
    """The unknown that an invalid terminal record stands for ends the decision for the executor too."""
    world, executor = _world("a")
    executor.run()
    claim = claims(world)[0]
    stand_in = CallUnknown.model_construct(
        **claim.model_dump(exclude={"type", "expires_at", "attempt"}),
        attempt=0,
        reason="invalid",
    )
    world.calls.append(stand_in)
    executor.run()
    assert executor.committed == 1


def test_time_and_order_of_actions_follow_from_the_inputs_alone() -> None:
    """The same inputs give the same actions: a simulation replays exactly."""
    logs = []
    for _ in range(2):
        _, executor = _world("a", "b", "c")
        executor.run()
        executor.complete(UNBILLED)
        executor.later(1_000)
        executor.complete()
        executor.later(1_000)
        logs.append([action.event.to_json() for action in executor.log if isinstance(action, Write)])
    assert logs[0] == logs[1]
