import numpy as np
import pytest

from routing.confidence import confidence
from tests.success.confidence import FITTED_ON, SHOWN_ON, Said, calibrated, fit, halves, observed, reliability, skill
from tests.success.population import held_out, sample
from tests.success.world import shipped_router


def said(lead: list[float], near: list[float], weight: list[float] | None = None) -> Said:
    """Decisions of as many prompts."""
    count = len(lead)
    heavy = np.array(weight or [1 / count] * count)
    nothing = np.zeros(count)
    return Said(np.arange(count, dtype=float), heavy, np.array(lead, dtype=float), nothing, np.array(near), nothing)


def test_fitting_gives_a_rising_line_that_keeps_the_mean() -> None:
    """Groups that fall are pooled: 8 groups of one decision, near 0 0 1 0 1 1 1 1."""
    points = fit(said([at / 10 for at in range(8)], [0, 0, 1, 0, 1, 1, 1, 1]))
    assert [point.near for point in points] == [0.0, 0.5, 1.0]
    assert [point.lead for point in points] == [0.05, 0.25, 0.55]


def test_calibration_error_by_hand() -> None:
    """Of four decisions that say 0.9, 0.9, 0.1, 0.1, one each is near: both bins are 0.4 off."""
    found = reliability(said([1, 1, 0, 0], [1, 0, 1, 0]), np.array([0.9, 0.9, 0.1, 0.1]), 4)
    assert found.error.value == pytest.approx(0.4)
    assert [(each.low, each.share, each.near.value) for each in found.bins] == [(0.1, 0.5, 0.5), (0.9, 0.5, 0.5)]
    assert found.said == pytest.approx(0.5)
    assert found.near.value == 0.5


def test_skill_by_hand() -> None:
    """Sure of what is near: 1; no difference: a half; sure of the wrong ones: 0."""
    some = said([0, 0, 0, 0], [1, 1, 0, 0])
    assert [skill(np.array(stated), some) for stated in ([0.9, 0.8, 0.2, 0.1], [0.5] * 4, [0.1, 0.2, 0.8, 0.9])] == [
        1,
        0.5,
        0,
    ]


def test_points_are_fitted_on_other_prompts_and_seeds_than_they_are_shown_on() -> None:
    """The halves share no prompt, and the seeds none."""
    mine, theirs = halves(held_out())
    assert not {prompt.text for prompt in mine} & {prompt.text for prompt in theirs}
    assert abs(len(mine) - len(theirs)) <= len({prompt.type for prompt in held_out()})
    assert not set(FITTED_ON) & set(SHOWN_ON)


def test_what_is_observed_is_what_decisions_say() -> None:
    """Every prompt counts with its weight, explorations by their probability, and the shipped points give 0 to 1."""
    router = shipped_router("learned")
    cold, learned = observed(router, sample(held_out(), 1), SHOWN_ON, 20)
    assert cold.weight.sum() == pytest.approx(1.0)
    assert learned.weight.sum() == pytest.approx(1.0)
    stated = calibrated(router.policy.settings.confidence, cold)
    assert stated[0] == confidence(router.policy.settings.confidence, cold.lead[0])
    assert ((stated >= 0) & (stated <= 1)).all()
    assert (cold.best <= cold.near).all()
