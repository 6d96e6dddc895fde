"""Past decisions put together from the events of the log."""

from dataclasses import replace
from typing import Any

import pytest

from routing.decide import decide
from routing.past_decisions import HistoryFold, PastDecision
from routing.reward import Signal
from schemas import topics
from schemas.control_preferences import SignalWeights
from schemas.decision import AdviceView, Choice, DecisionMade, EmbeddingView, View
from schemas.envelope import Event
from schemas.override import OverrideRequested
from tests.brain import NOW
from tests.past_world import APART, EXPLORING, POOL, TENANT, config, events, folded

CONFIG = config(EXPLORING)
SAID = list(events(CONFIG, APART, 6))


def _with(*more: Event) -> list[PastDecision]:
    fold = HistoryFold(TENANT)
    for each in SAID:
        fold.add(each.event, int(each.event.id[1:]))
    for event in more:
        fold.add(event, 0)
    return fold.decisions()


def _decision(number: int) -> DecisionMade:
    [found] = [each.event for each in SAID if each.event.id == f"d{number}"]
    assert isinstance(found, DecisionMade)
    return found


def _override(number: int, **fields: Any) -> OverrideRequested:
    other = next(model for model in POOL if model != _decision(number).model)
    common = {"id": f"v{number}", "occurred_at": NOW, "tenant": TENANT, "scope": "request", "model": other}
    return OverrideRequested.model_validate({**common, "request_id": f"r{number}", **fields})


def test_events_in_any_order_make_the_same_history() -> None:
    """The last event first, or the first: the same decisions, oldest first, each with its rating (R16)."""
    found = folded(iter(SAID)).decisions()
    assert found == _with()
    assert [past.decision.id for past in found] == [f"d{number}" for number in range(6)]
    assert all(past.signals[0].told == "rated" for past in found)
    assert {past.reward(SignalWeights()) for past in found} <= {0.0, 1.0}


def test_what_a_decision_read_makes_it_again() -> None:
    """The facts, task, view and draw of a past decision give the same model when decided again (A5)."""
    policy = CONFIG.tenant(TENANT)
    assert policy is not None
    for past in _with():
        read = past.past(policy.taxonomy)
        outcome = decide(read.facts, read.task, read.view, policy, read.now, read.number)
        assert isinstance(outcome, Choice)
        assert outcome.model == past.decision.model


def test_what_was_asked_before_a_decision_is_read_again() -> None:
    """A past decision is made again with the cluster of its vector and the kind of work that advice named (A5, R22)."""
    policy = CONFIG.tenant(TENANT)
    assert policy is not None
    [first, *_] = _with()
    advice = AdviceView(order_id="a", kind="classify", adviser="gpt-4.1", outcome="given", task_type="math")
    view = View(advice=advice, embedding=EmbeddingView(model="text-embedding-3-small", outcome="given"))
    told = first.decision.model_copy(update={"view": view, "cluster": "rail", "cluster_score": 0.9})
    task = replace(first, decision=told).past(policy.taxonomy).task
    assert (task.type, task.cluster, task.cluster_score) == ("math", "rail", 0.9)
    assert (first.task.cluster, str(first.task.type) == "math") == (None, False)


def test_an_override_speaks_against_the_model_it_replaces() -> None:
    """Naming another model for a request is a signal of 0 for the one chosen; naming the same one is none (R16)."""
    found = _with(_override(2), _override(3, model=_decision(3).model))
    assert Signal("overridden", 0.0) in found[2].signals
    assert found[2].overridden_to == _override(2).model
    assert found[3].overridden_to is None


def test_a_failed_check_speaks_against_the_first_model() -> None:
    """A decision that followed an escalation marks the one before it (R16)."""
    next_one = _decision(1).model_copy(update={"id": "d1-2", "number": 2, "cause": "escalation"})
    assert Signal("escalated", 0.0) in _with(next_one)[1].signals


def test_an_outcome_of_another_model_says_nothing_of_the_one_drawn() -> None:
    """Where a fallback answered, its rating is not the chosen model's (R16)."""
    other = next(model for model in POOL if model != _decision(0).model)
    rating = next(each.event for each in SAID if each.event.id == "o0").model_copy(update={"id": "x", "model": other})
    assert _with(rating)[0].signals == _with()[0].signals


@pytest.mark.parametrize("topic", [topics.REQUESTS, topics.CLASSIFICATIONS])
def test_decisions_whose_text_is_gone_are_counted(topic: str) -> None:
    """The log keeps decisions longer than texts: those without are left out and counted (R16)."""
    fold = folded(each for each in SAID if each.topic != topic)
    assert fold.decisions() == []
    assert fold.without_text == 6


def test_other_tenants_and_repeated_events_do_not_count() -> None:
    """Events of another tenant and events seen before change nothing (R16)."""
    stranger = next(each.event for each in SAID if each.event.id == "o1").model_copy(update={"tenant": "x", "id": "y"})
    again = next(each.event for each in SAID if each.event.id == "o1")
    assert _with(stranger, again) == _with()
