"""Target shares: counted by the desk, steered by boosts, a wish and never a reason against a veto (R12)."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.shares import ShareControl, count_choice, shares_of
from schemas.control import DOCUMENT
from schemas.control_steering import Shares
from schemas.decision import View
from tests.brain import chosen, policy, request, shipped
from tests.desk_world import DeskWorld
from tests.documents import tenant

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-haiku-4.5", "gpt-4o"]
TARGETS = {"gpt-4.1": 0.4, "gpt-4.1-mini": 0.3, "claude-haiku-4.5": 0.2, "gpt-4o": 0.1}


def control(**fields: Any) -> ShareControl:
    found = shipped().tenant("atelier")
    assert found is not None
    return ShareControl(Shares(control=1.0, **fields), found.names)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=300), st.integers(10, 500))
def test_shares_sum_to_one(models: list[str], window: int) -> None:
    """Counted shares sum to 1, and the latest choices weigh most (R12)."""
    weights: dict[str, float] = {}
    for model in models:
        weights = count_choice(weights, model, window)
    shares = shares_of(weights)
    assert sum(shares.values()) == pytest.approx(1, abs=1e-6)
    assert sum(weights.values()) <= window + 1e-6


def test_targets_are_scaled_and_within_tolerance_nothing_is_steered() -> None:
    """Targets of any sum are taken in proportion; a share within the tolerance gets no boost (R12)."""
    steer = control(targets={"gpt-4.1": 0.25, "gpt-4o": 0.25}, tolerance=0.05)
    assert steer.boosts({"gpt-4.1": 0.52, "gpt-4o": 0.48}) == {}
    assert steer.boosts({"gpt-4.1": 0.9, "gpt-4o": 0.1}) == {"gpt-4.1": -0.4, "gpt-4o": 0.4}


def test_an_upper_limit_pushes_down_only() -> None:
    """A model at its upper limit is pushed down; below it nothing favours it (R12)."""
    steer = control(upper_limits={"o3": 0.05})
    assert steer.boosts({"o3": 0.06, "gpt-4o": 0.94}) == {"o3": -1.0}
    assert steer.boosts({"o3": 0.01, "gpt-4o": 0.99}) == {}


def test_a_boosted_share_is_explained() -> None:
    """A choice that the target shares favour carries their code (R12, R17)."""
    config = policy(pool=POOL, shares={"targets": {"gpt-4o": 1.0}, "control": 5})
    plain = chosen(policy(pool=POOL), request("hello"))
    choice = chosen(config, request("hello"), View(shares={plain.model: 1.0}))
    assert choice.model == "gpt-4o" != plain.model
    assert "target_share" in choice.reason_codes


def test_the_desk_reaches_the_targets() -> None:
    """Over three hundred alike requests every model's share comes within the tolerance of its target (R12)."""
    document = {
        "kind": "policy",
        "name": "shared",
        "pool": POOL,
        "shares": {"targets": TARGETS, "control": 5, "tolerance": 0.02, "window": 100},
    }
    world = DeskWorld("acme", *_own(document), restore_each_batch=True)
    for index in range(300):
        world.ask(f"r{index}", execute=False)
        world.run()
    latest = [decision["model"] for decision in world.decisions()[-200:]]
    for model, target in TARGETS.items():
        assert latest.count(model) / len(latest) == pytest.approx(target, abs=0.05)
    assert any(key == "shares/acme" for key in world.state)
    assert sum(orjson.loads(world.state["shares/acme"]).values()) > 90


def _own(document: dict[str, Any]) -> list[Any]:
    return [DOCUMENT.validate_python(document), tenant("acme", policy=document["name"])]


def test_shares_are_counted_only_where_they_steer() -> None:
    """A router without share control keeps no counts (R12)."""
    world = DeskWorld("acme", tenant("acme"))
    world.ask("r1", execute=False)
    world.run()
    assert not any(key.startswith("shares/") for key in world.state)
