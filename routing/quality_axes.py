"""Learns a projection: rarity weights of hashed terms and the principal axes of the weighted terms.

The axes are computed in double precision and rounded to ten binary places.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from routing.quality_features import BUCKETS, Terms
from routing.quality_space import AXIS_SCALE, FINE, IDF_SCALE, Projection

MOST_PROMPTS: Final = 6000
"""Drawn to find the axes: more make them no better and the work longer. Rarity is counted over all."""


def learn_projection(
    terms: Sequence[Terms], dimensions: int, min_prompts: int, generator: np.random.Generator
) -> Projection:
    """Return the principal axes of the rarity-weighted, length-normalised terms, by randomised subspace iteration.

    N. Halko, P. Martinsson, J. Tropp, SIAM Review 53 (2011), algorithm 4.4.
    """
    seen = np.zeros(BUCKETS, dtype=np.int64)
    for each in terms:
        seen[each.buckets] += 1
    rarity = np.rint(IDF_SCALE * (np.log((1 + len(terms)) / (1 + seen)) + 1)).astype(np.int64)
    idf = np.where(seen >= min(min_prompts, len(terms)), rarity, 0)
    looked_at = terms
    if len(terms) > MOST_PROMPTS:
        looked_at = [terms[index] for index in np.sort(generator.permutation(len(terms))[:MOST_PROMPTS])]
    dense = np.zeros((len(looked_at), BUCKETS))
    for row, each in zip(dense, looked_at, strict=True):
        weighted = each.weights * idf[each.buckets]
        row[each.buckets] = weighted / max(1.0, float(np.sqrt(np.float64((weighted * weighted).sum()))))
    mean = dense.mean(axis=0)
    size = min(dimensions + 10, len(looked_at))
    basis = dense.T @ generator.standard_normal((len(looked_at), size))
    for _ in range(2):
        basis, _ = np.linalg.qr(basis)
        inner = dense @ basis - mean @ basis
        basis = dense.T @ inner - np.outer(mean, inner.sum(axis=0))
    basis, _ = np.linalg.qr(basis)
    inner = dense @ basis - mean @ basis
    _, turn = np.linalg.eigh(inner.T @ inner)
    axes = (basis @ turn[:, ::-1])[:, :dimensions]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    whole = np.rint(axes * AXIS_SCALE).astype(np.int64)
    whole[idf == 0] = 0
    return Projection(idf, whole, np.rint(mean @ whole * (FINE / AXIS_SCALE)).astype(np.int64))
