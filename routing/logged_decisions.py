"""Rewarded decisions of the past as columns, and what is believed of every model now (SPEC R16, A5)."""

from collections.abc import Sequence

import numpy as np

from routing.models import ModelEntry
from routing.off_policy import Logged
from routing.past_decisions import PastDecision
from routing.rescore_table import Floats
from routing.signals import question_of
from routing.tenant_policy import TenantPolicy

_UNKNOWN = 0.5


def logged_of(rewarded: Sequence[tuple[PastDecision, float]]) -> Logged:
    """Return decisions (oldest first) and rewards as columns; the models are all that could have been drawn."""
    pasts = [past for past, _ in rewarded]
    drawable = [
        {item.model: item.propensity for item in past.decision.candidates if item.propensity > 0} for past in pasts
    ]
    models = tuple(sorted({model for each in drawable for model in each} | {past.decision.model for past in pasts}))
    place = {model: at for at, model in enumerate(models)}
    propensities: Floats = np.zeros((len(pasts), len(models)))
    for row, (past, each) in enumerate(zip(pasts, drawable, strict=True)):
        for model, share in each.items():
            propensities[row, place[model]] = share
        if past.decision.model not in each:
            # A person's limits or an event of an early version: certain, as far as the log tells.
            propensities[row] = 0.0
            propensities[row, place[past.decision.model]] = 1.0
    units: dict[str, int] = {}
    return Logged(
        models,
        np.array([place[past.decision.model] for past in pasts], dtype=np.int64),
        np.array([worth for _, worth in rewarded], dtype=np.float64),
        propensities,
        np.array([units.setdefault(past.unit, len(units)) for past in pasts], dtype=np.int64),
        tuple(past.decision.task_type for past in pasts),
        tuple(question_of(past.request) for past in pasts),
    )


def believed(logged: Logged, policy: TenantPolicy) -> Floats:
    """Return the share of good answers that ``policy`` expects without ratings, shape (decisions, models).

    By the predictor that the router names, else by the catalog's ability for the type of task.
    """
    by_kind = {kind: [_ability(policy.models.get(model), kind) for model in logged.models] for kind in logged.kinds}
    found: Floats = np.array([by_kind[kind] for kind in logged.kinds], dtype=np.float64)
    if policy.predictor is None:
        return found.reshape(len(logged), len(logged.models))
    for row, text in enumerate(logged.texts):
        said = policy.predictor.predictions(text)
        found[row] = [said.get(model, prior) for model, prior in zip(logged.models, found[row].tolist(), strict=True)]
    return found


def _ability(entry: ModelEntry | None, kind: str) -> float:
    return _UNKNOWN if entry is None else entry.match.get(kind, entry.quality) / 100
