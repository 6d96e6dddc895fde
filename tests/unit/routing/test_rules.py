"""Rules of tiers 1 and 2: precedence, effects, what happens when the models of a rule are barred (R4, R5)."""

from itertools import pairwise
from typing import Any

import pytest

from schemas.classification import TaskType
from schemas.control_policy import LAYERS
from schemas.control_tenant import Area, Space
from schemas.decision import OverrideView, View
from schemas.request import SpaceType
from tests.brain import chosen, denied, policy, request, shipped, tenant

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o"]


def rule(name: str, models: list[str], **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "layer": "space",
        "when": {"space_type": ["coding"]},
        "effect": "lock",
        "models": models,
        "because": f"rule {name} says so",
        **fields,
    }


CODING = request("look at it", space_type=SpaceType.CODING)


def test_lock_takes_the_first_model_that_is_not_barred() -> None:
    """A lock is an ordered list; its reason is the reason of the decision (R4)."""
    config = policy(pool=POOL, rules=[rule("a", ["claude-opus-4.5", "gpt-4o"])])
    choice = chosen(config, CODING)
    assert (choice.model, choice.tier) == ("claude-opus-4.5", 1)
    assert choice.reason == "rule a says so; the router names Claude Opus 4.5 for that"
    assert [plan.model for plan in choice.chain[:2]] == ["claude-opus-4.5", "gpt-4o"]
    second = chosen(policy({"avoid_models": ["opus"]}, pool=POOL, rules=[rule("a", ["opus", "gpt-4o"])]), CODING)
    assert second.model == "gpt-4o"
    assert "rule_fallback" in second.reason_codes
    assert "GPT-4o steps in" in second.reason


def test_restrict_takes_the_best_of_its_models() -> None:
    """A restriction leaves the score to decide among its models (R4)."""
    config = policy(pool=POOL, rules=[rule("a", ["gpt-4o", "claude-haiku-4.5", "gpt-4.1"], effect="restrict")])
    choice = chosen(config, CODING)
    listed = [item for item in choice.candidates if item.model in {"gpt-4o", "claude-haiku-4.5", "gpt-4.1"}]
    assert choice.model == max(listed, key=lambda item: item.score).model
    assert "rule_restrict" in choice.reason_codes


def test_boost_adds_to_the_score() -> None:
    """A boost moves the score of its models by its value, other models stay (R4, R9)."""
    plain = {item.model: item for item in chosen(policy(pool=POOL), CODING).candidates}
    boosted = {
        item.model: item
        for item in chosen(
            policy(pool=POOL, rules=[rule("a", ["gpt-4o"], effect="boost", boost=0.1)]), CODING
        ).candidates
    }
    assert boosted["gpt-4o"].score == pytest.approx(plain["gpt-4o"].score + 0.1, abs=2e-9)
    assert all(boosted[model].score == plain[model].score for model in plain if model != "gpt-4o")


@pytest.mark.parametrize(("above", "below"), list(pairwise(LAYERS)))
def test_more_specific_layer_wins(above: str, below: str) -> None:
    """Of two rules that hold, that of the more specific layer decides, wherever it is written (R4)."""
    low = rule("low", ["gpt-4o"], layer=below)
    high = rule("high", ["claude-opus-4.5"], layer=above)
    assert chosen(policy(pool=POOL, rules=[low, high]), CODING).model == "claude-opus-4.5"


def test_precedence_is_configurable() -> None:
    """A policy may order the layers otherwise (conflicts table)."""
    rules = [rule("space", ["gpt-4o"]), rule("signal", ["claude-opus-4.5"], layer="signal")]
    order = ["signal", *(layer for layer in LAYERS if layer != "signal")]
    assert chosen(policy(pool=POOL, rules=rules, precedence=order), CODING).model == "claude-opus-4.5"


def test_all_conditions_of_a_rule_must_hold() -> None:
    """A rule holds when each of its conditions does (R4)."""
    when = {"space_type": ["coding", "writing"], "planning": True, "min_tokens": 3}
    config = policy(pool=POOL, rules=[rule("a", ["gpt-4o"], when=when)])
    assert chosen(config, request("look at it", space_type=SpaceType.CODING, planning=True)).model == "gpt-4o"
    assert "rule_lock" not in chosen(config, CODING).reason_codes


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        ({"planning": True}, {"planning": True}),
        ({"assist": True}, {"assist": True}),
        ({"sensitive": True}, {"sensitive": True}),
        ({"space": ["s1"]}, {"space": "s1"}),
        ({"area": ["a1"]}, {"area": "a1"}),
        ({"team": ["red"]}, {"team": "red"}),
        ({"plan": ["gold"]}, {"plan": "gold"}),
        ({"use_case": ["u1"]}, {"use_case": "u1"}),
        ({"automation": ["automated"]}, {"automation": "automated"}),
        ({"latency_class": ["background"]}, {"latency_class": "background"}),
        ({"tools": True}, {"tools": ("t1",)}),
        ({"task_type": ["debugging"]}, {"prompt": "debug the crash"}),
        ({"complexity": ["simple"]}, {"prompt": "hello"}),
        ({"language": ["ja"]}, {"prompt": "駅までの行き方を教えて"}),
        ({"intent": ["fix"]}, {"prompt": "fix it"}),
        ({"code_blocks": True}, {"prompt": "```\nx\n```"}),
        ({"long_conversation": True}, {"conversation_turns": 30}),
        ({"area_task_type": ["code-review"]}, {"area": "a", "area_task_type": "code_review"}),
    ],
)
def test_each_condition_is_read(when: dict[str, Any], fields: dict[str, Any]) -> None:
    """Every condition looks at the field of its name (R4, R5)."""
    config = policy(pool=POOL, rules=[rule("a", ["gpt-4o"], when=when)])
    assert chosen(config, request(**{"prompt": "look at it", **fields})).reason.startswith("rule a says so")
    assert (
        "rule_lock"
        not in chosen(
            config, request("I wonder whether my neighbour would like the other one more than this")
        ).reason_codes
    )


def test_rule_whose_models_are_all_barred_lets_the_score_decide_or_denies() -> None:
    """``otherwise`` says whether a rule without models left is passed over or refuses (R4)."""
    barred = {"avoid_models": ["gpt-4o"]}
    soft = chosen(policy(barred, pool=POOL, rules=[rule("a", ["gpt-4o"])]), CODING)
    assert "rule_unavailable" in soft.reason_codes
    hard = denied(policy(barred, pool=POOL, rules=[rule("a", ["gpt-4o"], otherwise="deny")]), CODING)
    assert hard.code == "no_candidate"


def test_area_lock_forces_its_model() -> None:
    """A locked area uses its model and no other, also as fallback (R4, U5)."""
    config = tenant(spaces={"s": Space(type=SpaceType.CODING, areas={"a": Area(lock="haiku")})})
    choice = chosen(config, request("Design a scalable architecture", space="s", area="a"))
    assert (choice.model, choice.tier, choice.badge) == (
        "claude-haiku-4.5", 1, "Claude Haiku 4.5 (locked for this area)",
    )  # fmt: skip
    assert [plan.model for plan in choice.chain] == ["claude-haiku-4.5"]


@pytest.mark.parametrize(
    "how",
    [
        {"event": request("x", space="s", area="a", model="gpt-4o")},
        {"view": View(override=OverrideView(scope="always", model="gpt-4o", override_id="o1"))},
    ],
)
def test_area_lock_refuses_other_models(how: dict[str, Any]) -> None:
    """In a locked area another model by request or override is refused, with the lock named (R4, U1)."""
    config = tenant(spaces={"s": Space(areas={"a": Area(lock="haiku")})})
    denial = denied(config, how.get("event", request("x", space="s", area="a")), how.get("view"))
    assert denial.code == "area_lock"
    assert denial.vetoes[0].detail == "locked to claude-haiku-4.5"


def test_area_lock_on_a_barred_model_is_a_denial() -> None:
    """A locked area whose model is barred refuses rather than silently using another (R4)."""
    config = tenant(avoid_models=["haiku"], spaces={"s": Space(areas={"a": Area(lock="haiku")})})
    assert denied(config, request("x", space="s", area="a")).code == "area_lock"


def test_area_and_space_are_inherited_from_the_tenant_document() -> None:
    """A request that names its space gets the type the tenant gave it; areas add their own (R4, U5)."""
    config = tenant("s2", spaces={"words": Space(type=SpaceType.WRITING)})
    assert chosen(config, request("look at it", space="words")).model == "claude-opus-4.5"
    typed = tenant(spaces={"s": Space(areas={"a": Area(task_type=TaskType.MATH, prefer=("o3",))})})
    choice = chosen(typed, request("look at it", space="s", area="a"))
    assert choice.task_type == "math"
    boosted = next(item for item in choice.candidates if item.model == "o3")
    assert boosted.boost > 0.05


def test_sensitive_data_goes_to_approved_models_only() -> None:
    """A request flagged sensitive sees only models approved for it, fallbacks included (R4, U4)."""
    choice = chosen(shipped(), request("Design an architecture", tenant="vault", sensitive=True))
    allowed = {"claude-sonnet-5.5", "claude-haiku-5.5"}
    assert {plan.model for plan in choice.chain} <= allowed
    assert {item.model for item in choice.candidates} <= allowed
    assert "sensitive" in choice.reason_codes
    assert {veto.source for veto in choice.vetoes if veto.rule == "not_approved_sensitive"} == {"tenant/vault@1"}


def test_sensitive_data_stands_above_overrides() -> None:
    """An override cannot send sensitive data to a model that is not approved (U1, U4)."""
    view = View(override=OverrideView(scope="request", model="gpt-4.1", override_id="o1"))
    denial = denied(shipped(), request("x", tenant="vault", sensitive=True), view)
    assert "not approved for sensitive data" in denial.reason


def test_rule_may_take_the_cheapest_of_a_pool() -> None:
    """A rule over ``pool:floor`` takes the cheapest member that reaches its quality (R3, R11)."""
    config = policy(pool=POOL, rules=[rule("a", ["*:floor"], min_quality=75)])
    choice = chosen(config, CODING)
    found = config.tenant("t")
    assert found is not None
    good = [item for item in choice.candidates if found.models[item.model].quality >= 75]
    assert choice.model == min(good, key=lambda item: item.estimated_cost).model
    assert "cheapest" in choice.reason_codes
