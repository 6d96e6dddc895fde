"""History under another router: what changes, and what the log can say of it."""

from collections.abc import Mapping

import pytest

from pointsman.rescoring import NoRouterError, rescored, under
from routing.catalog import CompiledConfig
from routing.past_decisions import PastDecision
from schemas.control_policy import PolicyDocument
from tests.past_world import APART, EXPLORING, SURE, TENANT, config, events, folded

CHEAP = PolicyDocument.model_validate(
    {
        "name": "only-mini",
        "pool": ["gpt-5-mini"],
        "weights": {"capability": 0, "cost": 1, "quality": 0, "latency": 0, "history": 0},
    }
)
ELSEWHERE = PolicyDocument.model_validate({"name": "elsewhere", "pool": ["o3"]})


def _world(exploration: Mapping[str, float]) -> tuple[CompiledConfig, list[PastDecision]]:
    base = config(exploration)
    compiled = base.replaced(CHEAP).replaced(ELSEWHERE)
    return compiled, folded(events(base, APART, 600)).decisions()


def test_the_worth_of_another_router_is_estimated_from_what_was_explored() -> None:
    """A router that takes one model always is worth what is planted of it, and the change of cost is told (A5)."""
    compiled, history = _world(EXPLORING)
    found = rescored(history, under(compiled, TENANT, "only-mini"))
    kept = sum(past.decision.model == "gpt-5-mini" for past in history)
    assert (found.decisions, found.changed, found.refused) == (600, 600 - kept, 0)
    assert sum(count for _, _, count in found.moves) == found.changed
    assert found.cost_after < found.cost_before
    assert found.worth.refusal is None
    assert found.worth.covered == 1.0
    assert found.worth.reward is not None
    assert found.worth.reward.low < 0.3 < found.worth.reward.high
    assert found.worth.gain is not None
    assert found.worth.gain.high < 0


def test_the_same_router_changes_what_was_explored_alone() -> None:
    """Without exploring, the router that decided keeps every decision that it had not drawn (A5)."""
    compiled, history = _world(SURE)
    found = rescored(history, under(compiled, TENANT, "exploring"))
    assert (found.changed, found.cost_before) == (0, found.cost_after)
    assert found.worth.gain is not None
    assert found.worth.gain.value == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("exploration", "router"), [(SURE, "only-mini"), (EXPLORING, "elsewhere")])
def test_it_refuses_what_the_log_cannot_speak_for(exploration: Mapping[str, float], router: str) -> None:
    """Models that were never drawn, or never could be, have no estimate; changes and cost are told all the same."""
    compiled, history = _world(exploration)
    found = rescored(history, under(compiled, TENANT, router))
    assert found.changed == 600
    assert found.worth.refusal is not None
    assert "could not have drawn" in found.worth.refusal
    assert found.worth.reward is None


def test_a_router_that_is_not_there_is_said_so() -> None:
    """An unknown router or tenant is an error that names it (A5)."""
    compiled = config(SURE)
    with pytest.raises(NoRouterError, match="no router nothing"):
        under(compiled, TENANT, "nothing")
    with pytest.raises(NoRouterError, match="no tenant nobody"):
        under(compiled, "nobody", "exploring")
