"""N4 and N5: how often the choice is within two points of the best, and how much worth is lost, cold and learned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from analytics.evaluation.intervals import Estimate, FloatArray
from routing.draws import draw
from tests.success.choices import NOTHING_YET, Statistics, at_random, best_by, fixed, judge, propensities
from tests.success.estimates import Sampler
from tests.success.losses import MIXINGS, would_choose
from tests.success.population import Prompt, weights
from tests.success.size import Size
from tests.success.stream import Experience, Stream, run
from tests.success.truth import TOLD, Known, Scale, scale
from tests.success.world import Case, Router, cases

Chooser = Callable[[Statistics], FloatArray]
"""The probability of each model for each prompt, by what is known of models."""
AS_SHIPPED: Final = "as shipped"
WITH_TYPE: Final = "told the type"
WITH_BOTH: Final = "told type and complexity"


@dataclass(frozen=True, slots=True)
class Figures:
    """How good some choices are: the share within two points of the best, and the mean loss in points."""

    near: Estimate
    regret: Estimate


@dataclass(frozen=True, slots=True)
class Doubt:
    """The prompts whose type is less sure than the floor, where the default model is favoured; without experience."""

    share: float
    lost: float
    """Points lost on them."""
    lost_elsewhere: float


@dataclass(frozen=True, slots=True, eq=False)
class Regret:
    """Everything measured of one router."""

    router: str
    curve: Mapping[int, Figures]
    """By number of requests that it has learned from."""
    ladder: Mapping[str, tuple[Figures, Figures]]
    """What it is told -> without experience, and with all of it."""
    baselines: Mapping[str, Figures]
    single: str
    """The best single model."""
    hindsight: Figures
    """Without experience, against the worth of one drawn answer of each model: blames chance as well as the router."""
    strict: Figures
    """Without experience, the boosts left out of the worth."""
    near: FloatArray
    """Share within two points by prompt, without experience."""
    doubt: Doubt


def measure(router: Router, prompts: Sequence[Prompt], size: Size) -> Regret:
    """Return what a router loses on the prompts, from no experience to the last mark."""
    plain = cases(router, prompts)
    judged = _Judged(scale(router, plain), Sampler(weights(prompts)))
    models = judged.true.models
    experiences = [_experience(router, plain, size, seed) for seed in range(size.runs)]

    def as_shipped(known: Statistics) -> FloatArray:
        return propensities(router, plain, models, known)

    last = [found[size.marks[-1]] for found in experiences]
    cold = as_shipped(NOTHING_YET)
    strict = _Judged(scale(router, plain, boosts=False), judged.sampler)
    return Regret(
        router=router.name,
        curve={mark: judged.over([found[mark] for found in experiences], as_shipped) for mark in size.marks},
        ladder={
            name: (judged.over([NOTHING_YET], chooser), judged.over(last, chooser))
            for name, chooser in _ladder(router, prompts, judged.true, as_shipped).items()
        },
        baselines={name: judged.of([chances]) for name, chances in _baselines(judged, plain).items()},
        single=judged.single,
        hindsight=_Judged(scale(router, plain, seen=_one_answer), judged.sampler).of([cold]),
        strict=strict.of([cold]),
        near=judge(judged.true, cold).near,
        doubt=_doubt(router, plain, judge(judged.true, cold).regret, judged.sampler.weights),
    )


def _doubt(router: Router, plain: Sequence[Case], lost: FloatArray, heavy: FloatArray) -> Doubt:
    floor = router.policy.settings.confidence_floor
    unsure = np.array([case.task.confidence < floor for case in plain])
    weight = np.array([(heavy * unsure).sum(), (heavy * ~unsure).sum()])
    points = np.array([(heavy * unsure) @ lost, (heavy * ~unsure) @ lost]) / np.maximum(weight, 1e-12)
    return Doubt(float(weight[0]), float(points[0]), float(points[1]))


class _Judged:
    """Choices measured against the truth, with intervals over prompts and runs."""

    def __init__(self, true: Scale, sampler: Sampler) -> None:
        self.true = true
        self.sampler = sampler
        mean = np.where(np.isnan(true.worth), -np.inf, true.worth) * sampler.weights[:, None]
        self.single = true.models[int(np.argmax(mean.sum(axis=0)))]

    def of(self, by_run: Sequence[FloatArray]) -> Figures:
        """Return the figures of choices, one array a run."""
        found = [judge(self.true, chances) for chances in by_run]
        near = np.array([each.near for each in found])
        return Figures(self.sampler.mean(near), self.sampler.mean(np.array([each.regret for each in found])))

    def over(self, experiences: Sequence[Statistics], chooser: Chooser) -> Figures:
        """Return the figures of a chooser with the experience of each run."""
        return self.of([chooser(known) for known in experiences])


def _experience(router: Router, plain: Sequence[Case], size: Size, seed: int) -> dict[int, Statistics]:
    found: dict[int, Statistics] = {}

    def look(mark: int, experience: Experience) -> None:
        found[mark] = experience.snapshot()

    run(router, Stream(plain, seed), size.marks, look)
    return found


def _ladder(router: Router, prompts: Sequence[Prompt], true: Scale, as_shipped: Chooser) -> dict[str, Chooser]:
    """Return choosers that know ever more."""
    with_type = cases(router, prompts, "type")
    with_both = cases(router, prompts, TOLD)
    steps: dict[str, Chooser] = {
        AS_SHIPPED: as_shipped,
        WITH_TYPE: lambda known: propensities(router, with_type, true.models, known),
        WITH_BOTH: lambda known: propensities(router, with_both, true.models, known),
    }
    for name, mix in MIXINGS.items():
        steps[f"{WITH_BOTH} {name}"] = partial(would_choose, router, with_both, true, mix)
    return steps


def _baselines(judged: _Judged, plain: Sequence[Case]) -> dict[str, FloatArray]:
    true, heavy = judged.true, judged.sampler.weights
    return {
        "any model at random": at_random(true),
        "best single model, chosen with the truth": fixed(true, judged.single),
        "best model of each type as classified, chosen with the truth": best_by(
            true, [case.task.type for case in plain], heavy
        ),
        "best model of each true type, chosen with the truth": best_by(
            true, [case.prompt.type for case in plain], heavy
        ),
    }


def _one_answer(at: int, model: str, known: Known) -> Known:
    """Return what is known of a model after one answer: good or not, by its planted share."""
    return known._replace(quality=1.0 if draw("hindsight", at, model) < known.quality else 0.0)
