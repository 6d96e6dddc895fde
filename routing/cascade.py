"""Cascades (SPEC R13): a cheap model starts where it is likely to do, a better one follows if its answer is not good.

FrugalGPT (arXiv 2305.05176) asks a model whether an answer is good; here the answer is checked by rules that cost
nothing (``routing.answer_check``), so that the same log gives the same decisions.
"""

from collections.abc import Sequence

from routing.candidates import Scored
from routing.situation import Situation


def cascade_start(s: Situation, ranked: Sequence[Scored]) -> Scored | None:
    """Return the model that starts a cascade, or None: the best answers at once.

    It is the cheapest of which enough good answers are predicted, if it costs at most a share of the best model and the
    best is better. Streams, requests without a call and later decisions of a request never start one.
    """
    cascade = s.policy.settings.cascade
    if (
        cascade is None
        or not ranked
        or s.facts.stream
        or not s.facts.execute
        or s.view.excluded
        or s.task.complexity not in cascade.complexity
        or (cascade.task_types and s.task.type not in cascade.task_types)
    ):
        return None
    best = ranked[0]
    most = best.cost * cascade.cost_share
    able = [item for item in ranked if item.quality >= cascade.start_quality and item.cost <= most]
    start = min(able, key=lambda item: (item.cost, item.rank, item.model), default=None)
    if start is None or start.quality + cascade.min_gain > best.quality:
        return None
    return start
