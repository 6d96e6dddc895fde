"""Trains a quality model (SPEC R16) from texts and the score of every model on each.

The same texts, scores and settings give the same artefact bit by bit: k-means and trees sum whole numbers, which are
exact in any order, and the principal axes are computed in doubles and rounded to 14 bits.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from routing.quality_features import BUCKETS, SCALE, Features, IntArray, Terms
from routing.quality_model import (
    AXIS_SCALE,
    IDF_SCALE,
    WEIGHT_SCALE,
    Clusters,
    FloatArray,
    Projection,
    QualityModel,
    Trees,
)
from routing.quality_trees import grow

_FINE: Final = 1 << 16


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
    restarts: int = 15
    rounds: int = 15
    shrink: float = 10.0
    """A cluster's mean is drawn to the overall mean as by this many prompts."""
    trees: int = 200
    depth: int = 3
    rate: float = 0.045
    leaf_shrink: float = 10.0
    min_leaf: int = 20
    seed: int = 0


def train(
    features: Sequence[Features],
    scores: FloatArray,
    models: Sequence[str],
    settings: TrainingSettings | None = None,
    facts: Mapping[str, Any] | None = None,
) -> QualityModel:
    """Return the model learned from ``scores``, shape (prompts, models). ``facts`` are kept in the artefact."""
    chosen = settings or TrainingSettings()
    generator = np.random.default_rng(chosen.seed)
    words = _projection([each.words for each in features], chosen, generator)
    characters = _projection([each.characters for each in features], chosen, generator)
    form = np.stack([each.form for each in features])
    spread = form.std(axis=0)
    weight = np.where(spread > 0, np.rint(chosen.form_weight * SCALE * SCALE / np.maximum(spread, 1e-9)), 0)
    empty = Trees(*(np.zeros((0, 0), dtype=np.int64) for _ in range(4)))
    bare = QualityModel(
        tuple(models),
        words,
        characters,
        np.rint(form.mean(axis=0)).astype(np.int64),
        weight.astype(np.int64),
        (),
        empty,
        {},
    )
    vectors = bare.vectors(features)
    groups = tuple(_clusters(vectors, scores, chosen, generator) for _ in range(chosen.restarts))
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
    kept = {"prompts": len(features), "settings": asdict(chosen), **(facts or {})}
    return QualityModel(bare.models, words, characters, bare.form_mean, bare.form_weight, groups, trees, kept)


def data_hash(texts: Sequence[str], scores: FloatArray, models: Sequence[str]) -> str:
    """Return the SHA-256 of questions, models and scores, whatever the order of the questions."""
    lines = sorted(
        hashlib.sha256("\0".join([text, *(f"{score:.9f}" for score in row)]).encode("utf-8", "surrogatepass")).digest()
        for text, row in zip(texts, scores.tolist(), strict=True)
    )
    return hashlib.sha256("\0".join(models).encode() + b"".join(lines)).hexdigest()


def _projection(terms: Sequence[Terms], settings: TrainingSettings, generator: np.random.Generator) -> Projection:
    """Return the principal axes of the rarity-weighted, length-normalised terms, by randomised subspace iteration.

    N. Halko, P. Martinsson, J. Tropp, SIAM Review 53 (2011), algorithm 4.4.
    """
    seen = np.zeros(BUCKETS, dtype=np.int64)
    for each in terms:
        seen[each.buckets] += 1
    rarity = np.rint(IDF_SCALE * (np.log((1 + len(terms)) / (1 + seen)) + 1)).astype(np.int64)
    idf = np.where(seen >= min(settings.min_prompts, len(terms)), rarity, 0)
    dense = np.zeros((len(terms), BUCKETS))
    for row, each in zip(dense, terms, strict=True):
        weighted = each.weights * idf[each.buckets]
        row[each.buckets] = weighted / max(1.0, float(np.sqrt(np.float64((weighted * weighted).sum()))))
    mean = dense.mean(axis=0)
    size = min(settings.dimensions + 10, len(terms))
    basis = dense.T @ generator.standard_normal((len(terms), size))
    for _ in range(2):
        basis, _ = np.linalg.qr(basis)
        inner = dense @ basis - mean @ basis
        basis = dense.T @ inner - np.outer(mean, inner.sum(axis=0))
    basis, _ = np.linalg.qr(basis)
    inner = dense @ basis - mean @ basis
    _, turn = np.linalg.eigh(inner.T @ inner)
    axes = (basis @ turn[:, ::-1])[:, : settings.dimensions]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    whole = np.rint(axes * AXIS_SCALE).astype(np.int64)
    return Projection(idf, whole, np.rint(mean @ whole * (_FINE / AXIS_SCALE)).astype(np.int64))


def _clusters(
    vectors: IntArray, scores: FloatArray, settings: TrainingSettings, generator: np.random.Generator
) -> Clusters:
    """Return one k-means (seeded as k-means++) with its shrunk means. Centres are whole numbers."""
    count = min(settings.clusters, max(1, len(vectors) // 8))
    centres = _seeds(vectors, count, generator)
    model = Clusters(centres, np.zeros((count, scores.shape[1]), dtype=np.int64))
    for _ in range(settings.rounds):
        order, starts, sizes = _grouped(model.nearest(vectors), count)
        sums = np.zeros_like(centres)
        sums[sizes > 0] = np.add.reduceat(vectors[order], starts[sizes > 0], axis=0)
        moved = np.where(sizes[:, None] > 0, np.rint(sums / np.maximum(sizes, 1)[:, None]).astype(np.int64), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
        model = Clusters(centres, model.means)
    order, starts, sizes = _grouped(model.nearest(vectors), count)
    whole = np.rint(scores * WEIGHT_SCALE).astype(np.int64)
    totals = np.zeros((count, scores.shape[1]))
    totals[sizes > 0] = np.add.reduceat(whole[order], starts[sizes > 0], axis=0)
    overall = whole.sum(axis=0) / len(whole)
    means = np.rint((totals + settings.shrink * overall) / (sizes[:, None] + settings.shrink))
    return Clusters(centres, means.astype(np.int64))


def _seeds(vectors: IntArray, count: int, generator: np.random.Generator) -> IntArray:
    """Return ``count`` of the vectors, each drawn with a chance that grows with its distance to those before."""
    chosen = [int(generator.integers(len(vectors)))]
    distance = ((vectors - vectors[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < count:
        rising = distance.cumsum()
        drawn = int(generator.integers(max(1, int(rising[-1]))))
        chosen.append(int(np.searchsorted(rising, drawn, side="right").clip(0, len(vectors) - 1)))
        distance = np.minimum(distance, ((vectors - vectors[chosen[-1]]) ** 2).sum(axis=1))
    return vectors[chosen]


def _grouped(nearest: IntArray, count: int) -> tuple[IntArray, IntArray, IntArray]:
    """Return rows ordered by group, where each group starts and how large it is."""
    sizes = np.bincount(nearest, minlength=count).astype(np.int64)
    return np.argsort(nearest, kind="stable").astype(np.int64), np.cumsum(sizes) - sizes, sizes
