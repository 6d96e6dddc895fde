"""A tenant's own dimensions: an extra term of the score or a veto, recorded and cited (R9)."""

from typing import Any

import pytest
from pydantic import ValidationError

from routing.catalog import CompiledConfig
from schemas.control_tenant import TenantDocument
from schemas.decision import View
from tests.brain import chosen, denied, policy, request

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o"]
EVERY = ("active", "preview", "deprecated", "retired")
ASK = request("Summarize this text.")


def config(**dimensions: Any) -> CompiledConfig:
    return policy({"dimensions": dimensions}, pool=POOL, logged_candidates=50)


def test_a_weighted_dimension_is_a_term_of_the_score() -> None:
    """The five terms keep their proportions within what is left; the value is recorded, the weights are stated."""
    plain = {item.model: item for item in chosen(policy(pool=POOL, logged_candidates=50), ASK).candidates}
    choice = chosen(config(residency={"values": {"anthropic": 1, "gpt-4o": 0.5}, "weight": 0.4}), ASK)
    for item in choice.candidates:
        value = 1.0 if item.model.startswith("claude") else 0.5 if item.model == "gpt-4o" else 0.0
        assert item.extra == {"residency": value}
        before = plain[item.model]
        expected = 0.6 * (before.score - before.boost) + 0.4 * value + before.boost
        assert item.score == pytest.approx(min(1, expected), abs=1e-8)
    assert choice.weights is not None
    assert choice.weights["residency"] == 0.4
    assert sum(choice.weights.values()) == pytest.approx(1)
    assert choice.model.startswith("claude")


def test_without_dimensions_nothing_is_recorded() -> None:
    """Tenants without dimensions or profile pay nothing: no extra terms, no weights in the decision."""
    choice = chosen(policy(pool=POOL), ASK)
    assert choice.weights is None
    assert all(item.extra is None for item in choice.candidates)


def test_a_demanded_dimension_bars() -> None:
    """Models below `veto_below` are barred with the tenant's document and the value; named ones are refused."""
    made = config(residency={"values": {"anthropic": 1}, "veto_below": 0.5})
    choice = chosen(made, ASK)
    assert all(plan.provider == "anthropic" for plan in choice.chain)
    barred = {item.model: item for item in choice.vetoes}["gpt-4o"]
    assert (barred.rule, barred.source, barred.detail) == ("dimension", "tenant/t@1", "residency 0 is below 0.5")
    assert choice.weights is None
    refused = denied(made, request("x", model="gpt-4o"))
    assert "falls short in a dimension that the tenant demands" in refused.reason


def test_the_more_specific_value_counts() -> None:
    """A model's own value goes before a pool's, a pool's before its provider's, that before the rest."""
    values = {"openai": 0.2, "openai/gpt-4.1*": 0.5, "gpt-4.1-mini": 0.9}
    choice = chosen(config(home={"values": values, "otherwise": 0.05, "weight": 0.2}), ASK)
    found = {item.model: item.extra["home"] for item in choice.candidates if item.extra is not None}
    assert (found["gpt-4.1-mini"], found["gpt-4.1"], found["gpt-4o"], found["claude-sonnet-4"]) == (0.9, 0.5, 0.2, 0.05)


def test_only_endpoints_that_pass_are_used() -> None:
    """A model that several providers serve is called where the dimension allows it, first by the tenant's order."""
    everything = policy(pool=["*"])
    found = everything.tenant("t")
    assert found is not None
    model, first, second = next(
        (entry.id, entry.served_by[0].provider, entry.served_by[1].provider)
        for entry in found.models.values()
        if len({served.provider for served in entry.served_by}) > 1 and "text" in entry.modalities
    )
    made = policy(
        {"dimensions": {"home": {"values": {second: 1}, "veto_below": 1}}},
        pool=[model],
        lifecycle=EVERY,
    )
    assert first != second
    assert chosen(made, ASK).chain[0].provider == second


def test_the_endpoint_that_serves_decides_the_value() -> None:
    """When the first endpoint's breaker is open, the value is that of the one that steps in."""
    found = policy(pool=["*"]).tenant("t")
    assert found is not None
    entry = next(
        entry
        for entry in found.models.values()
        if len({served.provider for served in entry.served_by}) > 1 and "text" in entry.modalities
    )
    first, second = entry.served_by[0].provider, entry.served_by[1].provider
    made = policy(
        {"dimensions": {"home": {"values": {first: 1, second: 0.3}, "weight": 0.5}}},
        pool=[entry.id],
        lifecycle=EVERY,
    )
    assert chosen(made, ASK).candidates[0].extra == {"home": 1.0}
    assert chosen(made, ASK, View(health={first: "open"})).candidates[0].extra == {"home": 0.3}


@pytest.mark.parametrize(
    "dimensions",
    [
        {"home": {"values": {"opus": 1}}},
        {"home": {"values": {}, "weight": 0.1}},
        {"home": {"values": {"opus": 2}, "weight": 0.1}},
        {"cost": {"values": {"opus": 1}, "weight": 0.1}},
        {"a": {"values": {"opus": 1}, "weight": 0.5}, "b": {"values": {"opus": 1}, "weight": 0.45}},
    ],
)
def test_a_dimension_is_well_formed(dimensions: dict[str, Any]) -> None:
    """A dimension has an effect, values in 0..1, a name of its own, and leaves room for the router's terms."""
    with pytest.raises(ValidationError):
        TenantDocument.model_validate({"name": "t", "dimensions": dimensions})
