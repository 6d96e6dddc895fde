"""Rewards of decisions from what was seen of their answers."""

import pytest

from routing.reward import Signal, inferred, reward
from schemas.control_preferences import SignalWeights
from schemas.outcome import OutcomeInferred
from tests.brain import NOW

WEIGHTS = SignalWeights()


def _inferred(signal: str, value: float) -> OutcomeInferred:
    fields = {"id": "o", "occurred_at": NOW, "tenant": "t", "request_id": "r", "model": "m"}
    return OutcomeInferred.model_validate({**fields, "signal": signal, "value": value})


def test_silence_is_no_reward() -> None:
    """An answer that nobody said anything about has no reward, nor one whose only signal weighs nothing (R16)."""
    assert reward([], WEIGHTS) is None
    assert reward([Signal("edited", 0.5)], SignalWeights(edited=0)) is None


def test_a_reward_is_the_weighted_mean_of_what_was_seen() -> None:
    """A rating of 1 and a regeneration at half its weight make two thirds; the order does not matter (R16)."""
    signals = [Signal("rated", 1.0), Signal("regenerated", 0.0)]
    assert reward(signals, WEIGHTS) == reward(signals[::-1], WEIGHTS) == pytest.approx(2 / 3, abs=1e-9)
    assert reward([Signal("rated", 1.0), Signal("escalated", 0.0)], WEIGHTS) == 0.5
    assert reward([Signal("overridden", 0.0)], WEIGHTS) == 0.0


def test_inferred_outcomes_speak_of_the_answer_or_not_at_all() -> None:
    """Edits say what was left as it was, tools how they did; the length of a conversation says nothing (R16)."""
    assert inferred(_inferred("edited", 0.25)) == Signal("edited", 0.75)
    assert inferred(_inferred("tool_success", 0.5)) == Signal("tool_success", 0.5)
    assert inferred(_inferred("abandoned", 1)) == Signal("abandoned", 0.0)
    assert inferred(_inferred("conversation_length", 30)) is None
