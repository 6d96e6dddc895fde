"""Exploration: who may be drawn, how likely, and that the log says so (A5, rules of exploration)."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.classify import classify
from routing.decide import decide
from routing.draws import draw
from routing.request_facts import facts_of
from schemas.decision import Choice, StatisticsView, View
from tests.brain import NOW, policy, request

PROMPT = "Fix the crash in the importer"


def drawn(number: float, view: View | None = None, event: Any = None, **exploration: Any) -> Choice:
    config = policy(exploration=exploration)
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


def test_draws_are_uniform_and_stable() -> None:
    """A draw depends on its parts alone and fills [0, 1) evenly."""
    assert draw("explore", "c1", 1) == draw("explore", "c1", 1) != draw("explore", "c1", 2)
    numbers = sorted(draw("explore", f"c{index}") for index in range(2000))
    assert numbers[0] >= 0
    assert numbers[-1] < 1
    assert max(abs(number - index / 2000) for index, number in enumerate(numbers)) < 0.04
