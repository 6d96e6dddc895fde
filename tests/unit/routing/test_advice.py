"""Advice before a decision: asked where it is worth it, held and settled, read or not; never above policy (R22, B9)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.advice import answer_schema, instructions, read_advice, types
from routing.desk_state import HOUR_MS
from schemas import topics as t
from schemas.control import DOCUMENT, ConfigDocument
from schemas.money import parse_usd
from schemas.provider_call import CallFailed, CallUnknown
from tests.desk_world import DeskWorld, Json
from tests.documents import tenant
from tests.scripted_executor import fields, finished, started

ADVICE: Json = {"kind": "classify", "model": "gpt-4.1-nano", "complexity": ["simple", "medium", "complex", "critical"]}


def documents(budget: Json | None = None, **advice: Any) -> list[ConfigDocument]:
    values: Json = {"kind": "policy", "name": "advised", "advice": {**ADVICE, **advice}}
    return [DOCUMENT.validate_python(values), tenant("acme", policy="advised", budget=budget or {"daily": 10})]


def world(budget: Json | None = None, **advice: Any) -> DeskWorld:
    return DeskWorld("acme", *documents(budget, **advice), restore_each_batch=True)


def order(w: DeskWorld, **request: Any) -> Json:
    w.ask("r1", **request)
    w.run()
    (ordered,) = w.values(t.DECISIONS, "advice.ordered")
    return ordered


def advise(w: DeskWorld, ordered: Json, content: str, cost: int = 5) -> list[Json]:
    w.report(started(ordered), finished(ordered, cost=cost).model_copy(update={"content": content}))
    w.run()
    return w.decisions()


def test_the_kind_of_work_an_adviser_names_decides() -> None:
    """The request waits for the advice; the decision is made for the kind of work it names, and says so (R22, R17)."""
    w = world()
    ordered = order(w)
    assert w.decisions() == []
    assert (ordered["number"], ordered["kind"], ordered["model"]) == (0, "classify", "gpt-4.1-nano")
    (decision,) = advise(w, ordered, 'Sure: {"type": "translation", "complexity": "simple"}')
    assert (decision["task_type"], decision["complexity"]) == ("translation", "simple")
    assert decision["view"]["advice"]["outcome"] == "given"
    assert "advised" in decision["reason_codes"]
    assert w.values(t.CLASSIFICATIONS)[0]["task"]["type"] == "debugging"


def test_advice_is_held_settled_and_reported_as_overhead() -> None:
    """The advice has a hold of its own, is settled at its cost, and counts as overhead of the request (B9)."""
    w = world()
    ordered = order(w)
    assert w.ledger() == [("held", ordered["hold"]["amount"])]
    assert parse_usd(ordered["hold"]["amount"]) <= parse_usd("0.01")
    (decision,) = advise(w, ordered, "{}", cost=5)
    w.report(started(decision), finished(decision, cost=7))
    w.run()
    (result,) = w.finals()
    assert (result["cost"], result["overhead"]) == ("0.000000000012", "0.000000000005")
    assert [attempt["purpose"] for attempt in result["attempts"]] == ["advice", "answer"]
    (outcome,) = w.values(t.TECHNICAL_OUTCOMES)
    assert (outcome["attempts"], outcome["fallbacks"], outcome["overhead"]) == (1, 0, "0.000000000005")


@pytest.mark.parametrize("ending", ["unreadable", "failed", "unknown"])
def test_without_usable_advice_the_local_tiers_decide(ending: str) -> None:
    """An answer that says nothing, a failure or an unknown end: the request is decided as without advice (R22)."""
    w = world()
    ordered = order(w)
    if ending == "unreadable":
        advise(w, ordered, "It is a difficult question.")
    elif ending == "failed":
        values = fields(ordered, 1, CallFailed.TYPE) | {"category": "overloaded"}
        w.report(started(ordered), CallFailed(**values, billed="no", terminal=True))
        w.run()
    else:
        w.report(started(ordered), CallUnknown(**fields(ordered, 1, CallUnknown.TYPE), reason="expired"))
        w.run()
    plain = DeskWorld("acme", tenant("acme", budget={"daily": 10}))
    plain.ask("r1")
    plain.run()
    (decision,) = w.decisions()
    assert decision["task_type"] == plain.decisions()[0]["task_type"]
    assert decision["view"]["advice"]["outcome"] == ("unreadable" if ending == "unreadable" else "failed")


def test_a_named_model_is_favoured_among_those_that_may_be_chosen() -> None:
    """A ``route`` advice may name only models that passed every veto, and favours the one it names (R22)."""
    w = world(kind="route", boost=1.0)
    ordered = order(w)
    assert len(ordered["options"]) == 6
    wanted = ordered["options"][3]
    (decision,) = advise(w, ordered, f'{{"model": "{wanted}"}}')
    assert decision["model"] == wanted
    other = world(kind="route", boost=1.0)
    (unmoved,) = advise(other, order(other), '{"model": "a-model-of-its-own"}')
    assert unmoved["model"] == ordered["options"][0]


@pytest.mark.parametrize(
    ("advice", "request_fields"),
    [
        ({"complexity": ["critical"]}, {}),
        ({"below_confidence": 0.0}, {}),
        ({"min_priority": 5}, {}),
        ({"max_cost": 0.000001}, {}),
        ({}, {"model": "gpt-4.1"}),
        ({}, {"constraints": {"max_latency_ms": 2000}}),
    ],
)
def test_advice_is_asked_only_where_it_is_worth_it_and_there_is_time(advice: Json, request_fields: Json) -> None:
    """No advice for lesser stakes, sure classifications, named models, short limits, or at too high a cost (R22)."""
    w = world(**advice)
    w.ask("r1", **request_fields)
    w.run()
    assert w.values(t.DECISIONS, "advice") == []
    assert w.decisions() or w.finals()


def test_a_budget_without_room_for_advice_decides_at_once() -> None:
    """Where the hold of advice does not fit the budget, none is asked (B2, R22)."""
    w = world({"daily": "0.000001"})
    w.ask("r1")
    w.run()
    assert w.values(t.DECISIONS, "advice") == []
    assert w.finals()[0]["status"] == "refused"


def test_an_override_meanwhile_stands_above_the_advice() -> None:
    """A person who chooses a model while the advice is awaited is followed; the advice then only costs (U1, R22)."""
    w = world()
    ordered = order(w)
    w.publish(
        t.OVERRIDES,
        {"type": "pointsman.override.requested.v1", "scope": "request", "request_id": "r1", "model": "gpt-4o"},
    )
    w.run()
    assert [decision["model"] for decision in w.decisions()] == ["gpt-4o"]
    assert len(advise(w, ordered, '{"type": "math"}')) == 1


def test_the_hold_of_advice_is_settled_however_late_its_end_comes() -> None:
    """A decision that calls nobody may end the request before its advice has: its hold is still settled (B2, B9)."""
    w = world()
    ordered = order(w, execute=False)
    w.publish(
        t.OVERRIDES,
        {"type": "pointsman.override.requested.v1", "scope": "request", "request_id": "r1", "model": "gpt-4o"},
    )
    w.run()
    assert [result["status"] for result in w.finals()] == ["routed"]
    for number in range(4):
        w.ask(f"later-{number}", model="gpt-4o", execute=False)
        w.run(HOUR_MS)
    advise(w, ordered, "{}", cost=5)
    assert [kind for kind, _ in w.ledger()] == ["held", "settled"]


def test_only_who_is_asked_is_held_for() -> None:
    """Fallbacks of an adviser are not called, so their dearer bounds are not held (B2, B9)."""
    w = world()
    ordered = order(w)
    (plan,) = ordered["chain"]
    assert ordered["hold"]["amount"] == plan["bound"]


def test_a_cancelled_request_ends_when_its_advice_has() -> None:
    """A request cancelled while the advice is awaited ends cancelled, without a decision (P7)."""
    w = world()
    ordered = order(w)
    w.publish(t.REQUESTS, {"type": "pointsman.request.cancelled.v1", "request_id": "r1"})
    w.run()
    assert advise(w, ordered, '{"type": "math"}') == []
    assert w.finals()[0]["status"] == "cancelled"


@given(st.sampled_from(["classify", "route"]), st.text(max_size=300))
def test_whatever_an_adviser_answers_only_listed_names_count(kind: Any, content: str) -> None:
    """No answer leads to anything but a known kind of work, complexity or offered model (R22)."""
    found = read_advice(kind, content, ("m1", "m2"))
    assert set(found) <= {"task_type", "complexity", "model"}
    assert found.get("task_type", types()[0]) in types()
    assert found.get("model", "m1") in {"m1", "m2"}


def test_the_question_names_all_that_may_be_answered() -> None:
    """Instructions and schema list the same names (R22)."""
    for kind, options, names in (("classify", (), types()), ("route", ("m1", "m2"), ("m1", "m2"))):
        schema = answer_schema(kind, options)  # type: ignore[arg-type]
        text = instructions(kind, options)  # type: ignore[arg-type]
        listed = next(iter(schema["properties"].values()))["enum"]
        assert listed == list(names)
        assert all(name in text for name in names)


def test_nobody_is_asked_where_the_user_leaves_nothing_to_choose() -> None:
    """With Auto fixed or off in the user's settings no advice is bought (U5, B9)."""
    w = world()
    for auto, model in (("fixed", "gpt-4o"), ("off", None)):
        fields = {"auto": auto} if model is None else {"auto": auto, "model": model}
        w.publish(t.OVERRIDES, {"type": "pointsman.settings.changed.v1", "user": "ann", **fields})
        w.ask(f"r-{auto}", user="ann")
        w.run()
    assert w.values(t.DECISIONS, "advice.ordered") == []
    assert [decision["model"] for decision in w.decisions()] == ["gpt-4o"]
    assert w.values(t.DECISIONS, "request.refused")[0]["code"] == "auto_off"
