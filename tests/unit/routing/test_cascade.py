"""Cascades at the desk: start cheap, check, escalate with a hold of its own, never lose an answer paid for (R13)."""

from typing import Any

import pytest

from schemas import topics as t
from schemas.control import DOCUMENT, ConfigDocument
from schemas.money import parse_usd
from schemas.provider_call import CallFailed
from tests.desk_world import DeskWorld, Json
from tests.documents import tenant
from tests.scripted_executor import fields, finished, started

CASCADE: Json = {"start_quality": 0.4, "cost_share": 0.5, "complexity": ["simple", "medium", "complex"]}

WEIGHTS = {"capability": 0.8, "cost": 0.05, "quality": 0.05, "latency": 0.05, "history": 0.05}
SCORING = {"required": {"simple": 99, "medium": 99, "complex": 99, "critical": 99}}
"""A router that wants the best: without a cascade the dearest models answer everything."""


def documents(budget: Json | None = None, **fields_: Any) -> list[ConfigDocument]:
    values = {"kind": "policy", "name": "checked", "weights": WEIGHTS, "scoring": SCORING, "cascade": CASCADE}
    policy = DOCUMENT.validate_python({**values, **fields_})
    return [policy, tenant("acme", policy="checked", budget=budget or {"daily": 10})]


def world(budget: Json | None = None, **fields_: Any) -> DeskWorld:
    return DeskWorld("acme", *documents(budget, **fields_), restore_each_batch=True)


def ask(w: DeskWorld, **fields_: Any) -> Json:
    w.ask("r1", **fields_)
    w.run()
    return w.decisions()[-1]


def answer(w: DeskWorld, decision: Json, content: str, cost: int = 7) -> list[Json]:
    event = finished(decision, cost=cost).model_copy(update={"content": content})
    w.report(started(decision), event)
    w.run()
    return w.decisions()


def test_a_cheap_model_starts_and_its_good_answer_is_given() -> None:
    """The cheapest model that is likely to do starts; a good answer ends the request after one call (R13)."""
    w = world()
    decision = ask(w)
    assert decision["cascade"]
    assert decision["reason_codes"][0] == "cascade_start"
    best = max(decision["candidates"], key=lambda item: item["score"])
    assert parse_usd(decision["chain"][0]["estimated_cost"]) <= parse_usd(best["estimated_cost"]) / 2
    answer(w, decision, "Done.")
    (result,) = w.finals()
    assert (result["status"], result["content"], result.get("degraded")) == ("completed", "Done.", None)
    assert len(w.decisions()) == 1


def test_an_answer_that_fails_its_check_is_escalated() -> None:
    """An empty answer is settled; a better model gets a decision and a hold of its own, its answer counts (R13)."""
    w = world()
    first = ask(w)
    second = answer(w, first, "")[-1]
    assert (second["number"], second["cause"], second["reason_codes"][0]) == (2, "escalation", "escalated")
    quality = {item["model"]: item["predicted_quality"] for item in first["candidates"]}
    after = {item["model"]: item["predicted_quality"] for item in second["candidates"]}
    assert after[second["model"]] > quality[first["model"]]
    assert w.finals() == []
    assert [kind for kind, _ in w.ledger()] == ["held", "settled", "held"]
    answer(w, second, "Here it is.", cost=11)
    (result,) = w.finals()
    assert (result["status"], result["content"], result["cost"]) == ("completed", "Here it is.", "0.000000000018")
    (outcome,) = w.values(t.TECHNICAL_OUTCOMES)
    assert (outcome["escalations"], outcome["decisions"], outcome["degraded"]) == (1, 2, False)
    assert not any(key.startswith("answer/") for key in w.state)


def test_without_room_for_a_better_model_the_answer_is_given_and_marked() -> None:
    """When no better model fits the budget, the first answer is given, marked as degraded with both reasons (R13)."""
    probe = ask(world())
    cap = parse_usd(probe["hold"]["amount"])
    w = world({"daily": f"{cap / 10**12:.12f}"})
    first = ask(w)
    answer(w, first, "", cost=cap)
    (result,) = w.finals()
    assert result["status"] == "completed"
    assert result["degraded"].startswith("the answer was empty; ")
    assert len(w.decisions()) == 1
    assert w.values(t.TECHNICAL_OUTCOMES)[0]["degraded"]


@pytest.mark.parametrize("ending", ["failed", "not_good_either"])
def test_an_answer_paid_for_is_not_lost(ending: str) -> None:
    """If the better model fails, the first answer is given after all; a second poor answer replaces it (R13)."""
    w = world()
    first = ask(w)
    second = answer(w, first, "```py\nprint(1")[-1]
    if ending == "failed":
        values = fields(second, 1, CallFailed.TYPE) | {"category": "overloaded"}
        w.report(started(second), CallFailed(**values, billed="no", terminal=True))
        w.run()
    else:
        answer(w, second, "```py\nprint(2")
    (result,) = w.finals()
    assert result["status"] == "completed"
    assert result["content"] == ("```py\nprint(1" if ending == "failed" else "```py\nprint(2")
    assert result["degraded"].startswith("the code in the answer was not complete")
    assert result["model"] == (first if ending == "failed" else second)["model"]


@pytest.mark.parametrize(
    "fields_", [{"stream": True}, {"execute": False}, {"prompt": "urgent: production is down, data loss, critical"}]
)
def test_streams_recommendations_and_critical_work_start_no_cascade(fields_: Json) -> None:
    """What is shown at once, what is not called, and what is critical goes to the best model (R13)."""
    decision = ask(world(), **fields_)
    assert not decision["cascade"]
    assert "cascade_start" not in decision["reason_codes"]


def test_an_answer_cut_off_is_marked_without_a_cascade_too() -> None:
    """An answer that ends at the limit of its length is never passed off as whole (R13)."""
    w = world(cascade=None)
    decision = ask(w)
    event = finished(decision).model_copy(update={"finish_reason": "length"})
    w.report(started(decision), event)
    w.run()
    assert "cut off" in w.finals()[0]["degraded"]
