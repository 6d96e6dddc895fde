"""Whether decisions are as sure as they say: confidence beside how often the choice was near the best.

Fitted on one half of the prompts with experience of one half of the seeds, judged on the other halves. What is judged
is the choice by the best score (a router that explores draws another one with a known probability: both count by it).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from analytics.evaluation.intervals import Estimate, FloatArray, IntArray, resamples
from routing.confidence import OTHERS, confidence, lead
from schemas.control_steering import ConfidencePoint
from schemas.decision import Choice, View
from tests.success.choices import NEAR, NOTHING_YET, Statistics, choice
from tests.success.estimates import RESAMPLES, interval
from tests.success.population import Prompt, weights
from tests.success.stream import Experience, Stream, run
from tests.success.truth import Scale, scale
from tests.success.world import Case, Router, cases

FITTED_ON: Final = (0, 1)
SHOWN_ON: Final = (2, 3)
"""Seeds of experience."""
LEARNED: Final = 5_000
"""Requests of experience."""
GROUPS: Final = 8
BINS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Decisions, one a row: which prompt, how much it counts, what was said, and whether it came true."""

    prompt: FloatArray
    weight: FloatArray
    lead: FloatArray
    classified: FloatArray
    """Confidence of the classification."""
    near: FloatArray
    """1 where no other model was worth more than two points more."""
    best: FloatArray
    """1 where none was worth more at all."""

    @staticmethod
    def joined(parts: Sequence["Said"]) -> "Said":
        """Return all rows."""
        return Said(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Said)))


@dataclass(frozen=True, slots=True)
class Bin:
    """Decisions that said about the same."""

    low: float
    share: float
    said: float
    near: Estimate
    best: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far what was said is from what came true: mean, expected calibration error, and by bin."""

    said: float
    near: Estimate
    error: Estimate
    bins: Sequence[Bin]


@dataclass(frozen=True, slots=True)
class Sureness:
    """Everything measured of one router on the half that nothing was fitted on."""

    router: str
    classified: Reliability
    """Of the classification's confidence, which decisions repeated before there were points."""
    cold: Reliability
    learned: Reliability
    both: Reliability
    sorted_right: float
    """Probability that of two decisions, one near the best and one not, the former is surer (AUC); 0.5: no skill."""


def halves(prompts: Sequence[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
    """Return the prompts in two halves, those of each type by turns."""
    seen: dict[str, int] = {}
    found: tuple[list[Prompt], list[Prompt]] = ([], [])
    for prompt in prompts:
        seen[prompt.type] = seen.get(prompt.type, -1) + 1
        found[seen[prompt.type] % 2].append(prompt)
    return found


def measure(router: Router, prompts: Sequence[Prompt]) -> Sureness:
    """Return how sure a router's decisions are, beside how often they are near, on the half that is shown."""
    half = halves(prompts)[1]
    cold, learned = observed(router, half, SHOWN_ON)
    both = Said.joined([cold, learned])
    points = router.policy.settings.confidence

    def judged(said: Said) -> Reliability:
        return reliability(said, calibrated(points, said), len(half))

    return Sureness(
        router.name,
        reliability(both, both.classified, len(half)),
        judged(cold),
        judged(learned),
        judged(both),
        skill(calibrated(points, both), both),
    )


def observed(
    router: Router, prompts: Sequence[Prompt], seeds: Sequence[int], requests: int = LEARNED
) -> tuple[Said, Said]:
    """Return decisions without experience, and with that of each seed from requests with these prompts alone."""
    plain = cases(router, prompts)
    true = scale(router, plain)
    experiences: list[Statistics] = []

    def look(_mark: int, experience: Experience) -> None:
        experiences.append(experience.snapshot())

    for seed in seeds:
        run(router, Stream(plain, seed), (requests,), look)
    heavy = weights(prompts)
    cold = _said(router, plain, true, heavy, NOTHING_YET)
    parts = [_said(router, plain, true, heavy / len(seeds), known) for known in experiences]
    return cold, Said.joined(parts)


def _said(router: Router, plain: Sequence[Case], true: Scale, heavy: FloatArray, known: Statistics) -> Said:
    rows = [
        (at, heavy[at] * chance, found, case.task.confidence, lost <= NEAR + 1e-9, lost <= 1e-9)
        for at, case in enumerate(plain)
        for chance, found, lost in _drawn(router, case, true.regret()[at], true.models, known)
    ]
    return Said(*np.array(rows, dtype=np.float64).T)


def _drawn(
    router: Router, case: Case, regret: FloatArray, models: Sequence[str], known: Statistics
) -> Iterator[tuple[float, float, float]]:
    """Yield (probability, lead, points lost) of every model that may be drawn for a case."""
    made = choice(router, case, View(statistics=dict(known.get(case.task.type, {}))))
    scores = scores_of(made)
    for candidate in made.candidates:
        if candidate.propensity:
            others = [score for model, score in scores if model != candidate.model][:OTHERS]
            yield candidate.propensity, lead(candidate.score, others), regret[models.index(candidate.model)]


def scores_of(made: Choice) -> list[tuple[str, float]]:
    """Return all models that passed the vetoes with their scores, best first."""
    scored = {candidate.model: candidate.score for candidate in made.candidates} | made.others
    return sorted(scored.items(), key=lambda item: -item[1])


def calibrated(points: Sequence[ConfidencePoint], said: Said) -> FloatArray:
    """Return what decisions say: by their lead, or by the classification where no points are fitted."""
    if not points:
        return said.classified
    return np.array([confidence(points, found) for found in said.lead])


def fit(said: Said) -> tuple[ConfidencePoint, ...]:
    """Return the points of the rising line: means of groups of equal weight, pooled where they fall.

    Pooling adjacent violators is isotonic regression (Barlow et al., 1972).
    """
    order = np.argsort(said.lead, kind="stable")
    heavy = said.weight[order]
    place = ((np.cumsum(heavy) - heavy / 2) / heavy.sum() * GROUPS).astype(int)
    pooled: list[tuple[float, float, float]] = []
    for group in range(GROUPS):
        rows = order[place == group]
        if not len(rows):
            continue
        weight = said.weight[rows]
        pooled.append((weight.sum(), weight @ said.lead[rows], weight @ said.near[rows]))
        while len(pooled) > 1 and pooled[-2][2] / pooled[-2][0] >= pooled[-1][2] / pooled[-1][0]:
            last, before = pooled.pop(), pooled.pop()
            pooled.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    return tuple(
        ConfidencePoint(lead=round(leads / weight, 4), near=round(near / weight, 3)) for weight, leads, near in pooled
    )


def reliability(said: Said, stated: FloatArray, prompts: int) -> Reliability:
    """Return how far ``stated`` is from what came true, with intervals over prompts."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    sums = np.zeros((4, prompts, BINS))
    where = (said.prompt.astype(int), place)
    for row, values in enumerate((np.ones(len(stated)), stated, said.near, said.best)):
        np.add.at(sums[row], where, said.weight * values)
    drawn = resamples(prompts, RESAMPLES, 0).astype(np.float64)
    heavy, expected, came, _ = (drawn @ part for part in sums)
    total, mean, near, best = (part.sum(axis=0) for part in sums)
    return Reliability(
        said=float(mean.sum() / total.sum()),
        near=interval(float(near.sum() / total.sum()), came.sum(axis=1) / heavy.sum(axis=1)),
        error=interval(
            float(np.abs(mean - near).sum() / total.sum()),
            np.abs(expected - came).sum(axis=1) / heavy.sum(axis=1),
        ),
        bins=[
            Bin(
                at / BINS,
                float(total[at] / total.sum()),
                float(mean[at] / total[at]),
                interval(float(near[at] / total[at]), _ratio(came[:, at], heavy[:, at])),
                float(best[at] / total[at]),
            )
            for at in range(BINS)
            if total[at] > 0
        ],
    )


def _ratio(came: FloatArray, heavy: FloatArray) -> FloatArray:
    some = heavy > 0  # of a small bin, a resample may hold nothing
    found: FloatArray = came[some] / heavy[some]
    return found


def skill(stated: FloatArray, said: Said) -> float:
    """Return the weighted area under the receiver operating characteristic; ties count half."""
    order = np.argsort(stated, kind="stable")
    good, bad = said.weight * said.near, said.weight * (1 - said.near)
    below = won = 0.0
    for rows in _ties(stated[order], order):
        won += good[rows].sum() * (below + bad[rows].sum() / 2)
        below += bad[rows].sum()
    return float(won / (good.sum() * bad.sum()))


def _ties(stated: FloatArray, order: IntArray) -> Iterable[IntArray]:
    return np.split(order, np.flatnonzero(np.diff(stated)) + 1)
