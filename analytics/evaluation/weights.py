"""Judges learned weights of the score: on later preferences, do they put the preferred model first more often?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from routing.off_policy import Interval, Resamples, interval, wanted_units
from routing.rescore_table import Floats
from routing.score import TERMS
from routing.weights_training import Pairs, fit

LATER: Final = 0.4
MIN_PAIRS: Final = 50
MIN_OVERRIDES: Final = 20
_LEAST_GAIN: Final = 0.01
_EVEN: Final = 1e-9


@dataclass(frozen=True)
class JudgedWeights:
    """``agreement``: share of the later pairs in which the preferred model has the higher score; equals count half."""

    verdict: Literal["better", "cannot tell", "too few"]
    why: str
    weights: Mapping[str, float]
    """Learned from all pairs."""
    pairs: int
    overrides: int
    before: Interval | None = None
    after: Interval | None = None
    gain: Interval | None = None
    more: int | None = None


def judge_weights(pairs: Pairs, current: Mapping[str, float], seed: int = 0) -> JudgedWeights:
    """Learn from the earlier pairs, judge on the later ones beside the weights in force."""
    count, overrides = len(pairs), int(pairs.overridden.sum())
    if count < MIN_PAIRS or overrides < MIN_OVERRIDES:
        why = f"{count} preferences, {overrides} of them overrides; {MIN_PAIRS} and {MIN_OVERRIDES} are needed"
        return JudgedWeights("too few", why, dict(current), count, overrides, more=max(0, MIN_PAIRS - count))
    edge = int(count * (1 - LATER))
    earlier, later = (pairs.take(np.arange(*part, dtype=np.int64)) for part in ((0, edge), (edge, count)))
    resamples = Resamples(later.units, seed)
    before, after = (_agreement(later, weights, resamples) for weights in (current, fit(earlier, current)))
    gain = interval(after - before)
    learned = fit(pairs, current)
    figures = (interval(before), interval(after), gain)
    if gain.low > 0:
        why = "on later preferences the whole interval of the gain in agreement is above zero"
        return JudgedWeights("better", why, learned, count, overrides, *figures)
    wanted = wanted_units(gain, resamples.units, _LEAST_GAIN)
    more = None if wanted is None else max(1, round(count * wanted / resamples.units) - count)
    why = f"the gain in agreement is {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]: the interval reaches zero"
    return JudgedWeights("cannot tell", why, learned, count, overrides, *figures, more)


def _agreement(pairs: Pairs, weights: Mapping[str, float], resamples: Resamples) -> Floats:
    margins = pairs.margins(np.array([weights[term] for term in TERMS], dtype=np.float64))
    agreed = np.where(np.abs(margins) < _EVEN, 0.5, (margins > 0).astype(np.float64))
    total, count = resamples.sums(agreed, np.ones_like(agreed)).T
    found: Floats = total / count
    return found
