"""N2: what routing saves at equal true quality, against always one model, for each price book.

The settings are three shipped routers at weights of cost from 0 to 0.9, the other weights scaled to make room
(``score.set_weight``). Against a model with true quality q the cheapest setting whose quality is at least q counts. The
setting is picked on one half of the prompts and measured on the other, both ways; where no setting reaches q, one takes
the model itself and saves nothing. Resampling prompts repeats all of it, the picking too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from analytics.evaluation.intervals import Estimate, FloatArray
from routing.score import set_weight
from schemas.control_policy import PolicyDocument, Weights
from tests.success.choices import NOTHING_YET, propensities
from tests.success.estimates import Sampler, interval
from tests.success.population import Prompt, weights
from tests.success.truth import Scale, scale
from tests.success.world import cases, policy_document, routers_of

FRONTIERS: Final = ("default", "learned", "quality-first")
COST_WEIGHTS: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9)
BOOKS: Final[Mapping[str, str]] = {
    "current": "current prices",
    "s2": "the book of S2",
    "s3": "the book that S3's table implies",
}
_RESAMPLES: Final = 400


@dataclass(frozen=True, slots=True)
class Single:
    """Always one model: its true quality and cost, and what the router saves at that quality."""

    model: str
    quality: float
    cost: float
    """Dollars a request, mean."""
    saving: Estimate
    nearly: Estimate
    """At a quality of at most one point less."""
    reached: bool
    """Whether some setting has that quality at all."""

    @property
    def times(self) -> float:
        """How many times the router's cost the model's is."""
        return 1 / max(1e-9, 1 - (self.saving.value or 0.0))


@dataclass(frozen=True, slots=True)
class Book:
    """The savings under one price book."""

    book: str
    singles: Sequence[Single]
    """Best quality first."""
    ceiling: float
    """The most any choice can save: the cheapest model instead of the dearest, whatever the quality."""
    informed: Estimate
    """What a choice that knows the truth saves against the best single model at its quality."""


@cache
def baselines() -> Mapping[str, str]:
    """Return the models that the routing documents compare with, by role."""
    found: dict[str, str] = yaml.safe_load((Path(__file__).parent / "baselines.yaml").read_text(encoding="utf-8"))
    return found


def frontier(router: str, book: str) -> list[PolicyDocument]:
    """Return a router's documents along the weight of cost; nothing explores.

    The old books price old models, which may be chosen under them.
    """
    base = policy_document(router)
    documents: list[PolicyDocument] = []
    for number, weight in enumerate(COST_WEIGHTS):
        scaled, _ = set_weight(base.weights.model_dump(), "cost", weight)
        update = {
            "name": f"{router}-{number}",
            "weights": Weights(**scaled),
            "lifecycle": base.lifecycle if book == "current" else ("active", "preview", "deprecated", "retired"),
            "exploration": base.exploration.model_copy(update={"share": 0, "new_models": 0}),
        }
        documents.append(base.model_copy(update=update))
    return documents


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """True quality and cost of each setting's choices; shape (settings, prompts)."""

    quality: FloatArray
    cost: FloatArray


def settings_of(scale: Scale, chosen: Sequence[FloatArray]) -> Settings:
    """Return what choices, one array of probabilities a setting, come to."""
    quality, cost = np.nan_to_num(scale.quality), np.nan_to_num(scale.cost)
    return Settings(
        np.array([(chances * quality).sum(axis=1) for chances in chosen]),
        np.array([(chances * cost).sum(axis=1) for chances in chosen]),
    )


def measure(book: str, prompts: Sequence[Prompt]) -> Book:
    """Return the savings of the routers' frontiers under a price book, without experience."""
    routers = routers_of([document for name in FRONTIERS for document in frontier(name, book)], book)
    true = scale(routers[0], cases(routers[0], prompts), boosts=False)
    found = settings_of(true, [propensities(each, cases(each, prompts), true.models, NOTHING_YET) for each in routers])
    sampler = Sampler(weights(prompts), count=_RESAMPLES)
    halves = _halves(prompts)
    everywhere = [at for at in range(len(true.models)) if not np.isnan(true.worth[:, at]).any()]
    singles = [_single(true, at, found, sampler, halves) for at in everywhere]
    singles.sort(key=lambda single: (-single.quality, single.cost))
    costs = [single.cost for single in singles]
    best = true.models.index(singles[0].model)
    knowing = settings_of(true, [_informed(true, price) for price in np.geomspace(1e-3, 1e3, 25)])
    value, spread = _saved(knowing, true, best, sampler, halves, 0.0)
    return Book(book, singles, 1 - min(costs) / max(costs), interval(value, spread))


def _halves(prompts: Sequence[Prompt]) -> FloatArray:
    """Return which half each prompt is of, every second one of each type."""
    seen: dict[str, int] = {}
    half = np.zeros(len(prompts))
    for at, prompt in enumerate(prompts):
        seen[prompt.type] = seen.get(prompt.type, 0) + 1
        half[at] = seen[prompt.type] % 2
    return half


def _informed(true: Scale, price: float) -> FloatArray:
    """Return the choices of somebody who knows quality and cost; ``price`` is quality (0..1) given for a dollar."""
    value = np.where(np.isnan(true.worth), -np.inf, true.quality - price * true.cost)
    chances = np.zeros(value.shape)
    chances[np.arange(len(value)), value.argmax(axis=1)] = 1
    return chances


def _single(true: Scale, at: int, found: Settings, sampler: Sampler, halves: FloatArray) -> Single:
    quality = float(sampler.weights @ true.quality[:, at])
    equal, spread = _saved(found, true, at, sampler, halves, 0.0)
    near, near_spread = _saved(found, true, at, sampler, halves, 0.01)
    return Single(
        model=true.models[at],
        quality=quality,
        cost=float(sampler.weights @ true.cost[:, at]),
        saving=interval(equal, spread),
        nearly=interval(near, near_spread),
        reached=bool((found.quality @ sampler.weights).max() >= quality),
    )


def _saved(
    found: Settings, true: Scale, at: int, sampler: Sampler, halves: FloatArray, slack: float
) -> tuple[float, FloatArray]:
    """Return the saving against model ``at``, ``slack`` of quality given away, and that of each resample."""
    rows = np.vstack([sampler.weights, sampler.drawn])
    spent, base = np.zeros(len(rows)), np.zeros(len(rows))
    for picked, measured in ((0, 1), (1, 0)):
        learn, judge = rows * (halves == picked), rows * (halves == measured)
        gap = learn @ (found.quality - true.quality[:, at]).T
        cost = learn @ found.cost.T
        reaching = gap + slack * learn.sum(axis=1, keepdims=True) >= -1e-12
        setting = np.where(reaching, cost, np.inf).argmin(axis=1)
        alone = judge @ true.cost[:, at]
        routed = np.take_along_axis(judge @ found.cost.T, setting[:, None], axis=1)[:, 0]
        spent += np.where(reaching.any(axis=1), routed, alone)
        base += alone
    saved: FloatArray = 1 - spent / base + 0.0
    return float(saved[0]), saved[1:]
