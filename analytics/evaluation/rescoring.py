"""What another router would have done with past decisions, and what the log can say of how good that had been (A5).

The other router decides greedily, by what each decision read. Its rewards are estimated doubly robust
(``routing.off_policy``) on the rewarded decisions whose model the log could have drawn, beside what was done on the
same ones. No figure is given where the log cannot speak for it: too few decisions are covered, or too few effective
ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from routing.history_training import type_means
from routing.off_policy import Interval, Logged, Resamples, covered, effective_size, interval, parts_of, weights
from routing.rescore_table import Floats

LEAST_COVERED: Final = 0.8
"""Share of the rewarded decisions whose new model the log could have drawn, below which no figure is given."""
LEAST_SIZE: Final = 50.0
"""Effective decisions, below which no figure is given."""


@dataclass(frozen=True)
class OffPolicy:
    """The estimate, or in ``refusal`` why there is none. ``gain``: reward for each decision, over what was done."""

    rewarded: int
    covered: float
    size: float
    refusal: str | None
    reward: Interval | None = None
    logged: Interval | None = None
    gain: Interval | None = None
    snips: Interval | None = None

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        found = {name: getattr(self, name) for name in ("reward", "logged", "gain", "snips")}
        return {
            "rewarded": self.rewarded,
            "covered_share": round(self.covered, 6),
            "effective_size": round(self.size, 1),
            "refusal": self.refusal,
            **{name: None if value is None else value.as_json() for name, value in found.items()},
        }


def off_policy(logged: Logged, chosen: Sequence[str | None], seed: int = 0) -> OffPolicy:
    """Return what ``chosen``, the other router's models (None: refused), would have been worth."""
    known, target = _target(logged, chosen)
    reached = covered(known, target) & (target.sum(axis=1) > 0)
    share = float(reached.mean()) if len(known) else 0.0
    part, wanted = known.take(np.flatnonzero(reached)), target[reached]
    size = effective_size(weights(part, wanted)) if len(part) else 0.0
    refusal = _refusal(len(known), share, size)
    if refusal is not None:
        return OffPolicy(len(known), share, size, refusal)
    estimates = Resamples(part.units, seed).estimates(parts_of(part, wanted, type_means(known, part.kinds)))
    return OffPolicy(
        len(known),
        share,
        size,
        None,
        interval(estimates.doubly_robust),
        interval(estimates.logged),
        interval(estimates.doubly_robust - estimates.logged),
        interval(estimates.snips),
    )


def _target(logged: Logged, chosen: Sequence[str | None]) -> tuple[Logged, Floats]:
    """Return the decisions with a column for every model of ``chosen``, and the choices as probabilities."""
    new = sorted({model for model in chosen if model is not None} - set(logged.models))
    models = (*logged.models, *new)
    place = {model: at for at, model in enumerate(models)}
    propensities: Floats = np.pad(logged.propensities, ((0, 0), (0, len(new))))
    known = Logged(models, logged.chosen, logged.rewards, propensities, logged.units, logged.kinds, logged.texts)
    target: Floats = np.zeros(propensities.shape)
    for row, model in enumerate(chosen):
        if model is not None:
            target[row, place[model]] = 1.0
    return known, target


def _refusal(rewarded: int, share: float, size: float) -> str | None:
    if rewarded == 0:
        return "no decision has a rating or another outcome"
    if share < LEAST_COVERED:
        return (
            f"for {1 - share:.0%} of the rewarded decisions the log could not have drawn the model that this router "
            f"takes: nothing is known of those (at most {1 - LEAST_COVERED:.0%} may be so). Let the router explore"
        )
    if size < LEAST_SIZE:
        return (
            f"the rewarded decisions that speak for this router count as {size:.0f} (needed: {LEAST_SIZE:.0f}): "
            "more exploration or more ratings"
        )
    return None
