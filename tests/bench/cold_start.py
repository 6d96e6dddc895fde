"""``python -m tests.bench.cold_start MATRIX... [--tasks FILE]... [--seed N]``: how soon a new model is known.

Each model in turn is left out of the training and added again from 20, 50 or 100 scored prompts (see
`routing.quality_cold_start`). Printed: the quality of routing by the best prediction among all models, and the mean
squared error of what is predicted of the model left out, both on test prompts; beside a predictor that was trained with
the model, one that lacks it, and one that knows its mean score alone.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.evaluation.matrix import Matrix, read_matrix, read_tasks
from routing.quality_cold_start import Probes, extended
from routing.quality_features import Features, features_of
from routing.quality_training import train

FloatArray = npt.NDArray[np.float64]
Found = dict[str, tuple[float, float]]
"""By way of knowing: (quality of routing, mean squared error of the model left out)."""

PROBES: Final = (20, 50, 100)
_TRAIN_SHARE: Final = 0.8


def evaluated(matrix: Matrix, features: list[Features], left_out: int, full: FloatArray, seed: list[int]) -> Found:
    """Return what is known of one model; ``full``: predictions for the test prompts by a model trained on all."""
    known, test, generator = _parts(matrix, seed)
    others = [column for column in range(len(matrix.models)) if column != left_out]
    kinds = None if matrix.tasks is None else [matrix.tasks[index] for index in known]
    names = [matrix.models[column] for column in others]
    learned = train([features[index] for index in known], matrix.scores[known][:, others], names, kinds=kinds)
    vectors = learned.space.vectors([features[index] for index in test])
    truth = matrix.scores[test]
    without = np.full(truth.shape, -np.inf)
    without[:, others] = learned.predict_vectors(vectors)
    found = {"trained with it": _judged(full, truth, left_out), "without it": _judged(without, truth, left_out)}
    for count in PROBES:
        drawn = generator.permutation(known)[:count]
        scores = matrix.scores[drawn, left_out]
        probes = Probes([features[index] for index in drawn], scores)
        family = [name for name in names if name.split("-")[0] == matrix.models[left_out].split("-")[0]]
        cold = extended(learned, matrix.models[left_out], probes, family).predict_vectors(vectors)
        mean = without.copy()
        mean[:, left_out] = scores.mean()
        found[f"{count} probes"] = _judged(cold[:, np.argsort([*others, left_out])], truth, left_out)
        found[f"mean of {count} probes"] = _judged(mean, truth, left_out)
    return found


def _parts(matrix: Matrix, seed: list[int]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], np.random.Generator]:
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(matrix.prompts))
    edge = int(_TRAIN_SHARE * len(order))
    return order[:edge], order[edge:], generator


def _judged(predicted: FloatArray, truth: FloatArray, column: int) -> tuple[float, float]:
    quality = float(truth[np.arange(len(truth)), predicted.argmax(axis=1)].mean())
    return quality, float(((predicted[:, column] - truth[:, column]) ** 2).mean())


def main() -> None:
    """Print a row for each way of knowing: mean over models and splits, and for the best model left out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("matrix", nargs="+", type=Path)
    parser.add_argument("--tasks", action="append", type=Path, default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--splits", type=int, default=2)
    chosen = parser.parse_args()
    tasks: dict[str, str] = {}
    for path in chosen.tasks:
        tasks = {**read_tasks(path), **tasks}
    matrix = read_matrix(chosen.matrix, tasks=tasks)
    features = [features_of(prompt) for prompt in matrix.prompts]
    best = int(matrix.scores.mean(axis=0).argmax())
    rows: dict[str, list[tuple[float, float]]] = {}
    of_best: dict[str, list[tuple[float, float]]] = {}
    for split in range(chosen.splits):
        seed = [chosen.seed, split]
        known, test, _ = _parts(matrix, seed)
        kinds = None if matrix.tasks is None else [matrix.tasks[index] for index in known]
        whole = train([features[index] for index in known], matrix.scores[known], matrix.models, kinds=kinds)
        full = whole.predict_vectors(whole.space.vectors([features[index] for index in test]))
        for column in range(len(matrix.models)):
            for name, figures in evaluated(matrix, features, column, full, seed).items():
                rows.setdefault(name, []).append(figures)
                if column == best:
                    of_best.setdefault(name, []).append(figures)
    print(f"{'known by':<20} {'quality':>8} {'error':>7}   {matrix.models[best]} left out: quality, error")
    for name, found in rows.items():
        quality, error = np.mean(found, axis=0)
        best_quality, best_error = np.mean(of_best[name], axis=0)
        shown = f"{quality:8.4f} {error:7.4f}   {best_quality:.4f} {best_error:.4f}".replace("inf", "  -")
        print(f"{name:<20} {shown}")


if __name__ == "__main__":
    main()
