"""Learns the kinds head: which kind a prompt is of, from the names that the training data gives, and what scores there.

Multinomial logistic regression by accelerated gradient steps (Y. Nesterov, 1983) on whitened vectors, where every
direction is equally steep.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from routing.quality_features import UNIT, IntArray
from routing.quality_kinds import LOGIT_SCALE, Kinds
from routing.quality_model import WEIGHT_SCALE, FloatArray

MOST_KINDS: Final = 64
"""Rarer kinds are one: the others."""
MOST_PROMPTS: Final = 6000
"""Drawn to learn to tell kinds: more make it little better and the work longer. Means are over all."""
LEAST_PROMPTS: Final = 20
"""Of a kind that is told from the others."""
_OTHERS: Final = ""
_LOG2_E: Final = 1.4426950408889634


def learn_kinds(
    vectors: IntArray,
    scores: FloatArray,
    names: Sequence[str],
    generator: np.random.Generator,
    *,
    shrink: float,
    ridge: float,
    rounds: int,
) -> Kinds | None:
    """Return the head, or None where fewer than two kinds are named often enough."""
    told = {name for name, count in Counter(names).most_common(MOST_KINDS) if name and count >= LEAST_PROMPTS}
    listed = sorted({name if name in told else _OTHERS for name in names})
    if len(told) < 2:
        return None
    place = {name: index for index, name in enumerate(listed)}
    labels = np.array([place[name if name in told else _OTHERS] for name in names])
    truth = np.eye(len(listed))[labels]
    rows = np.arange(len(vectors))
    if len(vectors) > MOST_PROMPTS:
        rows = np.sort(generator.permutation(len(vectors))[:MOST_PROMPTS])
    weights, bias = _regression(vectors[rows] / UNIT, truth[rows], ridge, rounds)
    scale = _LOG2_E * LOGIT_SCALE
    sizes = truth.sum(axis=0)[:, None]
    means = (truth.T @ scores + shrink * scores.mean(axis=0)) / (sizes + shrink)
    return Kinds(
        np.rint(weights * scale).astype(np.int64),
        np.rint(bias * scale).astype(np.int64),
        np.rint(means * WEIGHT_SCALE).astype(np.int64),
    )


def _regression(values: FloatArray, truth: FloatArray, ridge: float, rounds: int) -> tuple[FloatArray, FloatArray]:
    """Return (weights, bias); ``ridge`` is the share of the mean variance added to every direction."""
    mean = values.mean(axis=0)
    centred = values - mean
    covariance = centred.T @ centred / len(values)
    covariance[np.diag_indices(len(covariance))] += ridge * np.trace(covariance) / len(covariance)
    turn = np.linalg.inv(np.linalg.cholesky(covariance)).T
    white = np.concatenate([centred @ turn, np.ones((len(values), 1))], axis=1)
    found = np.zeros((white.shape[1], truth.shape[1]))
    ahead, pace = found, 1.0
    for _ in range(rounds):
        step = ahead - (2.0 / len(values)) * (white.T @ (_softmax(white @ ahead) - truth))
        faster = (1 + float(np.sqrt(1 + 4 * pace * pace))) / 2
        ahead = step + (pace - 1) / faster * (step - found)
        found, pace = step, faster
    weights = turn @ found[:-1]
    return weights, found[-1] - mean @ weights


def _softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return chances
