"""How good the answer to a decision was, from all that people and checks showed of it (SPEC R16, A5).

::

    reward = sum(weight * value) / sum(weight)        over the signals below; no signal, no reward

    rated           the rating, 0..1
    tool success    the value: 1 where the tools did what was wanted, 0 where they failed
    edited          1 - share of the answer that was changed
    regenerated     0
    abandoned       0
    overridden      0: a person named another model in the place of this one, for this request
    escalated       0: the answer failed a check, and a better model followed

Weights are those by which the policy reads the same signals for preferences (``SignalWeights``: judgements, not
measurements); a failed check weighs 1. Silence is not evidence: an answer that nobody said anything about has no
reward, or whatever the router chose would come to look good. Where people rate seldom and complain often, rewards are
low for all models alike: only differences between models are ever read.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from schemas.control_preferences import SignalWeights
from schemas.outcome import OutcomeInferred

DECIMALS: Final = 9
_CHECKED: Final = 1.0
Told = Literal["rated", "tool_success", "edited", "regenerated", "abandoned", "overridden", "escalated"]


class Signal(NamedTuple):
    """One thing that was seen of an answer, and the value 0..1 that it says."""

    told: Told
    value: float


def inferred(event: OutcomeInferred) -> Signal | None:
    """Return what an inferred outcome says of its answer; None for those that speak of the whole conversation."""
    if event.signal == "conversation_length":
        return None
    if event.signal == "tool_success":
        return Signal("tool_success", min(1.0, event.value))
    if event.signal == "edited":
        return Signal("edited", 1.0 - min(1.0, event.value))
    return Signal(event.signal, 0.0)


def reward(signals: Iterable[Signal], weights: SignalWeights) -> float | None:
    """Return the reward of a decision, 0..1 at nine decimals, or None where no signal of any weight was seen."""
    of_signal: dict[Told, float] = {
        "rated": weights.rating,
        "tool_success": weights.tool_success,
        "edited": weights.edited,
        "regenerated": weights.regenerated,
        "abandoned": weights.abandoned,
        "overridden": weights.override,
        "escalated": _CHECKED,
    }
    amount = total = 0.0
    for signal in sorted(signals):
        weight = of_signal[signal.told]
        amount += weight
        total += weight * signal.value
    return round(total / amount, DECIMALS) if amount > 0 else None
