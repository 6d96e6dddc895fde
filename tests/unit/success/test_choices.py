"""The measure of choices: it is the router's own formula, an oracle loses nothing, the worst model is never near."""

import numpy as np
import pytest

from schemas.decision import View
from tests.success.choices import NOTHING_YET, at_random, best_by, choice, fixed, judge, propensities
from tests.success.losses import MIXINGS, would_choose
from tests.success.population import held_out, sample, weights
from tests.success.truth import TOLD, allowed, believed, scale, worth
from tests.success.world import ROUTERS, Case, Router, cases, shipped_router

PROMPTS = sample(held_out(), 2)


@pytest.fixture(name="router", params=ROUTERS)
def _router(request: pytest.FixtureRequest) -> Router:
    return shipped_router(request.param)


def told(router: Router) -> list[Case]:
    return cases(router, PROMPTS, TOLD)


def test_the_worth_of_what_is_believed_is_the_score(router: Router) -> None:
    """With the router's beliefs in the place of the truth, the worth is the score that decisions record."""
    for case in told(router):
        scores = {candidate.model: candidate.score for candidate in choice(router, case, View()).candidates}
        for model in allowed(router, case):
            value = worth(
                believed(model), model.terms[5], router.policy, case.task.complexity, case.facts.latency_class
            )
            assert value == pytest.approx(model.score, abs=2e-9)
            assert scores.get(model.model, model.score) == model.score


def test_who_knows_everything_loses_nothing(router: Router) -> None:
    """The router's formula over the truth chooses the best for every prompt."""
    true = scale(router, told(router))

    found = judge(true, would_choose(router, told(router), true, MIXINGS["and everything"], NOTHING_YET))

    assert found.near.tolist() == [1.0] * len(PROMPTS)
    assert found.regret == pytest.approx(np.zeros(len(PROMPTS)), abs=1e-6)


def test_the_worst_model_is_never_near(router: Router) -> None:
    """Whoever always takes the worst loses more than two points on every prompt, more than chance does."""
    true = scale(router, told(router))
    worst = np.zeros(true.worth.shape)
    worst[np.arange(len(PROMPTS)), np.nanargmin(true.worth, axis=1)] = 1

    found = judge(true, worst)

    assert found.near.sum() == 0
    assert (found.regret > judge(true, at_random(true)).regret).all()


def test_exploration_counts_by_its_probability() -> None:
    """The probabilities of the models of one prompt sum to 1, also where the router explores."""
    router = shipped_router("learned")
    listed = cases(router, PROMPTS)
    chances = propensities(router, listed, scale(router, listed).models, NOTHING_YET)

    assert chances.sum(axis=1) == pytest.approx(np.ones(len(PROMPTS)))
    assert ((chances > 0).sum(axis=1) > 1).any()


def test_one_model_a_key_is_at_least_as_good_as_one_model() -> None:
    """With the truth, a model for each type loses no more than one for all, and a model for each prompt nothing."""
    router = shipped_router("default")
    true = scale(router, told(router))
    heavy = weights(PROMPTS)
    by_type = judge(true, best_by(true, [prompt.type for prompt in PROMPTS], heavy)).regret @ heavy
    by_prompt = judge(true, best_by(true, [str(at) for at in range(len(PROMPTS))], heavy)).regret
    singles = [
        judge(true, fixed(true, model)).regret @ heavy
        for column, model in enumerate(true.models)
        if not np.isnan(true.worth[:, column]).any()
    ]

    assert by_type <= min(singles) + 1e-9
    assert by_prompt == pytest.approx(np.zeros(len(PROMPTS)))


def test_a_barred_model_cannot_be_judged() -> None:
    """Choosing a model that is barred is an error, not a loss."""
    router = shipped_router("default")
    true = scale(router, told(router))
    true.worth[0, 0] = np.nan

    with pytest.raises(ValueError, match="barred"):
        judge(true, fixed(true, true.models[0]))


def test_every_type_weighs_the_same() -> None:
    """Weights sum to 1 and each type's prompts have the same sum."""
    prompts = held_out()
    heavy = weights(prompts)
    by_type: dict[str, float] = {}
    for prompt, weight in zip(prompts, heavy, strict=True):
        by_type[prompt.type] = by_type.get(prompt.type, 0.0) + float(weight)

    assert sum(by_type.values()) == pytest.approx(1)
    assert len({round(value, 9) for value in by_type.values()}) == 1
