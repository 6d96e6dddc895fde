"""From counts to scores: the decayed, confidence-aware reading of preference rows (SPEC R7, tier 4).

One row, one model. Counts are summed over weeks, each week by what it is still worth (``routing.weeks``). The signals
are observations of a value in 0..1, by the policy's weights::

    overrides to the model      say 1      weight * min(1, frequency / threshold)   (rows of users)
    overrides away from it      say 0      weight * min(1, frequency / threshold)
    ratings                     say the rating
    regenerated, abandoned      say 0
    edited                      say 1 - share that was changed
    tool success                say the value
    long conversations          say 1, or 0 where the weight is negative

``frequency`` is that of seed S2, the share of the user's choices that went to the model by hand (for overrides away:
the share of the model's answers that were replaced). Shared rows hold votes, which are shares already
(``routing.preference_sharing``), so there every vote counts in full. With n = the sum of the weights, v = the weighted
mean of the values and the trust ``strength`` k of a level::

    estimate(level) = (k * estimate(level above) + n * v) / (k + n)    if n >= min_evidence, else estimate(level above)
    score           = 0.5 + 2 * reach * (estimate(user) - 0.5)

The chain is user -> space -> organisation -> 0.5. That is the posterior mean of a Beta prior worth k observations with
the mean of the level above (Gelman et al., Bayesian Data Analysis, 3rd ed., sections 2.4 and 5.3; the empirical weight
n / (n + k) is Buehlmann's credibility, Astin Bulletin 4, 1967). Silence is not evidence: an answer that nobody replaced
or rated says nothing about its model, or whatever the router chose would come to be preferred.

Influence of one person on a shared row. Let u = the override weight + the largest other weight, times the sum of what
26 weeks are worth: nobody's votes weigh more. Two states of one user move ``n`` and ``n * v`` by at most u each, so the
estimate by at most u / (k + u), and by (u + m) / (k + u + m) where they lift it over ``min_evidence`` m; the score by
2 * reach times that: ``influence``.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from routing.build import build
from routing.preferences_s2 import s2_levels
from routing.weeks import FOR_EVER, WEEKS, weighed, worth
from schemas.control_preferences import LevelTrust, Preferences, SignalWeights
from schemas.decision import LevelSaid, PreferenceView
from schemas.feedback import PreferenceState
from schemas.statistics import Counts, ModelPreference, PreferenceLevel, PreferenceRow, Weeks

DECIMALS: Final = 9
SHARE_DECIMALS: Final = 4
DEFAULT: Final = Preferences()
ORDER: Final[tuple[PreferenceLevel, ...]] = ("user", "space", "organisation")
"""Nearest first."""
_NEUTRAL: Final = 0.5


class Observed(NamedTuple):
    """``amount`` observations (weighted, decayed) of one model at one level, and ``total``, the sum of their values."""

    amount: float
    total: float


class LevelReading(NamedTuple):
    """What one row says by a policy in a week: for ``decayed``, observations; for ``s2``, scores; by model."""

    version: int
    observed: Mapping[str, Observed]
    scores: Mapping[str, float]


def by_model(row: PreferenceRow) -> dict[str, list[Weeks]]:
    """Return model -> its weeks in each place, models and places in order."""
    found: dict[str, list[Weeks]] = {}
    for place in sorted(row.evidence):
        for model, weeks in row.evidence[place].items():
            found.setdefault(model, []).append(weeks)
    return dict(sorted(found.items()))


def sums(row: PreferenceRow, week: int, half_life_days: int | None) -> dict[str, Counts]:
    """Return model -> counts over all weeks, as of ``week``; None: nothing fades."""
    values = FOR_EVER if half_life_days is None else worth(half_life_days)
    return {model: weighed(places, week, values) for model, places in by_model(row).items()}


def choices_of(counts: Mapping[str, Counts]) -> float:
    """Return the choices among all counts: overrides, and answers that nobody had forced."""
    return sum(one.get("overrides_to", 0.0) + one.get("kept", 0.0) for one in counts.values())


def observe(counts: Counts, choices: float | None, signals: SignalWeights, frequency: float) -> Observed:
    """Return the observations in ``counts``; ``choices`` None: they are votes, which count in full."""
    to, away = counts.get("overrides_to", 0.0), counts.get("overrides_from", 0.0)
    by_hand, replaced = signals.override * to, signals.override * away
    if choices is not None:
        by_hand *= _share(to, choices, frequency)
        replaced *= _share(away, away + counts.get("kept", 0.0), frequency)
    long = counts.get("long_conversations", 0.0)
    parts = (
        (by_hand, by_hand),
        (replaced, 0.0),
        _valued(signals.rating, counts.get("ratings", 0.0), counts.get("rating_sum", 0.0)),
        (signals.regenerated * counts.get("regenerated", 0.0), 0.0),
        (signals.abandoned * counts.get("abandoned", 0.0), 0.0),
        _valued(signals.edited, counts.get("edited", 0.0), counts.get("edited", 0.0) - counts.get("edited_sum", 0.0)),
        _valued(signals.tool_success, counts.get("tool_success", 0.0), counts.get("tool_success_sum", 0.0)),
        (abs(signals.conversation) * long, max(signals.conversation, 0.0) * long),
    )
    return Observed(sum(amount for amount, _ in parts), sum(total for _, total in parts))


def _valued(weight: float, amount: float, total: float) -> tuple[float, float]:
    return weight * amount, weight * total


def _share(part: float, whole: float, frequency: float) -> float:
    return min(1.0, part / whole / frequency) if whole > 0 else 0.0


def read_row(row: PreferenceRow, policy: Preferences, week: int) -> LevelReading:
    """Return what a row says in ``week``."""
    if policy.method == "s2":
        counts = sums(row, row.week, None)
        return LevelReading(row.version, {}, s2_levels(counts, choices_of(counts), policy.s2))
    counts = sums(row, week, policy.half_life_days)
    choices = choices_of(counts) if row.level == "user" else None
    observed = {model: observe(one, choices, policy.signals, policy.frequency) for model, one in counts.items()}
    return LevelReading(row.version, observed, {})


def merge_levels(readings: Mapping[PreferenceLevel, LevelReading], policy: Preferences) -> PreferenceView | None:
    """Return one reading of all levels, as a decision stores it; None when there is no row at all."""
    if not readings:
        return None
    order: list[PreferenceLevel] = [level for level in ORDER if level in readings and level in policy.levels]
    merge = _first_that_speaks if policy.method == "s2" else _shrunken
    scores: dict[str, float] = {}
    levels: dict[str, dict[str, LevelSaid]] = {}
    models = {model for level in order for model in (*readings[level].observed, *readings[level].scores)}
    for model in sorted(models):
        score, said = merge(model, [(level, readings[level]) for level in order], policy)
        if said:
            scores[model], levels[model] = score, said
    return build(
        PreferenceView,
        {
            "version": readings["user"].version if "user" in order else 0,
            "scores": scores,
            "method": policy.method,
            "versions": {level: readings[level].version for level in order},
            "levels": levels,
        },
    )


_Levels = list[tuple[PreferenceLevel, LevelReading]]


def _shrunken(model: str, readings: _Levels, policy: Preferences) -> tuple[float, dict[str, LevelSaid]]:
    """Draw each level towards the level above, the outermost first."""
    estimate = _NEUTRAL
    weights: list[tuple[PreferenceLevel, float, float]] = []
    for level, reading in reversed(readings):
        trust, observed = trust_of(policy, level), reading.observed.get(model)
        if observed is None or observed.amount <= 0 or observed.amount < trust.min_evidence:
            continue
        weight = observed.amount / (trust.strength + observed.amount)
        value = observed.total / observed.amount
        estimate += weight * (value - estimate)
        weights.append((level, weight, value))
    left, said = 1.0, dict[str, LevelSaid]()
    for level, weight, value in reversed(weights):
        said[level] = _said(value, left * weight)
        left *= 1.0 - weight
    score = _NEUTRAL + 2 * policy.reach * (estimate - _NEUTRAL)
    return round(max(0.0, min(1.0, score)), DECIMALS), said


def _said(says: float, share: float) -> LevelSaid:
    return build(LevelSaid, {"says": round(says, SHARE_DECIMALS), "share": round(share, SHARE_DECIMALS)})


def _first_that_speaks(model: str, readings: _Levels, _: Preferences) -> tuple[float, dict[str, LevelSaid]]:
    """Take the nearest level whose score is not neutral: the organisation's is the default of who has none."""
    for level, reading in readings:
        score = reading.scores.get(model, _NEUTRAL)
        if score != _NEUTRAL:
            return score, {level: _said(score, 1.0)}
    return _NEUTRAL, {}


def trust_of(policy: Preferences, level: PreferenceLevel) -> LevelTrust:
    """Return how much a level is trusted."""
    return policy.user if level == "user" else policy.space if level == "space" else policy.organisation


def influence(policy: Preferences, level: PreferenceLevel) -> float:
    """Return by how much one person can move a model's score in a shared row alone, at most (method ``decayed``)."""
    signals, trust = policy.signals, trust_of(policy, level)
    opinions = (signals.rating, signals.regenerated, signals.edited, signals.abandoned, signals.tool_success)
    most = signals.override + max(*opinions, abs(signals.conversation))
    moved = most * sum(worth(policy.half_life_days)[:WEEKS]) + trust.min_evidence
    return min(1.0, 2 * policy.reach * moved / (trust.strength + moved))


def scored(row: PreferenceState) -> PreferenceState:
    """Return the row with score and evidence of each model: by the default policy, from this row alone."""
    reading = read_row(row, DEFAULT, row.week)
    view = merge_levels({row.level: reading}, DEFAULT)
    scores: Mapping[str, float] = view.scores if view is not None else {}
    models: dict[str, ModelPreference] = {}
    for model in row.models if row.level == "user" else reading.observed:
        observed = reading.observed.get(model)
        update = {
            "score": scores.get(model, _NEUTRAL),
            "evidence": round(observed.amount, SHARE_DECIMALS) if observed is not None else 0.0,
        }
        models[model] = row.models.get(model, ModelPreference()).model_copy(update=update)
    return row.model_copy(update={"models": models})
