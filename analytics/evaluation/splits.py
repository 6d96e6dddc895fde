"""One split of an evaluation: routers learn from train, validation fixes their trade-offs, test is for figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.evaluation import baselines, curves, reliability
from analytics.evaluation.matrix import Matrix
from routing.quality_features import UNIT, Features
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, learn_space, train_in

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

_SHARES: Final = (0.6, 0.8)


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
    expected: Mapping[str, reliability.Sums]
    """What the router expected beside what came: of ``all`` models, of all after correction by ``line``, and so of the
    one ``chosen`` whatever it costs."""
    line: reliability.Line
    """Fitted to the router's predictions for validation."""


def parts_of(count: int, holdout: int, settings: EvaluationSettings) -> list[Parts]:
    """Return the parts of every split; with ``holdout`` the last so many questions are the test part, once."""
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


def run_split(
    matrix: Matrix,
    costs: FloatArray,
    features: Sequence[Features],
    parts: Parts,
    settings: EvaluationSettings,
    artefact: QualityModel | None,
) -> SplitResult:
    """Train, fix and test every router on one split."""
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
    line = reliability.fitted(learned["router"], matrix.scores[parts.validation])
    expected = _expected(matrix.scores, costs, parts.test, final["router"], line)
    return SplitResult(parts, anchors, outcomes, expected, line)


def _expected(
    scores: FloatArray, costs: FloatArray, test: IntArray, predicted: FloatArray, line: reliability.Line
) -> dict[str, reliability.Sums]:
    edges, came = reliability.edges_of(scores), scores[test]
    corrected = line(predicted)
    chosen = curves.choose(predicted, costs[test], 0.0)[:, None]
    parted = {
        "all": (predicted, came),
        "corrected": (corrected, came),
        "chosen": (np.take_along_axis(corrected, chosen, axis=1), np.take_along_axis(came, chosen, axis=1)),
    }
    return {name: reliability.sums(expected, true, edges) for name, (expected, true) in parted.items()}


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
    lesson = [features[index] for index in known]
    space = learn_space(lesson, settings.training) if artefact is None else artefact.space
    vectors, asked = space.vectors(lesson), space.vectors([features[index] for index in wanted])
    kinds = None if matrix.tasks is None else [matrix.tasks[index] for index in known]
    model = artefact or train_in(space, vectors, scores[known], matrix.models, settings.training, kinds=kinds)
    order = [model.models.index(name) for name in matrix.models]
    lengths = np.array([len(prompt) for prompt in matrix.prompts], dtype=np.float64)
    found = {
        "router": model.predict_vectors(asked)[:, order],
        "knn": baselines.nearest(vectors / UNIT, scores[known], asked / UNIT),
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
    return Fixed(grid, int(np.searchsorted(grid, 0.0)), int(equal_place(gap, grid, even, margin)[0]), gap)


def equal_place(gap: FloatArray, grid: FloatArray, weight: FloatArray, margin: float) -> IntArray:
    """Return for each row of ``weight`` the place in ``grid`` that is surely as good as the best single model."""
    mean = weight @ gap
    error = np.sqrt(np.maximum(weight @ (gap * gap) - mean * mean, 0.0) / len(gap))
    surely = mean - margin * error
    return np.array([curves.equal_quality(row, grid, 0.0) for row in surely], dtype=np.intp)
