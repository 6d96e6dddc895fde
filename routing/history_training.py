"""Learns a quality model from what became of past decisions, where each shows one model only (SPEC R16).

The log says of a prompt how good the drawn model was, and with which probability each could have been drawn. A doubly
robust estimate fills in all models (J. Robins, A. Rotnitzky, JASA 90 (1995); for policies S. Athey, S. Wager,
Econometrica 89 (2021)), and the trainer of evaluation matrices learns from those numbers::

    type means     mean(k, m)  = (s * mean(m) + n * seen(k, m)) / (s + n)      of kind k and model m
                   mean(m)     = (s * mean of all + n * seen(m)) / (s + n)
                   seen        = sum(w r) / sum(w),  w = min(1 / e, clip),  n = sum(w)**2 / sum(w**2)
    filled in      score(i, m) = mean(k_i, m) + [m drawn] * w_i * c_m * (r_i - mean(k_i, m))
                   c_m         = decisions in which m could be drawn / sum of w where m was drawn

``c_m`` normalises the weights. One decision in a hundred that drew a model stands for a hundred: the noise of the
scores is that much larger, so clusters and leaves are drawn to the overall mean as by ``SHRINK`` *effective* decisions
of the model that was drawn least.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from routing.off_policy import CLIP, Logged, effective_size
from routing.quality_features import Features
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, train
from routing.rescore_table import Floats

STRENGTH: Final = 10.0
"""Decisions that the mean above counts as in a type mean."""
SHRINK: Final = 5.0
_CLUSTERS: Final = 24
_ROWS_PER_CLUSTER: Final = 40
_TREES: Final = 100
_LEAST_LEAF: Final = 30


def type_means(known: Logged, kinds: Sequence[str], clip: float = CLIP) -> Floats:
    """Return what ``known`` says of every model for each of ``kinds``, shape (kinds, models)."""
    weight = np.minimum(1 / known.drawn, clip)
    overall = float((weight * known.rewards).sum() / weight.sum()) if len(known) else 0.0
    names = np.array(known.kinds)
    by_model = np.full(len(known.models), overall)
    for model in range(len(known.models)):
        by_model[model] = _drawn_to(overall, known, weight, known.chosen == model)
    cells = {
        kind: [
            _drawn_to(float(by_model[model]), known, weight, (names == kind) & (known.chosen == model))
            for model in range(len(known.models))
        ]
        for kind in sorted(set(kinds))
    }
    return np.array([cells[kind] for kind in kinds], dtype=np.float64).reshape(len(kinds), len(known.models))


def _drawn_to(above: float, known: Logged, weight: Floats, mask: Any) -> float:
    part = weight[mask]
    if not len(part):
        return above
    seen = float((part * known.rewards[mask]).sum() / part.sum())
    count = effective_size(part)
    return (STRENGTH * above + count * seen) / (STRENGTH + count)


def filled_in(known: Logged, clip: float = CLIP) -> Floats:
    """Return doubly robust scores of all models, shape (decisions, models)."""
    scores = type_means(known, known.kinds, clip)
    weight = np.minimum(1 / known.drawn, clip)
    possible = (known.propensities > 0).sum(axis=0)
    total = np.bincount(known.chosen, weight, len(known.models))
    scale = np.where(total > 0, possible / np.maximum(total, 1.0), 0.0)
    rows, chosen = known.rows, known.chosen
    scores[rows, chosen] += weight * scale[chosen] * (known.rewards - scores[rows, chosen])
    return scores


def sizes(known: Logged, clip: float = CLIP) -> Floats:
    """Return the effective number of decisions behind each model."""
    weight = np.minimum(1 / known.drawn, clip)
    found = [effective_size(weight[known.chosen == model]) for model in range(len(known.models))]
    return np.array(found, dtype=np.float64)


def settings_for(known: Logged) -> TrainingSettings:
    """Return what shapes a model of so many decisions."""
    shrink = round(SHRINK * len(known) / max(1.0, float(sizes(known).min())), 6)
    return TrainingSettings(
        clusters=max(2, min(_CLUSTERS, len(known) // _ROWS_PER_CLUSTER)),
        shrink=shrink,
        trees=_TREES,
        leaf_shrink=shrink,
        min_leaf=_LEAST_LEAF,
    )


def learn(known: Logged, features: Sequence[Features], facts: Mapping[str, Any] | None = None) -> QualityModel:
    """Return the model learned from ``known``; ``features`` are those of its texts."""
    return train(features, filled_in(known), known.models, settings_for(known), facts, known.kinds)
