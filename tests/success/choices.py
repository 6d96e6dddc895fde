"""What a router chooses for each prompt, exploration counted by its probability, and how far from the best that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.evaluation.intervals import FloatArray
from routing.decide import decide
from schemas.decision import Choice, StatisticsView, View
from tests.success.truth import Scale
from tests.success.world import NOW, Case, Router

NEAR: Final = 2.0
"""Points of worth within which a choice counts as the best."""
Statistics = Mapping[str, Mapping[str, StatisticsView]]
"""Type of task -> model -> what calls and ratings say."""
NOTHING_YET: Final[Statistics] = {}


def choice(router: Router, case: Case, view: View) -> Choice:
    """Return what the router chooses; a refusal is an error: nothing here may be refused."""
    made = decide(case.facts, case.task, view, router.policy, NOW)
    if not isinstance(made, Choice):
        raise TypeError(made.reason)
    return made


def propensities(router: Router, cases: Sequence[Case], models: Sequence[str], known: Statistics) -> FloatArray:
    """Return the probability by which each model is chosen; shape (prompts, models)."""
    index = {model: at for at, model in enumerate(models)}
    chances = np.zeros((len(cases), len(models)))
    for at, each in enumerate(cases):
        made = choice(router, each, View(statistics=dict(known.get(each.task.type, {}))))
        for candidate in made.candidates:
            if candidate.propensity:
                chances[at, index[candidate.model]] = candidate.propensity
    return chances


def fixed(scale: Scale, model: str) -> FloatArray:
    """Return the choices of somebody who always takes one model."""
    chances = np.zeros(scale.worth.shape)
    chances[:, scale.models.index(model)] = 1
    return chances


def at_random(scale: Scale) -> FloatArray:
    """Return the choices of somebody who takes any model that nothing bars."""
    open_ = ~np.isnan(scale.worth)
    chances: FloatArray = open_ / open_.sum(axis=1, keepdims=True)
    return chances


def best_by(scale: Scale, keys: Sequence[str], weights: FloatArray) -> FloatArray:
    """Return the choices of somebody who knows the truth but sees of a prompt only its key: one model a key."""
    chances = np.zeros(scale.worth.shape)
    listed = np.array(keys)
    for key in sorted(set(keys)):
        rows = listed == key
        mean = (scale.worth[rows] * weights[rows, None]).sum(axis=0)
        chances[np.ix_(rows, [int(np.nanargmax(mean))])] = 1
    return chances


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """How good choices are, each by prompt."""

    near: FloatArray
    """Probability of a choice within two points of the best."""
    regret: FloatArray
    """Expected points lost."""


def judge(scale: Scale, chances: FloatArray) -> Quality:
    """Return how good choices with these probabilities are; a barred model must not be among them."""
    regret = scale.regret()
    if np.isnan(regret[chances > 0]).any():
        raise ValueError("a model that is barred was chosen")
    lost = np.nan_to_num(regret)
    near: FloatArray = (chances * (lost <= NEAR + 1e-9)).sum(axis=1)
    expected: FloatArray = (chances * lost).sum(axis=1)
    return Quality(near, expected)
