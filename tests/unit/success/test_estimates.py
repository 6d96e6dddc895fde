"""Means, intervals and verdicts on values whose answer is known."""

import numpy as np
import pytest

from analytics.evaluation.intervals import Estimate
from tests.success.estimates import Sampler, mean_of, percent, rest, verdict


def test_the_mean_is_weighted_and_its_interval_holds_it() -> None:
    """Prompts count by their weight; the interval lies around the mean and inside the range of the values."""
    found = Sampler(np.array([0.75, 0.25])).mean(np.array([1.0, 0.0]))

    assert found.value == pytest.approx(0.75)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= 0.75 <= found.high <= 1


def test_equal_values_have_no_spread_and_runs_widen_it() -> None:
    """An interval comes of prompts and of runs: of equal values none, of runs that differ some."""
    sampler = Sampler(np.full(50, 1 / 50))
    still = sampler.mean(np.full(50, 0.3))
    moved = sampler.mean(np.vstack([np.zeros(50), np.ones(50)]))

    assert still.low == pytest.approx(0.3)
    assert still.high == pytest.approx(0.3)
    assert moved.value == pytest.approx(0.5)
    assert moved.low == 0
    assert moved.high == pytest.approx(1)


def test_the_same_resamples_are_used_again() -> None:
    """Two figures of the same values are the same."""
    values = np.linspace(0, 1, 40)

    assert mean_of(values) == mean_of(values)


def test_a_part_has_its_own_mean() -> None:
    """Some of the prompts alone have the mean of these."""
    few = Sampler(np.full(4, 0.25)).part([True, True, False, False])

    assert few.mean(np.array([1.0, 0.0])).value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("low", "high", "at_least", "said"),
    [
        (0.91, 0.95, True, "met"),
        (0.80, 0.89, True, "missed"),
        (0.85, 0.95, True, "cannot tell"),
        (0.01, 0.04, False, "met"),
        (0.06, 0.09, False, "missed"),
        (0.04, 0.06, False, "cannot tell"),
    ],
)
def test_a_verdict_needs_the_whole_interval(low: float, high: float, at_least: bool, said: str) -> None:
    """A number is met or missed only when the whole interval lies on one side of the goal."""
    goal = 0.9 if at_least else 0.05

    assert verdict(Estimate((low + high) / 2, low, high), goal, at_least=at_least) == said


def test_shares_are_written_with_their_interval() -> None:
    """The rest of a share turns its interval round; a figure that is not defined is a dash."""
    assert percent(rest(Estimate(0.9, 0.8, 0.95))) == "10.0 % (5.0 to 20.0)"
    assert percent(Estimate(None, None, None)) == "-"
    assert percent(Estimate(-0.0001, -0.0001, 0.0)) == "0.0 % (0.0 to 0.0)"
