"""Exploration: who may be drawn, how likely, and that the log says so (A5, rules of exploration)."""

import json
from functools import lru_cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.catalog import CompiledConfig
from routing.classify import classify
from routing.decide import decide
from routing.draws import draw
from routing.request_facts import facts_of
from schemas.decision import Choice, StatisticsView, View
from tests.brain import NOW, policy, request

PROMPT = "Fix the crash in the importer"


@lru_cache(maxsize=50)
def exploring(exploration: str) -> CompiledConfig:
    """A router of its own that explores so (JSON); compiled once."""
    return policy(exploration=json.loads(exploration))


def drawn(number: float, view: View | None = None, event: Any = None, **exploration: Any) -> Choice:
    config = exploring(json.dumps(exploration))
    asked = event or request(PROMPT)
    found = config.tenant("t")
    assert found is not None
    choice = decide(facts_of(asked), classify(asked, config), view or View(), found, NOW, number)
    assert isinstance(choice, Choice)
    return choice


def propensities(choice: Choice) -> dict[str, float]:
    return {item.model: item.propensity for item in choice.candidates if item.propensity > 0}


@given(
    number=st.floats(0, 1, exclude_max=True),
    share=st.floats(0, 0.5),
    within=st.floats(0, 1),
    sharpness=st.floats(0, 1000),
    novelty=st.floats(0, 0.2),
)
def test_propensities_sum_to_one(number: float, share: float, within: float, sharpness: float, novelty: float) -> None:
    """Propensities sum to 1, the drawn model has one above 0, and no explored share passes its bound (A5)."""
    choice = drawn(number, share=share, within=within, sharpness=sharpness, new_models=novelty)
    found = propensities(choice)
    assert sum(found.values()) == pytest.approx(1, abs=1e-8)
    assert found[choice.model] > 0
    best = max(choice.candidates, key=lambda item: item.score)
    assert 1 - found[best.model] <= share + novelty + 1e-6


def test_the_drawn_model_follows_the_number() -> None:
    """Laid end to end by rank, the propensities say which number draws which model (A5)."""
    found = propensities(drawn(0.0, share=0.5, within=0.3, sharpness=1))
    edges = [sum(list(found.values())[:index]) for index in range(len(found) + 1)]
    for model, (low, high) in zip(found, pairwise(edges), strict=True):
        middle = (low + high) / 2
        choice = drawn(middle, share=0.5, within=0.3, sharpness=1)
        assert choice.model == model
        assert propensities(choice) == found


def test_nearer_models_are_drawn_more_often() -> None:
    """Among the others, a smaller gap to the best score means a higher probability."""
    choice = drawn(0.0, share=0.3, within=0.5, sharpness=50)
    others = [item for item in choice.candidates if item.propensity > 0 and item.model != choice.model]
    assert len(others) > 2
    assert [item.propensity for item in others] == sorted((item.propensity for item in others), reverse=True)


def test_without_exploration_the_best_is_certain() -> None:
    """A router that does not explore chooses the best with probability 1, whatever the number."""
    choice = drawn(0.999999)
    assert propensities(choice) == {choice.model: 1.0}
    assert "explored" not in choice.reason_codes


def test_an_explored_choice_says_so() -> None:
    """A model drawn to learn about it carries its code, and a reason for people (R17)."""
    choice = drawn(0.9999, share=0.5, within=0.5, sharpness=1)
    assert choice.reason_codes[0] == "explored"
    assert "to learn how well" in choice.reason
    best = max(choice.candidates, key=lambda item: item.score)
    assert choice.model != best.model


@pytest.mark.parametrize(
    "fields",
    [{"sensitive": True}, {"automation": "automated"}, {"prompt": "urgent: production is down, data loss, critical"}],
)
def test_high_stakes_never_explore(fields: dict[str, Any]) -> None:
    """Sensitive, automated and critical requests take the best model for certain."""
    event = request(**{"prompt": PROMPT, **fields})
    choice = drawn(0.9999, event=event, share=0.5, within=0.5, sharpness=1, new_models=0.2)
    assert propensities(choice) == {choice.model: 1.0}


def test_new_models_get_a_bounded_share() -> None:
    """Models with few calls divide their share evenly, however far below the best they score; known ones do not."""
    many = StatisticsView(calls=1000, success_rate=0.9)
    first = drawn(0.0)
    names = [*(item.model for item in first.candidates), *first.others]
    new = names[-1]
    view = View(statistics={name: many for name in names if name != new})
    choice = drawn(0.9999, view, new_models=0.05)
    assert choice.model == new
    assert propensities(choice)[new] == pytest.approx(0.05)
    assert {"explored", "new_model"} <= set(choice.reason_codes)


MANY = StatisticsView(calls=1000, success_rate=0.5)
PROBATION: dict[str, Any] = {"new_models": 0.05, "probation": True, "new_calls": 50}


def all_but(*new: str, **calls: int) -> View:
    """A view in which every model has many calls, except those named."""
    first = drawn(0.0)
    names = [*(item.model for item in first.candidates), *first.others]
    few = {name: StatisticsView(calls=calls.get("calls", 0)) for name in new}
    return View(statistics=dict.fromkeys(names, MANY) | few)


def best(view: View, **exploration: Any) -> str:
    return drawn(0.0, view, **exploration).model


def test_over_many_draws_a_new_model_gets_its_share_and_no_more() -> None:
    """Of many requests the best model, while it is new, gets its bounded share; with evidence it gets them all."""
    new = best(all_but())
    count = 2000
    view = all_but(new)
    chosen = [drawn(draw("explore", index), view, **PROBATION).model for index in range(count)]
    assert 0.03 < chosen.count(new) / count < 0.07
    assert drawn(0.0, all_but(new, calls=49), **PROBATION).model != new
    known = drawn(0.0, all_but(new, calls=50), **PROBATION)
    assert propensities(known) == {new: 1.0}


def test_probation_is_told() -> None:
    """A choice that a better scored new model had to leave to another says so, in codes and words (R17)."""
    new = best(all_but())
    choice = drawn(0.0, all_but(new), **PROBATION)
    assert choice.model != new
    assert "probation" in choice.reason_codes
    assert "too new" in choice.reason
    assert propensities(choice)[new] == pytest.approx(0.05)


@pytest.mark.parametrize(
    "fields",
    [{"sensitive": True}, {"automation": "automated"}, {"prompt": "urgent: production is down, data loss, critical"}],
)
@given(number=st.floats(0, 1, exclude_max=True))
def test_high_stakes_never_meet_a_new_model(fields: dict[str, Any], number: float) -> None:
    """Sensitive, automated and critical requests never go to a model on probation, whatever the number."""
    event = request(**{"prompt": PROMPT, **fields})
    new = drawn(0.0, all_but(), event).model
    exploration: dict[str, Any] = {
        **PROBATION,
        "new_models": 0.2,
        "complexity": ["simple", "medium", "complex", "critical"],
    }
    choice = drawn(number, all_but(new), event, **exploration)
    assert choice.model != new
    assert new not in propensities(choice)
    assert new not in {plan.model for plan in choice.chain}


def test_only_previews_are_new_where_the_router_says_so() -> None:
    """Where only previews can be new, an active model without any call is chosen for its score."""
    new = best(all_but())
    choice = drawn(0.0, all_but(new), **{**PROBATION, "new_among": "preview"})
    assert propensities(choice) == {new: 1.0}


def test_where_all_are_new_the_score_decides() -> None:
    """Probation never leaves a request without a model: among new ones alone the best is chosen."""
    assert drawn(0.0, **PROBATION).model == drawn(0.0).model


def test_what_a_rule_would_fix_is_not_explored_while_its_models_are_away() -> None:
    """A lock whose models cannot be used leaves the request to the best model for certain, never to a draw."""
    rule = {
        "name": "r", "layer": "signal", "when": {"task_type": ["debugging"]}, "effect": "lock",
        "models": ["gpt-4.1"], "because": "a test says so",
    }  # fmt: skip
    config = policy(exploration={"share": 0.5, "within": 0.5, "new_models": 0.2}, rules=[rule])
    found, asked = config.tenant("t"), request(PROMPT)
    assert found is not None
    view = View(health=dict.fromkeys(("openai", "openrouter", "azure"), "open"))
    choice = decide(facts_of(asked), classify(asked, config), view, found, NOW, 0.9999)
    assert isinstance(choice, Choice)
    assert "rule_unavailable" in choice.reason_codes
    assert propensities(choice) == {choice.model: 1.0}


def test_draws_are_uniform_and_stable() -> None:
    """A draw depends on its parts alone and fills [0, 1) evenly."""
    assert draw("explore", "c1", 1) == draw("explore", "c1", 1) != draw("explore", "c1", 2)
    numbers = sorted(draw("explore", f"c{index}") for index in range(2000))
    assert numbers[0] >= 0
    assert numbers[-1] < 1
    assert max(abs(number - index / 2000) for index, number in enumerate(numbers)) < 0.04
