"""A model that the predictor never saw, from its scores on a few prompts (SPEC R16): nothing else is trained again.

W. Jitkrittum et al., "Universal model routing", arXiv 2502.08773: a model is the vector of its means by cluster, and a
small probe set gives that vector. Few probes fall into one cluster, so each mean is drawn to what stands in for it::

    stand-in(c)  = mean over the family of quality(c), moved by what the probes say of the new model as a whole
    quality(c)   = (shrink * stand-in(c) + sum of probe scores in c) / (shrink + probes in c)

The family are models of the same maker that the predictor knows, else all models. Kinds are treated as clusters are;
of the trees the new model gets what its family has, moved as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from routing.quality_features import Features, IntArray
from routing.quality_kinds import Kinds
from routing.quality_model import WEIGHT_SCALE, Clusters, FloatArray, QualityModel, Trees

LEAST_PROBES: Final = 20
SHRINK: Final = 4.0
"""Probes that the stand-in of a cluster counts for."""
RATE: Final = 0.045
LEAF_SHRINK: Final = 15.0
"""As the training's rate and shrinkage of leaves; chosen as SHRINK was, see ``docs/routing-quality.md``."""


class ProbesError(ValueError):
    """Probes of which nothing can be learned; the message says why."""


@dataclass(frozen=True, eq=False)
class Probes:
    """Prompts that a new model answered, and how good its answers were."""

    features: Sequence[Features]
    scores: npt.NDArray[np.float64]
    """One for each prompt, on the scale of the predictor's scores."""


def extended(model: QualityModel, name: str, probes: Probes, family: Sequence[str] = ()) -> QualityModel:
    """Return a predictor that knows the model ``name``, too. Raise `ProbesError`.

    ``family``: models of the same maker by the names of the predictor; those it does not know are passed over. What it
    predicts of the other models stays as it was to the last bit.
    """
    if name in model.models:
        raise ProbesError(f"the predictor knows {name} already")
    if len(probes.features) < LEAST_PROBES or len(probes.features) != len(probes.scores):
        raise ProbesError(f"a new model needs at least {LEAST_PROBES} scored prompts, here are {len(probes.scores)}")
    if not np.isfinite(probes.scores).all():
        raise ProbesError("a score is no number")
    vectors = model.space.vectors(probes.features)
    columns = [index for index, known in enumerate(model.models) if known in set(family)]
    columns = columns or list(range(len(model.models)))
    shift = float(probes.scores.mean() - model.predict_vectors(vectors)[:, columns].mean())
    nearest = model.clusters.nearest(vectors)
    means = [
        _extended_means(means, columns, shift, _counted(nearest[:, at], len(means)), probes.scores)
        for at, means in enumerate(model.clusters.means)
    ]
    return replace(
        model,
        models=(*model.models, name),
        clusters=Clusters(model.clusters.centres, np.stack(means)),
        trees=_extended_trees(model.trees, columns, shift, vectors, probes.scores - _level(model, vectors)),
        kinds=_extended_kinds(model.kinds, columns, shift, vectors, probes.scores),
        facts={**model.facts, "probed": {**model.facts.get("probed", {}), name: len(probes.scores)}},
    )


def without(model: QualityModel, name: str) -> QualityModel:
    """Return the predictor as it was before ``name`` was added from probes. Raise `ProbesError`.

    Models that were trained together cannot be taken apart: the trees were grown on all of them.
    """
    column = model.models.index(name) if name in model.models else -1
    if column < model.based:
        raise ProbesError(f"{name} was not added from probes")
    kinds, clusters, trees = model.kinds, model.clusters, model.trees
    leaves, base = np.delete(trees.leaves, column, axis=2), np.delete(trees.base, column)
    facts = dict(model.facts)
    facts["probed"] = {known: count for known, count in facts.get("probed", {}).items() if known != name}
    return replace(
        model,
        models=tuple(known for known in model.models if known != name),
        clusters=Clusters(clusters.centres, np.delete(clusters.means, column, axis=2)),
        trees=Trees(trees.features, trees.thresholds, leaves, base),
        kinds=None if kinds is None else Kinds(kinds.weights, kinds.bias, np.delete(kinds.means, column, axis=1)),
        facts={key: value for key, value in facts.items() if key != "probed" or value},
    )


def _counted(places: IntArray, count: int) -> FloatArray:
    """Return the share of each probe in each group, shape (probes, groups): 1 in its own."""
    shares: FloatArray = np.eye(count)[places]
    return shares


def _extended_means(
    means: IntArray, columns: Sequence[int], shift: float, shares: FloatArray, scores: FloatArray
) -> IntArray:
    """Return the means, shape (groups, models), with a column for the new model."""
    stand_in = means[:, columns].mean(axis=1) / WEIGHT_SCALE + shift
    drawn = (SHRINK * stand_in + shares.T @ scores) / (SHRINK + shares.sum(axis=0))
    return np.concatenate([means, np.rint(drawn * WEIGHT_SCALE).astype(np.int64)[:, None]], axis=1)


def _extended_trees(trees: Trees, columns: Sequence[int], shift: float, vectors: IntArray, apart: FloatArray) -> Trees:
    """Return trees whose leaves hold for the new model the mean of its family, and what the probes add to it.

    ``apart``: the new model's difference to the mean model, by probe. The trees stay as they are: only their leaves are
    boosted, as in training.
    """
    own = trees.leaves[:, :, columns].mean(axis=2)
    base = float(trees.base[columns].mean()) + shift * WEIGHT_SCALE
    places = trees.places(vectors)
    every = np.arange(len(own))
    residual = apart * WEIGHT_SCALE - base - own[every, places].sum(axis=1)
    for tree in every.tolist():
        shares = np.eye(own.shape[1])[places[:, tree]]
        step = RATE * (shares.T @ residual) / (shares.sum(axis=0) + LEAF_SHRINK)
        own[tree] += step
        residual -= shares @ step
    leaves = np.rint(own).astype(np.int64)[:, :, None]
    return Trees(
        trees.features,
        trees.thresholds,
        np.concatenate([trees.leaves, leaves], axis=2),
        np.append(trees.base, round(base)),
    )


def _level(model: QualityModel, vectors: IntArray) -> FloatArray:
    """Return the expected score of the mean model on each prompt."""
    level: FloatArray = model.predict_vectors(vectors)[:, : model.based].mean(axis=1)
    return level


def _extended_kinds(
    kinds: Kinds | None, columns: Sequence[int], shift: float, vectors: IntArray, scores: FloatArray
) -> Kinds | None:
    if kinds is None:
        return None
    chances = kinds.chances(vectors).astype(np.float64)
    shares = chances / chances.sum(axis=1, keepdims=True)
    return Kinds(kinds.weights, kinds.bias, _extended_means(kinds.means, columns, shift, shares, scores))
