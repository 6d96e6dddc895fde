"""Judges a router on an evaluation matrix: what it learns from one part of the questions it must show on another.

Five times the questions are parted anew into train, validation and test (60/20/20). Routers learn from train; their
trade-offs are fixed on validation alone, after which they learn from both; every figure is of test. Intervals are over
questions, spreads over the splits.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from analytics.evaluation.comparison import Report, report_of
from analytics.evaluation.matrix import Matrix, question_key
from analytics.evaluation.splits import EvaluationSettings, FloatArray, IntArray, SplitResult, parts_of, run_split
from routing.quality_features import features_of
from routing.quality_model import QualityModel

Tell = Callable[[str], None]

MIN_PROMPTS: Final = 50


class EvaluationError(ValueError):
    """A matrix of which nothing can be said; the message tells why."""


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
    for number, parts in enumerate(parts_of(count, holdout, chosen)):
        tell(f"split {number + 1}: training and testing")
        results.append(run_split(matrix, costs, features, parts, chosen, artefact))
    tell("intervals")
    return report_of(matrix, costs, results, chosen, holdout)


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
