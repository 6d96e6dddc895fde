"""Off-policy estimates on draws whose truth is known."""

import numpy as np
import pytest

from routing.off_policy import (
    Interval,
    Logged,
    Resamples,
    covered,
    effective_size,
    interval,
    parts_of,
    wanted_units,
    weights,
)
from routing.rescore_table import Floats

CHANCE = np.array([0.3, 0.8, 0.5])


def _drawn(count: int, shares: tuple[float, ...], seed: int = 1, units: int | None = None) -> Logged:
    generator = np.random.default_rng(seed)
    propensities = np.tile(np.array(shares), (count, 1))
    chosen = generator.choice(3, size=count, p=shares).astype(np.int64)
    rewards = (generator.random(count) < CHANCE[chosen]).astype(np.float64)
    of_unit = np.arange(count, dtype=np.int64) if units is None else np.arange(count, dtype=np.int64) % units
    return Logged(("a", "b", "c"), chosen, rewards, propensities, of_unit, ("k",) * count, ("",) * count)


def _always(model: int, count: int) -> Floats:
    target: Floats = np.zeros((count, 3))
    target[:, model] = 1.0
    return target


@pytest.mark.parametrize("model", [0, 1, 2])
@pytest.mark.parametrize("believed", [0.0, 1.0], ids=["nothing", "all"])
def test_the_worth_of_another_router_is_recovered(model: int, believed: float) -> None:
    """IPS, SNIPS and DR find what one model is worth, whatever the reward model believes; intervals hold it (A5)."""
    found: dict[str, list[Interval]] = {"ips": [], "snips": [], "doubly_robust": []}
    for seed in range(40):
        logged = _drawn(500, (0.4, 0.3, 0.3), seed)
        parts = parts_of(logged, _always(model, 500), np.full((500, 3), believed))
        estimates = Resamples(logged.units, count=400).estimates(parts)
        assert estimates.logged[0] == pytest.approx(logged.rewards.mean())
        for name, intervals in found.items():
            intervals.append(interval(getattr(estimates, name)))
    for intervals in found.values():
        assert np.mean([each.value for each in intervals]) == pytest.approx(CHANCE[model], abs=0.02)
        assert sum(each.low < CHANCE[model] < each.high for each in intervals) >= 34


def test_what_the_log_could_not_draw_is_not_covered() -> None:
    """A model of propensity 0 is uncovered, and no weight speaks for it (A5)."""
    logged = _drawn(100, (0.5, 0.5, 0.0))
    assert not covered(logged, _always(2, 100)).any()
    assert covered(logged, _always(1, 100)).all()
    assert effective_size(weights(logged, _always(2, 100))) == 0.0


def test_weights_are_clipped() -> None:
    """One decision in a hundred that drew a model stands for fifty at most (A5)."""
    logged = _drawn(3000, (0.98, 0.01, 0.01))
    assert weights(logged, _always(1, 3000)).max() == 50.0
    assert effective_size(weights(logged, _always(1, 3000))) == (logged.chosen == 1).sum()


def test_decisions_of_one_conversation_hang_together() -> None:
    """The same decisions in few conversations give a wider interval than alone; the estimate is the same (A5)."""
    alone, few = _drawn(600, (0.4, 0.3, 0.3)), _drawn(600, (0.4, 0.3, 0.3), units=6)
    few.rewards[:] = np.where(few.units % 2 == 0, 1.0, 0.0)
    alone.rewards[:] = few.rewards
    spans = []
    for logged in (alone, few):
        parts = parts_of(logged, logged.propensities, np.zeros((600, 3)))
        spans.append(interval(Resamples(logged.units).estimates(parts).ips))
    assert spans[0].value == spans[1].value
    assert spans[1].high - spans[1].low > 2 * (spans[0].high - spans[0].low)


def test_how_many_more_would_tell() -> None:
    """Twice the half width wants four times the units; a lift that nobody would notice wants none (A5)."""
    assert wanted_units(Interval(0.1, -0.1, 0.3), 100, 0.005) == 400
    assert wanted_units(Interval(0.001, -0.1, 0.1), 100, 0.005) is None
