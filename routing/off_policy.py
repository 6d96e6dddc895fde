"""What another router would have been worth on decisions that were drawn with known probabilities (SPEC A5).

For decision i: e_i the propensity of the model that was drawn, r_i its reward, p_i the probability with which the
other router takes that same model, q a model of the reward, and q_i(p) its mean under the other router::

    weight    w_i  = min(p_i / e_i, clip)                     truncated: E. Ionides, J. Comput. Graph. Stat. 17 (2008)
    IPS       V    = mean(w r)                                D. Horvitz, D. Thompson, JASA 47 (1952)
    SNIPS     V    = sum(w r) / sum(w)                        A. Swaminathan, T. Joachims, NeurIPS 2015
    DR        V    = mean(q(p)) + sum(w (r - q)) / sum(w)     M. Dudik, J. Langford, L. Li, ICML 2011; with the weights
                                                              normalised: P. Thomas, E. Brunskill, ICML 2016
    size           = sum(w)**2 / sum(w**2)                    effective sample size: A. Kong, 1992

DR is right where the propensities are (they are logged) even if q is not; clipping trades variance for a bias towards
q. Nothing is said of decisions whose model the log could not have drawn: ``covered`` is False there.

Intervals resample units (a conversation, else a user, else a request), since their decisions hang together: percentile
bootstrap, B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), 13.3. Draws come from a seed: the same
data give the same interval.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from routing.rescore_table import Bools, Floats, Ints

CLIP: Final = 50.0
"""Largest weight."""
RESAMPLES: Final = 1000
_EVEN: Final = 1e-12
_CHUNK: Final = 50


class Interval(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Return a JSON object, six decimals."""
        return {name: round(value, 6) for name, value in self._asdict().items()}


@dataclass(frozen=True, eq=False)
class Logged:
    """Rewarded decisions, oldest first; arrays of shape (decisions,) or (decisions, models)."""

    models: tuple[str, ...]
    chosen: Ints
    """Place in ``models``."""
    rewards: Floats
    propensities: Floats
    """Of every model; 0 where it could not be drawn."""
    units: Ints
    """Number of the unit that a decision belongs to."""
    kinds: tuple[str, ...]
    """Type of the task, as it was classified."""
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def rows(self) -> Ints:
        """0, 1, 2, ..."""
        return np.arange(len(self), dtype=np.int64)

    @property
    def drawn(self) -> Floats:
        """Propensity of the model that was drawn, shape (decisions,)."""
        found: Floats = self.propensities[self.rows, self.chosen]
        return found

    def take(self, at: Ints) -> "Logged":
        """Return some of the decisions."""
        return Logged(
            self.models,
            self.chosen[at],
            self.rewards[at],
            self.propensities[at],
            self.units[at],
            tuple(self.kinds[row] for row in at.tolist()),
            tuple(self.texts[row] for row in at.tolist()),
        )


def weights(logged: Logged, target: Floats, clip: float = CLIP) -> Floats:
    """Return the weight of every decision under ``target``, probabilities of shape (decisions, models)."""
    found: Floats = np.minimum(target[logged.rows, logged.chosen] / logged.drawn, clip)
    return found


def covered(logged: Logged, target: Floats) -> Bools:
    """Return whether the log could have drawn every model that ``target`` may take."""
    found: Bools = ~np.any((target > 0) & (logged.propensities <= 0), axis=1)
    return found


def effective_size(weight: Floats) -> float:
    """Return how many decisions of equal weight would say as much."""
    squares = float((weight * weight).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Parts:
    """What the estimators sum over decisions; ``expected``: q(p), ``believed``: q of the model that was drawn."""

    weight: Floats
    rewards: Floats
    expected: Floats
    believed: Floats


def parts_of(logged: Logged, target: Floats, reward_model: Floats, clip: float = CLIP) -> Parts:
    """Return the parts for ``target`` with q = ``reward_model``, shape (decisions, models)."""
    expected: Floats = (target * reward_model).sum(axis=1)
    return Parts(weights(logged, target, clip), logged.rewards, expected, reward_model[logged.rows, logged.chosen])


class Estimates(NamedTuple):
    """An estimate on all decisions, then on every resample; shape (1 + resamples,)."""

    logged: Floats
    ips: Floats
    snips: Floats
    doubly_robust: Floats


class Resamples:
    """Draws units with replacement; every figure is made on the same draws, so that differences can be taken."""

    def __init__(self, units: Ints, seed: int = 0, count: int = RESAMPLES) -> None:
        """Take the unit of every decision."""
        names, at = np.unique(units, return_inverse=True)
        self.units = len(names)
        self._at = at
        self._seed = seed
        self._count = count

    def sums(self, *columns: Floats) -> Floats:
        """Return the sums of columns over all decisions, then over every resample; shape (1 + resamples, columns)."""
        each = np.stack([np.bincount(self._at, column, self.units) for column in columns], axis=1)
        generator = np.random.default_rng(self._seed)
        found = np.empty((1 + self._count, len(columns)))
        found[0] = each.sum(axis=0)
        for first in range(0, self._count, _CHUNK):
            drawn = [
                np.bincount(generator.integers(self.units, size=self.units), minlength=self.units)
                for _ in range(min(_CHUNK, self._count - first))
            ]
            found[1 + first : 1 + first + len(drawn)] = np.stack(drawn).astype(np.float64) @ each
        return found

    def estimates(self, parts: Parts) -> Estimates:
        """Return the estimates of one router. Where no weight is left SNIPS is 0, and DR is q alone."""
        weight, left = parts.weight, parts.rewards - parts.believed
        ones = np.ones_like(weight)
        count, total, reward, weighted, expected, residual = self.sums(
            ones, weight, parts.rewards, weight * parts.rewards, parts.expected, weight * left
        ).T
        some = np.where(total > _EVEN, total, np.inf)
        return Estimates(reward / count, weighted / count, weighted / some, expected / count + residual / some)


def interval(figures: Floats) -> Interval:
    """Return the first of ``figures`` with the interval that the others span."""
    low, high = np.quantile(figures[1:], [0.025, 0.975])
    return Interval(float(figures[0]), float(low), float(high))


def wanted_units(found: Interval, units: int, least: float) -> int | None:
    """Return how many units in all would tell the improvement ``found`` from nothing; None where it is below ``least``.

    The half width falls with the root of the number: n (half width / value)**2, rounded up.
    """
    if found.value < least:
        return None
    return int(np.ceil(units * ((found.value - found.low) / found.value) ** 2))
