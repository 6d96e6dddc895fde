"""The desk: what each input leads to, in money, decisions and results; and that a restored desk goes on the same."""

from typing import Any

import pytest

from routing import desk_requests
from routing.decide import decide
from routing.desk_batch import StageStopped
from schemas import topics as t
from schemas.money import parse_usd
from schemas.provider_call import NOT_SENT, CallFailed, CallUnknown
from tests.desk_world import DeskWorld, Json
from tests.documents import tenant
from tests.scripted_executor import fields, finished, started

ACME = tenant("acme", budget={"daily": 10})


def world(**more: Any) -> DeskWorld:
    return DeskWorld("acme", ACME, **more)


def failed(decision: Json, attempt: int = 1, *, billed: str = "no", terminal: bool = True, **more: Any) -> CallFailed:
    values = fields(decision, attempt, CallFailed.TYPE) | {"category": "overloaded", **more}
    return CallFailed(**values, billed=billed, terminal=terminal)


def unknown(decision: Json, attempt: int = 1) -> CallUnknown:
    return CallUnknown(**fields(decision, attempt, CallUnknown.TYPE), reason="expired")


def test_an_accepted_request_is_classified_decided_and_held_in_one_batch() -> None:
    """One request gives one classification, one decision, one hold of the decision's amount (F6)."""
    w = world()
    w.ask("r1")
    w.run()
    assert len(w.values(t.CLASSIFICATIONS)) == 1
    (decision,) = w.decisions()
    assert w.ledger() == [("held", decision["hold"]["amount"])]
    assert parse_usd(decision["hold"]["amount"]) == max(parse_usd(plan["bound"]) for plan in decision["chain"])


def test_a_finished_call_settles_and_ends_the_request_in_one_batch() -> None:
    """call.finished settles its cost and writes the one final result and technical outcome."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), finished(decision, cost=7))
    w.run()
    assert w.ledger()[1] == ("settled", "0.000000000007")
    (result,) = w.finals()
    assert (result["status"], result["cost"], result["content"]) == ("completed", "0.000000000007", "[scripted] done")
    assert len(w.values(t.TECHNICAL_OUTCOMES)) == 1


def test_call_reports_apply_before_requests_of_the_same_batch() -> None:
    """A settlement and a request in one batch: the request sees the money that the settlement freed."""
    w = world()
    w.ask("r1")
    w.run()
    (first,) = w.decisions()
    tight = tenant("acme", version=2, budget={"daily": first["hold"]["amount"]})
    w2 = DeskWorld("acme", tight)
    w2.ask("r1")
    w2.run()
    (decision,) = w2.decisions()
    w2.ask("r2")
    w2.report(started(decision), finished(decision, cost=0))
    w2.run()
    assert len(w2.decisions()) == 2
    assert w2.finals()[0]["status"] == "completed"


def test_an_unbilled_failure_goes_on_under_the_same_hold() -> None:
    """A proven unbilled failure opens the next attempt and books nothing; the last one releases the hold."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), failed(decision, terminal=False))
    w.run()
    assert len(w.ledger()) == 1
    w.report(started(decision, 2), failed(decision, 2))
    w.run()
    assert w.ledger()[1] == ("released", "overloaded")
    (result,) = w.finals()
    assert (result["status"], [a["outcome"] for a in result["attempts"]]) == ("failed", ["overloaded", "overloaded"])


def test_an_unknown_charges_the_hold_and_decides_anew_without_the_tried_model() -> None:
    """call.unknown forfeits at once; the next decision has its own hold and another model (DESIGN 7)."""
    w = world()
    w.ask("r1")
    w.run()
    (first,) = w.decisions()
    w.report(started(first), unknown(first))
    w.run()
    assert [kind for kind, _ in w.ledger()] == ["held", "forfeited", "held"]
    _, second = w.decisions()
    assert (second["number"], second["cause"]) == (2, "unknown")
    assert second["model"] != first["model"]
    assert first["model"] in second["view"]["excluded"]


def test_the_true_cost_of_an_unknown_is_adjusted_once() -> None:
    """A late call.finished books the difference to the forfeit once; a repetition books nothing."""
    w = world()
    w.ask("r1")
    w.run()
    (first,) = w.decisions()
    hold = parse_usd(first["hold"]["amount"])
    w.report(started(first), unknown(first))
    w.run()
    w.report(finished(first, cost=5))
    w.run()
    w.report(finished(first, cost=5))
    w.run()
    adjusted = [value for value in w.values(t.LEDGER) if "adjusted" in value["type"]]
    assert [parse_usd(value["difference"]) for value in adjusted] == [5 - hold]
    assert w.finals() == []


def test_a_stream_is_interrupted_after_an_unknown() -> None:
    """A streamed request is not tried again after UNKNOWN: its result is interrupted."""
    w = world()
    w.ask("r1", stream=True)
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), unknown(decision))
    w.run()
    assert [result["status"] for result in w.finals()] == ["interrupted"]
    assert len(w.decisions()) == 1


def test_billed_failures_end_after_three_decisions() -> None:
    """After three decisions that cost money without an answer the request fails and says so."""
    w = world()
    w.ask("r1")
    w.run()
    for index in range(3):
        decision = w.decisions()[index]
        w.report(started(decision), failed(decision, billed="yes", cost=11))
        w.run()
    assert [kind for kind, _ in w.ledger()] == ["held", "settled"] * 3
    (result,) = w.finals()
    assert (result["status"], result["cost"]) == ("failed", "0.000000000033")


def test_a_request_override_replaces_the_decision_with_its_own_hold() -> None:
    """An override of an open request: decision 2 supersedes 1, both hold; only the second answers (U1)."""
    w = world()
    w.ask("r1")
    w.run()
    (first,) = w.decisions()
    other = next(c["model"] for c in first["candidates"] if c["model"] != first["model"])
    w.publish(t.OVERRIDES, {"scope": "request", "request_id": "r1", "model": other, "id": "o1"})
    w.run()
    _, second = w.decisions()
    assert (second["model"], second["supersedes"], second["forced_by"]) == (other, first["id"], "override:request")
    assert [kind for kind, _ in w.ledger()] == ["held", "held"]
    w.report(started(first), finished(first, cost=3))
    w.run()
    assert w.finals() == []
    w.report(started(second), finished(second, cost=4))
    w.run()
    (result,) = w.finals()
    assert (result["status"], result["model"], result["cost"]) == ("completed", other, "0.000000000007")
    (applied,) = w.values(t.TECHNICAL_OUTCOMES, "override.applied")
    assert applied["decision_id"] == second["id"]


def test_an_override_after_the_result_is_too_late_and_of_an_unknown_model_rejected() -> None:
    """Overrides of a finished request are answered too_late, of an unknown model rejected; both once (U1)."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), finished(decision))
    w.run()
    w.publish(t.OVERRIDES, {"scope": "request", "request_id": "r1", "model": "haiku", "id": "o1"})
    w.publish(t.OVERRIDES, {"scope": "request", "request_id": "r1", "model": "haiku", "id": "o1"})
    w.publish(t.OVERRIDES, {"scope": "always", "user": "u1", "model": "no-such-model", "id": "o2"})
    w.run()
    answers = [value["type"].split(".")[2] for value in w.values(t.TECHNICAL_OUTCOMES, "override.")]
    assert answers == ["too_late", "rejected"]


@pytest.mark.parametrize(
    ("scope", "place"),
    [
        ("conversation", {"conversation_id": "c1"}),
        ("space", {"space": "s1"}),
        ("area", {"area": "a1"}),
        ("always", {"user": "u1"}),
    ],
)
def test_a_standing_override_decides_later_requests_until_lifted(scope: str, place: Json) -> None:
    """Overrides of conversation, space, area and always force their model until "auto" lifts them (U1)."""
    w = world()
    w.publish(t.OVERRIDES, {"scope": scope, "model": "haiku", "id": "o1", **place})
    w.ask("r1", **place)
    w.ask("r2")
    w.run()
    w.publish(t.OVERRIDES, {"scope": scope, "model": "auto", "id": "o2", **place})
    w.ask("r3", **place)
    w.run()
    forced = {decision["request_id"]: decision.get("forced_by") for decision in w.decisions()}
    assert forced == {"r1": f"override:{scope}", "r2": None, "r3": None}


def test_a_standing_override_to_a_model_that_could_never_serve_is_rejected() -> None:
    """What is barred whatever is asked is told at once with its document, instead of refusing all that follows (U1)."""
    w = DeskWorld("acme", tenant("acme", avoid_models=["haiku"]))
    w.publish(t.OVERRIDES, {"scope": "always", "user": "u1", "model": "haiku", "id": "o1"})
    w.ask("r1", user="u1")
    w.run()
    (answer,) = w.values(t.TECHNICAL_OUTCOMES, "override.")
    assert answer["type"].split(".")[2] == "rejected"
    assert answer["reason"].startswith("not followed: the tenant avoids it (tenant/")
    assert len(w.decisions()) == 1


def test_a_cancelled_request_ends_when_its_call_is_reported() -> None:
    """Cancel: decision.cancelled at once, no next decision, and one cancelled result when the executor reports."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.publish(t.REQUESTS, {"type": "pointsman.request.cancelled.v1", "request_id": "r1", "id": "c1"})
    w.run()
    assert len(w.values(t.DECISIONS, "decision.cancelled")) == 1
    assert w.finals() == []
    w.report(failed(decision, category=NOT_SENT))
    w.run()
    assert [result["status"] for result in w.finals()] == ["cancelled"]
    assert [kind for kind, _ in w.ledger()] == ["held", "released"]


def test_a_later_claim_or_report_of_a_stranger_changes_nothing() -> None:
    """Reports that are not the claim owner's book nothing."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    stranger = finished(decision, cost=9).model_copy(update={"instance": "stranger", "id": "x"})
    w.report(started(decision), stranger)
    w.run()
    assert w.ledger() == [("held", decision["hold"]["amount"])]
    assert w.finals() == []


def test_an_unreadable_terminal_report_counts_as_unknown() -> None:
    """A dead-lettered call.finished of a known attempt charges the hold like call.unknown (DESIGN 6.5)."""
    w = world()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision))
    w.publish(t.PROVIDER_CALLS, b"{broken", finished(decision).headers())
    w.run()
    assert [kind for kind, _ in w.ledger()] == ["held", "forfeited", "held"]
    assert [letter["code"] for letter in w.values("provider-calls.dlq")] == ["invalid"]


def test_a_failure_inside_the_core_dead_letters_one_request_with_a_failed_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exception of the pure core costs one request its answer, visibly, and its neighbours nothing (DESIGN 6.5)."""

    def sometimes(facts: Any, *rest: Any) -> Any:
        if facts.request_id == "bad":
            raise ZeroDivisionError
        return decide(facts, *rest)

    monkeypatch.setattr(desk_requests, "decide", sometimes)
    w = world()
    w.ask("r1")
    w.ask("bad")
    w.ask("r2")
    w.run()
    assert [letter["code"] for letter in w.values("requests.dlq")] == ["internal"]
    assert [(result["request_id"], result["status"]) for result in w.finals()] == [("bad", "failed")]
    assert {decision["request_id"] for decision in w.decisions()} == {"r1", "r2"}


def test_a_core_that_fails_on_everything_stops_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than five inputs in a row that fail inside the core stop the stage before the topic is emptied."""

    def never(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(desk_requests, "decide", never)
    w = world()
    for index in range(6):
        w.ask(f"r{index}")
    with pytest.raises(StageStopped):
        w.run()


def test_the_same_request_id_is_new_after_the_window() -> None:
    """A request id counts as a repetition for an hour of append time, then as a new request (DESIGN 6.6)."""
    w = world()
    w.ask("r1")
    w.run()
    w.ask("r1")
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), finished(decision))
    w.run()
    w.now += 3_700_000
    w.ask("r1")
    w.run()
    assert len(w.decisions()) == 2
    assert len(w.values(t.RESULTS, "duplicate")) == 1


def test_a_request_id_is_not_new_while_its_request_is_unanswered() -> None:
    """After the window, too, an unanswered request is not replaced by a repetition: it keeps its one final result."""
    w = world()
    w.ask("r1")
    w.run()
    w.now += 3_700_000
    w.ask("r1")
    w.ask("r2")
    w.run()
    first, _ = w.decisions()
    assert len(w.values(t.RESULTS, "duplicate")) == 1
    w.report(started(first), finished(first))
    w.run()
    assert [result["request_id"] for result in w.finals()] == ["r1"]


def test_the_clock_never_goes_back() -> None:
    """A batch with an earlier clock keeps the time of the batch before."""
    w = world()
    w.ask("r1")
    w.run()
    before = w.desk.now_ms
    w.run(later_ms=-86_400_000)
    assert w.desk.now_ms == before


def scenario(w: DeskWorld) -> list[Any]:
    """Run a story that touches every kind of state."""
    w.publish(t.OVERRIDES, {"scope": "always", "user": "u1", "model": "haiku", "id": "o1"})
    for index in range(6):
        w.ask(f"r{index}", user=f"u{index % 3}", conversation_id=f"c{index % 2}", stream=index == 5)
    w.run()
    first = w.decisions()
    w.report(*(started(decision) for decision in first))
    w.run()
    w.report(finished(first[0], cost=5), unknown(first[1]), failed(first[2], terminal=False), unknown(first[5]))
    w.publish(t.OVERRIDES, {"scope": "request", "request_id": "r3", "model": "opus", "id": "o2"})
    w.publish(t.REQUESTS, {"type": "pointsman.request.cancelled.v1", "request_id": "r4", "id": "x1"})
    w.run()
    later = [decision for decision in w.decisions() if decision["number"] == 2]
    w.report(*(started(decision) for decision in later), started(first[2], 2), finished(first[1], cost=9))
    w.ask("r0")
    w.run()
    w.report(*(finished(decision) for decision in later), finished(first[2], 2), finished(first[4]), finished(first[3]))
    w.run()
    w.ask("late", user="u1", conversation_id="c1")
    w.run(later_ms=3_600_000)
    w.run(later_ms=25 * 3_600_000)
    return [output for output in w.outputs if output.topic != t.ROUTER_STATE]


def test_a_desk_restored_after_every_batch_writes_the_same_bytes() -> None:
    """Restoring from change log and journal after every batch changes no byte of any output (promise 3)."""
    assert scenario(world(restore_each_batch=True)) == scenario(world())


def test_state_of_closed_requests_is_forgotten() -> None:
    """When all that may still come has come, nothing of a request stays in state or change log but its account."""
    w = world()
    scenario(w)
    w.run(later_ms=90_000_000)
    kinds = {key.split("/")[0] for key in w.state}
    assert kinds <= {"window", "override", "dedupe", "request", "progress", "hold"}
    assert {key for key in w.state if key.startswith("request/")} == {"request/acme/late"}
