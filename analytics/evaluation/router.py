"""Judges a router on an evaluation matrix: what it learns from one part of the questions it must show on another.

Five times the questions are parted anew into train, validation and test (60/20/20). Routers learn from train; their
trade-offs are fixed on validation alone, after which they learn from both; every figure is of test. Intervals are over
questions, spreads over the splits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
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
    margin: float = 0.5
    """Standard errors by which validation quality must pass the best single model's before a saving is called equal."""
    training: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class Parts:
    """Indices of the questions of one split."""

    train: IntArray
    validation: IntArray
    test: IntArray


@dataclass(frozen=True)
class Fixed:
    """What validation fixed of one router."""

    grid: FloatArray
    """Its trade-offs, rising."""
    first: int
    """Place in ``grid`` of trade-off 0: quality first, whatever it costs."""
    equal: int
    """Place in ``grid`` of the greatest trade-off that is surely as good as the best single model."""
    gap: FloatArray
    """Quality above the best single model's, shape (validation prompts, trade-offs)."""


@dataclass(frozen=True)
class Outcome:
    """What one router did on the test questions of one split, shape (prompts, trade-offs)."""

    fixed: Fixed
    quality: FloatArray
    cost: FloatArray


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
    fixed = {
        name: _fix(predicted, costs[parts.validation], matrix.scores[parts.validation], anchors, settings.margin)
        for name, predicted in learned.items()
    }
    both = np.concatenate([parts.train, parts.validation])
    final = _predictions(matrix, features, both, parts.test, settings, artefact)
    outcomes = {
        name: Outcome(each, *curves.along(final[name], costs[parts.test], matrix.scores[parts.test], each.grid))
        for name, each in fixed.items()
    }
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


def _fix(predicted: FloatArray, costs: FloatArray, scores: FloatArray, anchors: curves.Anchors, margin: float) -> Fixed:
    grid = curves.trade_offs(predicted, costs)
    quality, _ = curves.along(predicted, costs, scores, grid)
    gap = quality - scores[:, [anchors.strong]]
    even = np.full((1, len(gap)), 1 / len(gap))
    return Fixed(grid, int(np.searchsorted(grid, 0.0)), int(_equal(gap, grid, even, margin)[0]), gap)


def _equal(gap: FloatArray, grid: FloatArray, weight: FloatArray, margin: float) -> IntArray:
    """Return for each row of ``weight`` the place in ``grid`` that is surely as good as the best single model."""
    mean = weight @ gap
    error = np.sqrt(np.maximum(weight @ (gap * gap) - mean * mean, 0.0) / len(gap))
    surely = mean - margin * error
    return np.array([curves.equal_quality(row, grid, 0.0) for row in surely], dtype=np.intp)


def _report(
    matrix: Matrix, costs: FloatArray, results: Sequence[SplitResult], settings: EvaluationSettings, holdout: int
) -> Report:
    drawn = resamples(len(matrix.prompts), settings.resamples, settings.seed)
    weighted = [weights(drawn, result.parts.test) for result in results]
    policies = {
        name: _compare(matrix.scores, costs, results, drawn, name, settings.margin)
        for name in ROUTERS
        if name in results[0].outcomes
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
    scores: FloatArray,
    costs: FloatArray,
    results: Sequence[SplitResult],
    drawn: FloatArray,
    name: str,
    margin: float,
) -> Comparison:
    plain: list[FloatArray] = []
    again: list[FloatArray] = []
    for result in results:
        parts, fixed = result.parts, result.outcomes[name].fixed
        even = np.full((1, len(parts.test)), 1 / len(parts.test))
        plain.append(_rows(scores, costs, result, name, even, np.array([fixed.equal]))[0])
        equal = _equal(fixed.gap, fixed.grid, weights(drawn, parts.validation), margin)
        again.append(_rows(scores, costs, result, name, weights(drawn, parts.test), equal))
    values, resampled = np.array(plain), np.array(again)
    return Comparison(*(estimate(values[:, column], resampled[:, :, column]) for column in range(values.shape[1])))


def _rows(
    scores: FloatArray, costs: FloatArray, result: SplitResult, name: str, weight: FloatArray, equal: IntArray
) -> FloatArray:
    """Return the figures of `Comparison` in order, one row for each weighing of the test questions."""
    outcome, anchors = result.outcomes[name], result.anchors
    quality, cost = weight @ outcome.quality, weight @ outcome.cost
    single, price = weight @ scores[result.parts.test], weight @ costs[result.parts.test]
    found = np.empty((len(weight), len(fields(Comparison))))
    first = outcome.fixed.first
    for index in range(len(weight)):
        strong = (float(single[index, anchors.strong]), float(price[index, anchors.strong]))
        cheap = (float(single[index, anchors.cheap]), float(price[index, anchors.cheap]))
        figures = curves.figures(quality[index], cost[index], cheap, strong)
        found[index] = (
            quality[index, first],
            cost[index, first],
            figures.apgr,
            figures.cpt50,
            figures.cpt80,
            1 - cost[index, equal[index]] / strong[1] if strong[1] > 0 else np.nan,
            quality[index, first] - strong[0],
            quality[index, equal[index]] - strong[0],
        )
    return found


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
        (result.outcomes[name].cost.mean(axis=0), result.outcomes[name].quality.mean(axis=0)) for result in results
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


def joined(known: Matrix, more: Matrix) -> Matrix:
    """Return the questions of ``known``, then those of ``more``; models in the order of ``known``."""
    if set(more.models) != set(known.models):
        raise EvaluationError("the held-out matrix has other models")
    order = [more.models.index(name) for name in known.models]
    tasks = None
    if known.tasks is not None and more.tasks is not None:
        tasks = (*known.tasks, *more.tasks)
    costs = None
    if known.costs is not None and more.costs is not None:
        costs = np.concatenate([known.costs, more.costs[:, order]])
    return Matrix(
        known.models,
        (*known.prompts, *more.prompts),
        tasks,
        np.concatenate([known.scores, more.scores[:, order]]),
        costs,
        known.rows + more.rows,
        known.incomplete + more.incomplete,
        known.noise,
    )
