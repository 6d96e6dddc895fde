"""Judges what was learned from the log: on later decisions, against what is believed now and the means by type.

All rewarded decisions that could have gone to one of several models are parted by time. The earlier part teaches, the
later part judges: each rule picks, among the models that the log could have drawn, the one it expects most of, and what
those picks are worth is estimated doubly robust (``routing.off_policy``), with the type means of the earlier part as
the model of the reward. The lift is the difference of two rules on the same decisions and resamples. A lift whose
interval reaches zero is no reason to change a router: then the verdict is "cannot tell", with the number of decisions
that would tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from routing.history_training import learn, sizes, type_means
from routing.off_policy import (
    Interval,
    Logged,
    Resamples,
    effective_size,
    interval,
    parts_of,
    wanted_units,
)
from routing.quality_features import features_of
from routing.quality_model import QualityModel
from routing.rescore_table import Floats, Ints

LATER: Final = 0.4
"""Share of the decisions, the newest ones, that judges."""
MIN_DECISIONS: Final = 100
"""Rewarded decisions with a choice, below which nothing is learned."""
MIN_SIZE: Final = 20.0
"""Effective decisions of a model, in both parts together, below which it is left out."""
LEAST_LIFT: Final = 0.005
"""A lift that nobody would notice: no number of decisions is named for it."""
BASELINES: Final = ("priors", "type_means")
Verdict = Literal["better", "cannot tell", "no overlap"]


@dataclass(frozen=True, eq=False)
class Judged:
    """What the later part says."""

    verdict: Verdict
    why: str
    used: Logged
    """The decisions and models that were used."""
    earlier: int
    later: int
    lifts: Mapping[str, Interval]
    """By baseline: reward gained for each decision by going where the learned model expects most."""
    values: Mapping[str, Interval]
    """Reward of each rule's picks; ``logged``: of what was done."""
    size: float
    """Effective decisions of the later part behind the learned picks."""
    more: int | None
    """Further decisions with a reward and a choice that would tell, if the lift is what it seems; None: not known."""

    def metrics(self) -> dict[str, Any]:
        """Return the figures as they are kept with the artefact; ``lift`` is the smaller of the two."""
        least = min(self.lifts.values(), key=lambda lift: lift.low, default=None)
        return {
            "lift": None if least is None else least.as_json(),
            "lift_over": {name: lift.as_json() for name, lift in self.lifts.items()},
            "reward": {name: value.as_json() for name, value in self.values.items()},
            "earlier_decisions": self.earlier,
            "later_decisions": self.later,
            "effective_size": round(self.size, 1),
        }


def with_choice(logged: Logged, priors: Floats) -> tuple[Logged, Floats]:
    """Return the decisions that could have gone to several models, of the models that were drawn often enough.

    ``priors``: what is believed of every model now, shape (decisions, models); returned for what is kept.
    """
    kept, believed = logged, priors
    while len(kept):
        enough = sizes(kept) >= MIN_SIZE
        columns = np.flatnonzero(enough)
        possible = kept.propensities * enough
        rows = np.flatnonzero(((possible > 0).sum(axis=1) >= 2) & enough[kept.chosen])
        if len(columns) == len(kept.models) and len(rows) == len(kept):
            return kept, believed
        place = np.cumsum(enough) - 1
        part = kept.take(rows)
        believed = believed[rows][:, columns]
        kept = Logged(
            tuple(kept.models[column] for column in columns),
            place[part.chosen],
            part.rewards,
            part.propensities[:, columns],
            part.units,
            part.kinds,
            part.texts,
        )
    return kept, believed


def judge(logged: Logged, priors: Floats, seed: int = 0) -> Judged:
    """Judge a model learned from the earlier part of ``logged`` on the later part."""
    used, believed = with_choice(logged, priors)
    if len(used) < MIN_DECISIONS or len(used.models) < 2:
        return _no_overlap(logged, used)
    edge = int(len(used) * (1 - LATER))
    earlier, later = used.take(used.rows[:edge]), used.take(used.rows[edge:])
    model = learn(earlier, [features_of(text) for text in earlier.texts])
    vectors = model.space.vectors([features_of(text) for text in later.texts])
    means = type_means(earlier, later.kinds)
    rules = {"learned": model.predict_vectors(vectors), "priors": believed[edge:], "type_means": means}
    parts = {name: parts_of(later, picks(later, expected), means) for name, expected in rules.items()}
    size = effective_size(parts["learned"].weight)
    if size < MIN_SIZE:
        return _no_overlap(logged, used)
    resamples = Resamples(later.units, seed)
    worth = {name: resamples.estimates(part) for name, part in parts.items()}
    best = worth["learned"].doubly_robust
    lifts = {name: interval(best - worth[name].doubly_robust) for name in BASELINES}
    values = {name: interval(found.doubly_robust) for name, found in worth.items()}
    values["logged"] = interval(worth["learned"].logged)
    verdict, why, more = _verdict(lifts, resamples.units, len(used))
    return Judged(verdict, why, used, edge, len(later), lifts, values, size, more)


def picks(logged: Logged, expected: Floats) -> Floats:
    """Return the pick of a rule as probabilities: of the models that could be drawn, the one of which most is expected.

    Of equals the one more likely to be drawn, then the first: a rule that knows nothing changes nothing.
    """
    possible = logged.propensities > 0
    best = np.where(possible, expected, -np.inf).max(axis=1, keepdims=True)
    tied = possible & (expected >= best)
    at: Ints = np.where(tied, logged.propensities, -1.0).argmax(axis=1)
    found: Floats = np.zeros(expected.shape)
    found[logged.rows, at] = 1.0
    return found


def retrained(judged: Judged, facts: Mapping[str, Any]) -> QualityModel:
    """Return the model learned from all decisions that were used."""
    return learn(judged.used, [features_of(text) for text in judged.used.texts], facts)


def _verdict(lifts: Mapping[str, Interval], units: int, used: int) -> tuple[Verdict, str, int | None]:
    weak = [name for name in BASELINES if lifts[name].low <= 0]
    if not weak:
        return "better", "the whole interval of the lift is above zero over both baselines", None
    words = {"priors": "what is believed now", "type_means": "the means by type of task, which decisions read anyhow,"}
    worst = min(weak, key=lambda name: lifts[name].value)
    told = f"the lift over {words[worst]} is {_shown(lifts[worst])}: the interval reaches zero"
    wanted = wanted_units(lifts[worst], units, LEAST_LIFT)
    more = None if wanted is None else max(1, round(used * (wanted / units)) - used)
    return "cannot tell", told, more


def _shown(lift: Interval) -> str:
    return f"{lift.value:+.3f} [{lift.low:+.3f}, {lift.high:+.3f}]"


def _no_overlap(logged: Logged, used: Logged) -> Judged:
    why = (
        f"of {len(logged)} rewarded decisions {len(used)} could have gone to one of several models that were drawn "
        f"often enough ({MIN_SIZE:.0f} effective decisions each); {MIN_DECISIONS} are needed"
    )
    return Judged("no overlap", why, used, 0, 0, {}, {}, 0.0, MIN_DECISIONS - min(MIN_DECISIONS, len(used)))
