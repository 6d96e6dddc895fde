"""Saving at equal quality on choices whose saving is known."""

import numpy as np
import pytest

from analytics.evaluation.intervals import FloatArray
from tests.success import saving
from tests.success.estimates import Sampler
from tests.success.saving import Settings, frontier, settings_of
from tests.success.truth import Scale

PROMPTS = 40
SAMPLER = Sampler(np.full(PROMPTS, 1 / PROMPTS), count=100)
HALVES: FloatArray = np.arange(PROMPTS, dtype=np.float64) % 2


def planted(quality: tuple[float, ...], cost: tuple[float, ...]) -> Scale:
    """Return a scale on which every model is as good and dear for one prompt as for any other."""
    shape = (PROMPTS, len(quality))
    filled = np.broadcast_to(np.array(quality), shape)
    models = tuple(f"m{at}" for at in range(len(quality)))
    return Scale(models, (), filled, filled, np.broadcast_to(np.array(cost), shape), filled, filled.max(axis=1))


def always(true: Scale, *models: int) -> Settings:
    """Return settings that each always choose one model."""
    chosen: list[FloatArray] = []
    for model in models:
        chances = np.zeros((PROMPTS, len(true.models)))
        chances[:, model] = 1
        chosen.append(chances)
    return settings_of(true, chosen)


def saved(found: Settings, true: Scale, against: int, slack: float = 0.0) -> float:
    return saving._saved(found, true, against, SAMPLER, HALVES, slack)[0]


def test_an_equally_good_cheaper_choice_saves_the_difference() -> None:
    """At the same quality for a quarter of the cost, three quarters are saved, in every resample."""
    true = planted((0.9, 0.9), (4.0, 1.0))
    value, spread = saving._saved(always(true, 1), true, 0, SAMPLER, HALVES, 0.0)

    assert value == pytest.approx(0.75)
    assert spread == pytest.approx(np.full(100, 0.75))


def test_what_is_worse_saves_nothing() -> None:
    """A cheaper choice of less quality does not count, unless so much quality may be given away."""
    true = planted((0.9, 0.895), (4.0, 1.0))

    assert saved(always(true, 1), true, 0) == 0
    assert saved(always(true, 1), true, 0, slack=0.01) == pytest.approx(0.75)


def test_the_cheapest_setting_that_is_good_enough_counts() -> None:
    """Of settings that reach the quality the cheapest is taken; one that is dearer than the model costs more."""
    true = planted((0.8, 0.9, 0.85), (2.0, 5.0, 3.0))

    assert saved(always(true, 1, 2), true, 0) == pytest.approx(-0.5)
    assert saved(always(true, 0, 1, 2), true, 0) == pytest.approx(0)


def test_a_frontier_moves_the_weight_of_cost_alone() -> None:
    """Along a frontier cost weighs ever more, weights sum to 1, nothing explores; old books let old models in."""
    documents = frontier("learned", "s3")
    weights = [document.weights.cost for document in documents]

    assert weights == list(saving.COST_WEIGHTS)
    assert all(document.exploration.share == document.exploration.new_models == 0 for document in documents)
    assert all("retired" in document.lifecycle for document in documents)
    assert all("retired" not in document.lifecycle for document in frontier("learned", "current"))
