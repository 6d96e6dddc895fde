"""Weights of the score, learned from preferences whose true weights are planted."""

from collections.abc import Mapping

import numpy as np
import pytest

from analytics.evaluation.weights import judge_weights
from routing.past_decisions import PastDecision
from routing.score import TERMS
from routing.weights_training import Pairs, fit, pairs_of
from schemas.control_preferences import SignalWeights
from schemas.override import OverrideRequested
from tests.brain import NOW
from tests.past_world import APART, EXPLORING, TENANT, config, events, folded

CURRENT = dict(zip(TERMS, (0.35, 0.2, 0.2, 0.15, 0.1), strict=True))
HASTY = dict(zip(TERMS, (0.1, 0.1, 0.1, 0.6, 0.1), strict=True))


def _pairs(true: Mapping[str, float], count: int, seed: int = 0) -> Pairs:
    """Return pairs that people with these weights would make, a tenth of them by mistake."""
    generator = np.random.default_rng(seed)
    apart = generator.uniform(-0.5, 0.5, (count, 5))
    sign = np.where(apart @ np.array([true[term] for term in TERMS]) > 0, 1.0, -1.0)
    sign *= np.where(generator.random(count) < 0.1, -1.0, 1.0)
    return Pairs(apart * sign[:, None], np.zeros(count), np.arange(count, dtype=np.int64), sign > 0)


def test_planted_weights_are_found() -> None:
    """People who value speed move the weights to it, and later preferences agree more (R16)."""
    judged = judge_weights(_pairs(HASTY, 800), CURRENT)
    assert judged.verdict == "better"
    assert judged.weights["latency"] == pytest.approx(HASTY["latency"], abs=0.15)
    assert max(judged.weights, key=lambda term: judged.weights[term]) == "latency"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_people_who_agree_with_the_weights_change_nothing(seed: int) -> None:
    """Where preferences follow the weights in force no gain is claimed (R16)."""
    assert judge_weights(_pairs(CURRENT, 400, seed), CURRENT).verdict == "cannot tell"


def test_few_preferences_are_too_few() -> None:
    """Below fifty preferences nothing is judged, and the answer says how many are missing (R16)."""
    judged = judge_weights(_pairs(HASTY, 30), CURRENT)
    assert (judged.verdict, judged.more, judged.weights) == ("too few", 20, CURRENT)


@pytest.mark.parametrize("count", [1, 10, 300])
def test_weights_are_weights(count: int) -> None:
    """They are at least 0 and sum to 1; few pairs hardly move them; the same pairs give the same ones (R16)."""
    found = fit(_pairs(HASTY, count), CURRENT)
    assert min(found.values()) >= 0
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    assert found == fit(_pairs(HASTY, count), CURRENT)
    assert count > 1 or max(abs(found[term] - CURRENT[term]) for term in TERMS) < 0.1


def _history() -> list[PastDecision]:
    fold = folded(events(config(EXPLORING), APART, 40))
    past = fold.decisions()[0]
    other = next(item.model for item in past.decision.candidates if item.model != past.decision.model)
    override = OverrideRequested(
        id="v", occurred_at=NOW, tenant=TENANT, scope="request", request_id=past.decision.request_id, model=other
    )
    fold.add(override, 0)
    return fold.decisions()


def test_pairs_are_what_people_said() -> None:
    """An override prefers the model it names; a liked answer its model; one that nobody liked says nothing (R16)."""
    history, weights = _history(), SignalWeights()
    pairs = pairs_of(history, weights)
    liked = sum((past.reward(weights) or 0) >= 0.75 for past in history[1:])
    assert (len(pairs), int(pairs.overridden.sum())) == (1 + liked, 1)
    first = {item.model: item for item in history[0].decision.candidates}
    preferred, chosen = first[history[0].overridden_to or ""], first[history[0].decision.model]
    assert pairs.apart[0].tolist() == [getattr(preferred, term) - getattr(chosen, term) for term in TERMS]
