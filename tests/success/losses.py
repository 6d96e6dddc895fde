"""Where the loss comes from: the router's formula with ever more truth in the place of what the router believes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from analytics.evaluation.intervals import FloatArray
from routing.candidates import Scored, survey
from routing.situation import situation
from schemas.decision import View
from tests.success.choices import Statistics
from tests.success.truth import Known, Scale, believed, worth
from tests.success.world import NOW, Case, Router

Mixing = Callable[[Known, Known], Known]
"""What to go by, of what is believed and what is true."""


def _with(*names: str) -> Mixing:
    """Return what is believed with these fields true."""
    return lambda belief, truth: belief._replace(**{name: getattr(truth, name) for name in names})


MIXINGS: Final[Mapping[str, Mixing]] = {
    "and quality": _with("quality", "ability", "history"),
    "and cost and latency": _with("cost", "latency"),
    "and everything": _with("quality", "ability", "history", "cost", "latency"),
}
"""What a router that was told type and complexity may know too."""


def would_choose(router: Router, told: Sequence[Case], scale: Scale, mix: Mixing, known: Statistics) -> FloatArray:
    """Return the choice by the best score, without exploration, where ``mix`` says what the score goes by."""
    chances = np.zeros(scale.worth.shape)
    for at, case in enumerate(told):
        scores = {
            model.model: _score(router, case, model, mix(believed(model), scale.known[at][model.model]))
            for model in _scored(router, case, known)
        }
        best = max(scores.values())
        chances[at, scale.models.index(min(model for model, score in scores.items() if score == best))] = 1
    return chances


def _scored(router: Router, case: Case, known: Statistics) -> list[Scored]:
    view = View(statistics=dict(known.get(case.task.type, {})))
    facts = situation(case.facts, case.task, view, router.policy, NOW)
    lanes = router.policy.lanes.of(case.task, NOW)
    return survey(lanes, facts, {}).ranked


def _score(router: Router, case: Case, model: Scored, known: Known) -> float:
    return worth(known, model.terms[5], router.policy, case.task.complexity, case.facts.latency_class)
