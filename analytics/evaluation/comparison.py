"""The figures of an evaluation: every policy compared over all splits, with intervals over questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from analytics.evaluation import curves
from analytics.evaluation.intervals import NOTHING, Estimate, estimate, resamples, weights
from analytics.evaluation.matrix import Matrix
from analytics.evaluation.reliability import Line, Reliability, edges_of, reliability
from analytics.evaluation.splits import EvaluationSettings, FloatArray, IntArray, SplitResult, equal_place

ROUTERS: Final = ("router", "knn", "task_label", "length_only")


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
    reliability: Mapping[str, Reliability]
    """Of the router's predictions: as `SplitResult.expected` names them."""
    line: Line
    """What corrects predictions: mean over the splits."""
    facts: Mapping[str, Any]


def report_of(
    matrix: Matrix, costs: FloatArray, results: Sequence[SplitResult], settings: EvaluationSettings, holdout: int
) -> Report:
    """Return the figures of all policies over the splits' test questions."""
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
    edges = edges_of(matrix.scores)
    believed = {
        name: reliability([result.expected[name] for result in results], weighted, edges)
        for name in results[0].expected
    }
    drawn_curves = [(name, _mean_curve(results, name)) for name in policies if name in ROUTERS]
    line = Line(*np.mean([result.line for result in results], axis=0).tolist())
    return Report(policies, drawn_curves, singles, believed, line, facts)


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
        equal = equal_place(fixed.gap, fixed.grid, weights(drawn, parts.validation), margin)
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
