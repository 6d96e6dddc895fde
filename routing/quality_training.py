"""Trains a quality model (SPEC R16) from texts, the score of every model on each and, where known, kinds of prompts.

The same texts, scores and settings give the same artefact bit by bit: k-means and trees sum whole numbers, which are
exact in any order; principal axes and the kinds head are computed in doubles and rounded to few places.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from routing.quality_axes import learn_projection
from routing.quality_clustering import Clustering
from routing.quality_features import SCALE, Features, IntArray
from routing.quality_kinds_training import learn_kinds
from routing.quality_model import FloatArray, QualityModel
from routing.quality_space import Space
from routing.quality_trees import grow


@dataclass(frozen=True)
class TrainingSettings:
    """What shapes the model. The defaults were chosen on validation parts, see ``docs/routing-quality.md``."""

    dimensions: int = 32
    """Of the words and of the characters, each."""
    form_weight: float = 0.12
    """Of one standard deviation of a form feature, where the words as a whole weigh 1."""
    min_prompts: int = 3
    """A bucket seen in fewer prompts says nothing."""
    clusters: int = 96
    restarts: int = 8
    rounds: int = 12
    shrink: float = 10.0
    """A cluster's (or kind's) mean is drawn to the overall mean as by this many prompts."""
    trees: int = 200
    depth: int = 3
    rate: float = 0.045
    leaf_shrink: float = 10.0
    min_leaf: int = 20
    kind_rounds: int = 80
    kind_ridge: float = 0.01
    seed: int = 0


def train(
    features: Sequence[Features],
    scores: FloatArray,
    models: Sequence[str],
    settings: TrainingSettings | None = None,
    facts: Mapping[str, Any] | None = None,
    kinds: Sequence[str] | None = None,
) -> QualityModel:
    """Return the model learned from ``scores``, shape (prompts, models).

    ``kinds`` names the task of each prompt ("" where unknown): a predictor learns to tell them by the text alone.
    ``facts`` are kept in the artefact.
    """
    chosen = settings or TrainingSettings()
    space = learn_space(features, chosen)
    return train_in(space, space.vectors(features), scores, models, chosen, facts, kinds)


def train_in(
    space: Space,
    vectors: IntArray,
    scores: FloatArray,
    models: Sequence[str],
    chosen: TrainingSettings,
    facts: Mapping[str, Any] | None = None,
    kinds: Sequence[str] | None = None,
) -> QualityModel:
    """Return the model learned in a space that was learned of the same prompts, from their ``vectors`` there."""
    generator = np.random.default_rng([chosen.seed, 1])
    clusters = Clustering(vectors, scores, chosen.shrink).repeated(
        chosen.restarts, chosen.clusters, chosen.rounds, generator
    )
    trees = grow(
        vectors,
        scores - scores.mean(axis=1, keepdims=True),
        generator,
        count=chosen.trees,
        depth=chosen.depth,
        rate=chosen.rate,
        shrink=chosen.leaf_shrink,
        min_leaf=chosen.min_leaf,
    )
    head = None
    if kinds is not None:
        head = learn_kinds(
            vectors,
            scores,
            kinds,
            generator,
            shrink=chosen.shrink,
            ridge=chosen.kind_ridge,
            rounds=chosen.kind_rounds,
        )
    kept = {"prompts": len(vectors), "settings": asdict(chosen), **(facts or {})}
    return QualityModel(tuple(models), space, clusters, trees, head, len(models), kept)


def learn_space(features: Sequence[Features], settings: TrainingSettings) -> Space:
    """Return the space in which prompts are compared."""
    generator = np.random.default_rng(settings.seed)
    words, characters = (
        learn_projection(terms, settings.dimensions, settings.min_prompts, generator)
        for terms in ([each.words for each in features], [each.characters for each in features])
    )
    form = np.stack([each.form for each in features])
    spread = form.std(axis=0)
    weight = np.where(spread > 0, np.rint(settings.form_weight * SCALE * SCALE / np.maximum(spread, 1.0)), 0)
    return Space(words, characters, np.rint(form.mean(axis=0)).astype(np.int64), weight.astype(np.int64))


def data_hash(texts: Sequence[str], scores: FloatArray, models: Sequence[str]) -> str:
    """Return the SHA-256 of questions, models and scores, whatever the order of the questions."""
    lines = sorted(
        hashlib.sha256("\0".join([text, *(f"{score:.9f}" for score in row)]).encode("utf-8", "surrogatepass")).digest()
        for text, row in zip(texts, scores.tolist(), strict=True)
    )
    return hashlib.sha256("\0".join(models).encode() + b"".join(lines)).hexdigest()
