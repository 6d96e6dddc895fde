"""Judges a router on an evaluation matrix: what it learns from one part of the questions it must show on another.

Five times the questions are parted anew into train, validation and test (60/20/20). Routers learn from train; their
trade-offs are fixed on validation alone, after which they learn from both; every figure is of test. Intervals are over
questions, spreads over the splits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.evaluation import baselines, curves
from analytics.evaluation.intervals import NOTHING, Estimate, estimate, resamples, weights
from analytics.evaluation.matrix import Matrix, question_key
from routing.quality_features import SCALE, Features, features_of
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, train

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Tell = Callable[[str], None]

MIN_PROMPTS: Final = 50
ROUTERS: Final = ("router", "knn", "task_label", "length_only")
_SHARES: Final = (0.6, 0.8)


class EvaluationError(ValueError):
    """A matrix of which nothing can be said; the message tells why."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How the judgement is made."""

    splits: int = 5
    resamples: int = 1000
    seed: int = 0
    margin: float = 1.0
    """Standard errors by which validation quality must pass the best single model's before a saving is called equal."""
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class Parts:
    """Indices of the questions of one split."""

    train: IntArray
    validation: IntArray
    test: IntArray


@dataclass(frozen=True)
class Outcome:
    """What one policy did on the test questions of one split, per question."""

    quality: FloatArray
    cost: FloatArray
    equal_quality: FloatArray
    """Quality at the trade-off meant to equal the best single model."""
    equal_cost: FloatArray
    curve_quality: FloatArray
    """Shape (prompts, trade-offs)."""
    curve_cost: FloatArray


@dataclass(frozen=True)
class SplitResult:
    """One split: outcomes by policy, and the single models between which they move."""

    parts: Parts
    anchors: curves.Anchors
    outcomes: Mapping[str, Outcome]


@dataclass(frozen=True)
class Comparison:
    """The figures of one policy."""

    accuracy: Estimate
    cost: Estimate
    apgr: Estimate
    cpt50: Estimate
    cpt80: Estimate
    saving: Estimate
    lift: Estimate
    """Accuracy above the best single model's, paired by question."""
    equal_lift: Estimate
    """The same at the trade-off of the saving: about 0 where the quality is indeed equal."""


@dataclass(frozen=True)
class Report:
    """All that was found."""

    policies: Mapping[str, Comparison]
    """`ROUTERS` (without ``task_label`` where there are no tasks), ``best_single``, ``random``, ``oracle``."""
    curve: Sequence[tuple[str, Sequence[tuple[float, float]]]]
    """By router: (cost, quality) along its trade-off, mean over the splits."""
    singles: Sequence[tuple[str, float, float]]
    """Every model: name, mean cost, mean quality."""
    facts: Mapping[str, Any]


def evaluate(
    matrix: Matrix,
    costs: FloatArray,
    settings: EvaluationSettings | None = None,
    artefact: QualityModel | None = None,
    holdout: int = 0,
    tell: Tell = lambda _: None,
) -> Report:
    """Judge a router on ``matrix``; ``costs`` has its shape and any unit.

    With ``artefact`` that predictor is judged instead of one trained on each split. With ``holdout`` the last so many
    questions are the test part, once, and the others train and validation. Raises `EvaluationError`.
    """
    chosen = settings or EvaluationSettings()
    count = len(matrix.prompts)
    if count - holdout < MIN_PROMPTS:
        raise EvaluationError(
            f"an evaluation needs at least {MIN_PROMPTS} different questions, here are {count - holdout}"
        )
    if artefact is not None and set(artefact.models) != set(matrix.models):
        known, asked = (", ".join(sorted(names)) for names in (artefact.models, matrix.models))
        raise EvaluationError(f"the artefact knows {known}; the matrix has {asked}")
    tell("reading prompts")
    features = [features_of(prompt) for prompt in matrix.prompts]
    results: list[SplitResult] = []
    for number, parts in enumerate(_parts(count, holdout, chosen)):
        tell(f"split {number + 1}: training and testing")
        results.append(_run(matrix, costs, features, parts, chosen, artefact))
    tell("intervals")
    return _report(matrix, costs, results, chosen, holdout)


def _parts(count: int, holdout: int, settings: EvaluationSettings) -> list[Parts]:
    found: list[Parts] = []
    for split in range(1 if holdout else settings.splits):
        order = np.random.default_rng([settings.seed, split]).permutation(count - holdout)
        if holdout:
            edge = int(0.75 * len(order))
            found.append(Parts(order[:edge], order[edge:], np.arange(count - holdout, count)))
        else:
            one, two = (int(share * count) for share in _SHARES)
            found.append(Parts(order[:one], order[one:two], order[two:]))
    return found


def _run(
    matrix: Matrix,
    costs: FloatArray,
    features: Sequence[Features],
    parts: Parts,
    settings: EvaluationSettings,
    artefact: QualityModel | None,
) -> SplitResult:
    anchors = curves.anchors(matrix.scores[parts.train], costs[parts.train])
    learned = _predictions(matrix, features, parts.train, parts.validation, settings, artefact)
    grids = {
        name: _fix(predicted, costs[parts.validation], matrix.scores[parts.validation], anchors, settings.margin)
        for name, predicted in learned.items()
    }
    both = np.concatenate([parts.train, parts.validation])
    final = _predictions(matrix, features, both, parts.test, settings, artefact)
    outcomes: dict[str, Outcome] = {}
    for name, (grid, best, equal) in grids.items():
        quality, cost = curves.along(final[name], costs[parts.test], matrix.scores[parts.test], grid)
        outcomes[name] = Outcome(quality[:, best], cost[:, best], quality[:, equal], cost[:, equal], quality, cost)
    return SplitResult(parts, anchors, outcomes)


def _predictions(
    matrix: Matrix,
    features: Sequence[Features],
    known: IntArray,
    wanted: IntArray,
    settings: EvaluationSettings,
    artefact: QualityModel | None,
) -> dict[str, FloatArray]:
    """Return what each router, having learned from the questions ``known``, predicts of the questions ``wanted``."""
    scores = matrix.scores
    model = artefact or train([features[index] for index in known], scores[known], matrix.models, settings.training)
    order = [model.models.index(name) for name in matrix.models]
    vectors = model.vectors(features)
    lengths = np.array([len(prompt) for prompt in matrix.prompts], dtype=np.float64)
    found = {
        "router": model.predict_vectors(vectors[wanted])[:, order],
        "knn": baselines.nearest(vectors / SCALE, known, scores, wanted),
        "length_only": baselines.length_only(lengths, known, scores)[wanted],
    }
    if matrix.tasks is not None:
        found["task_label"] = baselines.task_label(matrix.tasks, known, scores)[wanted]
    return found


def _fix(
    predicted: FloatArray, costs: FloatArray, scores: FloatArray, anchors: curves.Anchors, margin: float
) -> tuple[FloatArray, int, int]:
    """Return trade-offs, and which of them have the best and which surely the best single model's quality."""
    grid = curves.trade_offs(predicted, costs)
    quality, _ = curves.along(predicted, costs, scores, grid)
    gap = quality - scores[:, [anchors.strong]]
    surely = gap.mean(axis=0) - margin * gap.std(axis=0) / np.sqrt(len(gap))
    return grid, curves.best_quality(quality.mean(axis=0), grid), curves.equal_quality(surely, grid, 0.0)


def _report(
    matrix: Matrix, costs: FloatArray, results: Sequence[SplitResult], settings: EvaluationSettings, holdout: int
) -> Report:
    drawn = resamples(len(matrix.prompts), settings.resamples, settings.seed)
    weighted = [weights(drawn, result.parts.test) for result in results]
    policies = {
        name: _compare(matrix.scores, costs, results, weighted, name) for name in ROUTERS if name in results[0].outcomes
    }
    policies |= _fixed(matrix.scores, costs, results, weighted)
    tested = np.unique(np.concatenate([result.parts.test for result in results]))
    singles = [
        (name, float(costs[tested, column].mean()), float(matrix.scores[tested, column].mean()))
        for column, name in enumerate(matrix.models)
    ]
    strong = [matrix.models[result.anchors.strong] for result in results]
    facts = {
        "questions": len(matrix.prompts),
        "rows": matrix.rows,
        "incomplete_rows": matrix.incomplete,
        "models": list(matrix.models),
        "tasks": len(set(matrix.tasks)) if matrix.tasks else 0,
        "splits": len(results),
        "held_out_questions": holdout,
        "resamples": settings.resamples,
        "seed": settings.seed,
        "best_single": max(set(strong), key=strong.count),
        "cheapest": matrix.models[results[0].anchors.cheap],
        "label_noise": {
            "questions_scored_again": matrix.noise.repeated,
            "of_them_scored_differently": matrix.noise.disagreeing,
            "scores_compared": matrix.noise.cells,
            "scores_different": matrix.noise.cells_disagreeing,
            "mean_difference": round(matrix.noise.mean_difference, 6),
        },
    }
    return Report(
        policies, [(name, _mean_curve(results, name)) for name in policies if name in ROUTERS], singles, facts
    )


def _compare(
    scores: FloatArray, costs: FloatArray, results: Sequence[SplitResult], weighted: Sequence[FloatArray], name: str
) -> Comparison:
    plain: list[list[float]] = []
    again: list[list[list[float]]] = []
    for result, weight in zip(results, weighted, strict=True):
        outcome, test = result.outcomes[name], result.parts.test
        strong = (scores[test, result.anchors.strong], costs[test, result.anchors.strong])
        cheap = (scores[test, result.anchors.cheap], costs[test, result.anchors.cheap])
        even = np.full((1, len(test)), 1 / len(test))
        rows: list[list[list[float]]] = []
        for each in (even, weight):
            means = {
                key: each @ value
                for key, value in {
                    "quality": outcome.quality,
                    "cost": outcome.cost,
                    "equal_quality": outcome.equal_quality,
                    "equal_cost": outcome.equal_cost,
                    "strong": strong[0],
                    "strong_cost": strong[1],
                    "cheap": cheap[0],
                    "cheap_cost": cheap[1],
                    "curve": outcome.curve_quality,
                    "curve_cost": outcome.curve_cost,
                }.items()
            }
            rows.append([_row({key: value[index] for key, value in means.items()}) for index in range(len(each))])
        plain.append(rows[0][0])
        again.append(rows[1])
    values, resampled = np.array(plain), np.array(again)
    return Comparison(*(estimate(values[:, column], resampled[:, :, column]) for column in range(values.shape[1])))


def _row(means: Mapping[str, Any]) -> list[float]:
    """Return the figures of `Comparison` in order, from the means of one split under one weighing."""
    found = curves.figures(
        means["curve"],
        means["curve_cost"],
        (float(means["cheap"]), float(means["cheap_cost"])),
        (float(means["strong"]), float(means["strong_cost"])),
    )
    saving = 1 - means["equal_cost"] / means["strong_cost"] if means["strong_cost"] > 0 else np.nan
    return [
        means["quality"],
        means["cost"],
        found.apgr,
        found.cpt50,
        found.cpt80,
        saving,
        means["quality"] - means["strong"],
        means["equal_quality"] - means["strong"],
    ]


def _fixed(
    scores: FloatArray, costs: FloatArray, results: Sequence[SplitResult], weighted: Sequence[FloatArray]
) -> dict[str, Comparison]:
    """Return the policies that predict nothing: any model, the best single one, and the best for each question."""
    takes: dict[str, list[tuple[FloatArray, FloatArray]]] = {"best_single": [], "random": [], "oracle": []}
    for result in results:
        test = result.parts.test
        part, spent = scores[test], costs[test]
        takes["best_single"].append((part[:, result.anchors.strong], spent[:, result.anchors.strong]))
        takes["random"].append((part.mean(axis=1), spent.mean(axis=1)))
        top = part.max(axis=1)
        cheapest = np.where(part >= top[:, None], spent, np.inf).min(axis=1)
        takes["oracle"].append((top, cheapest))
    found: dict[str, Comparison] = {}
    for name, taken in takes.items():
        lifts = [
            quality - scores[result.parts.test, result.anchors.strong]
            for (quality, _), result in zip(taken, results, strict=True)
        ]
        columns = [[quality for quality, _ in taken], [cost for _, cost in taken], lifts]
        accuracy, cost, lift = (_mean(each, weighted) for each in columns)
        found[name] = Comparison(accuracy, cost, NOTHING, NOTHING, NOTHING, NOTHING, lift, NOTHING)
    return found


def _mean(values: Sequence[FloatArray], weighted: Sequence[FloatArray]) -> Estimate:
    resampled = np.stack([weight @ value for weight, value in zip(weighted, values, strict=True)])
    return estimate(np.array([value.mean() for value in values]), resampled)


def _mean_curve(results: Sequence[SplitResult], name: str, points: int = 80) -> list[tuple[float, float]]:
    """Return the mean over splits of quality at equal places along the costs reached by every split."""
    lines = [
        (result.outcomes[name].curve_cost.mean(axis=0), result.outcomes[name].curve_quality.mean(axis=0))
        for result in results
    ]
    low, high = max(cost.min() for cost, _ in lines), min(cost.max() for cost, _ in lines)
    at = np.linspace(low, high, points)
    drawn = [
        np.interp(at, cost[np.argsort(cost, kind="stable")], quality[np.argsort(cost, kind="stable")])
        for cost, quality in lines
    ]
    return list(zip(at.tolist(), np.mean(drawn, axis=0).tolist(), strict=True))


def clean_of(holdout: Matrix, known: Matrix) -> IntArray:
    """Return the rows of ``holdout`` whose question does not stand in ``known``."""
    seen = {question_key(prompt) for prompt in known.prompts}
    fresh = [index for index, prompt in enumerate(holdout.prompts) if question_key(prompt) not in seen]
    return np.array(fresh, dtype=np.intp)
