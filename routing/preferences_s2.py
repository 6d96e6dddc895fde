"""Seed S2's formulas for tier 4, to the letter where it gives one (SPEC R7; method ``s2`` of a policy).

::

    override frequency = overrides to the model / choices (overrides, and answers that nobody had forced)
    frequency > 0.3                      -> + 0.2
    average conversation length > 10     -> + 0.1       (either may be configured, negative too)
    score = clamp(0.5 + clamp(boosts, -cap, cap) + opinions, 0, 1)

S2 names ratings and regenerations as signals and gives no formula: here a mean rating moves the score by up to
``rating_weight`` to either side, and the share of answers asked for again takes up to ``regenerated_weight``; both are
drawn to nothing by ``prior`` observations while there are few. Edits, abandoned answers and tool success are no signals
of S2: their weights are 0 unless configured. Nothing fades; the rows keep 26 weeks. Organisation defaults: where a
user's score of a model is neutral, the space's counts speak, and failing that the organisation's.
"""

from collections.abc import Mapping
from typing import Final

from schemas.control_preferences import S2Constants
from schemas.statistics import Counts

DECIMALS: Final = 9


def s2_score(counts: Counts, choices: float, constants: S2Constants) -> float:
    """Return the score in 0..1 of one model, to nine decimals."""
    boost = 0.0
    if choices > 0 and counts.get("overrides_to", 0.0) / choices > constants.override_threshold:
        boost += constants.override_boost
    conversations = counts.get("conversations", 0.0)
    if conversations > 0 and counts.get("conversation_length_sum", 0.0) / conversations > (
        constants.conversation_threshold
    ):
        boost += constants.conversation_boost
    boost = max(-constants.boost_cap, min(constants.boost_cap, boost))
    return round(max(0.0, min(1.0, 0.5 + boost + _opinions(counts, constants))), DECIMALS)


def _opinions(counts: Counts, constants: S2Constants) -> float:
    """Return what ratings and inferred signals add: each a mean in -1..1, drawn to 0 by the prior, times its weight."""
    prior = constants.prior
    ratings, tools, edited = counts.get("ratings", 0.0), counts.get("tool_success", 0.0), counts.get("edited", 0.0)
    regenerated, abandoned = counts.get("regenerated", 0.0), counts.get("abandoned", 0.0)
    answers = counts.get("kept", 0.0)
    return (
        constants.rating_weight * (2 * counts.get("rating_sum", 0.0) - ratings) / (ratings + prior)
        - constants.regenerated_weight * regenerated / (max(answers, regenerated) + prior)
        - constants.edited_weight * counts.get("edited_sum", 0.0) / (max(answers, edited) + prior)
        - constants.abandoned_weight * abandoned / (max(answers, abandoned) + prior)
        + constants.tool_success_weight * (2 * counts.get("tool_success_sum", 0.0) - tools) / (tools + prior)
    )


def s2_levels(counts: Mapping[str, Counts], choices: float, constants: S2Constants) -> dict[str, float]:
    """Return the scores of all models of one row."""
    return {model: s2_score(one, choices, constants) for model, one in counts.items()}
