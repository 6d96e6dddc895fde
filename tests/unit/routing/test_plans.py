"""Plans narrow a tenant's models, caps, tiers and exploration, and never widen them (U4)."""

from typing import Any

import pytest
from pydantic import ValidationError

from routing.catalog import CompiledConfig
from routing.desk_batch import GlobalReading
from schemas.control import DOCUMENT
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.decision import PreferenceView, StatisticsView, View
from schemas.money import PICO
from tests.brain import chosen, day, denied, request, with_documents
from tests.desk_world import DeskWorld
from tests.documents import tenant as tenant_document

SMALL = ["claude-haiku-4.5", "gpt-4.1-mini"]


def plan(name: str, **fields: Any) -> PlanDocument:
    return PlanDocument.model_validate({"name": name, **fields})


def config(*plans: PlanDocument, router: dict[str, Any] | None = None, **fields: Any) -> CompiledConfig:
    own = PolicyDocument.model_validate({"name": "own", **(router or {})})
    return with_documents(
        own, DOCUMENT.validate_python({"kind": "tenant", "name": "t", "policy": "own", **fields}), *plans
    )


ASK = request("Summarize this text.")


def test_the_plan_bounds_what_competes() -> None:
    """Only the plan's models compete; the others are barred with the plan as the source (R17)."""
    choice = chosen(config(plan("base", pool=SMALL), plan="base"), ASK)
    assert {item.model for item in choice.candidates} | set(choice.others) == set(SMALL)
    assert {(item.rule, item.source) for item in choice.vetoes if item.rule == "not_in_plan"} == {
        ("not_in_plan", "plan/base@1")
    }


def test_a_model_named_by_a_person_must_be_in_the_plan() -> None:
    """Naming a model does not reach beyond the plan; the refusal says why."""
    refused = denied(config(plan("base", pool=SMALL), plan="base"), request("x", model="opus"))
    assert "the plan does not include it (plan/base@1)" in refused.reason


def test_a_request_may_name_a_narrower_plan_only() -> None:
    """A listed plan narrows further; one that is not listed, or has no document, is a label that changes nothing."""
    plans = (
        plan("base", pool=[*SMALL, "gpt-4o"]),
        plan("mini", pool=["gpt-4.1-mini", "opus"]),
        plan("other", pool=["opus"]),
    )
    made = config(*plans, plan="base", plans=["mini", "absent"])

    def offered(name: str | None) -> set[str]:
        choice = chosen(made, request("Summarize this text.", plan=name))
        return {item.model for item in choice.candidates} | set(choice.others)

    assert offered("mini") == {"gpt-4.1-mini"}
    assert offered(None) == offered("base") == offered("other") == offered("absent") == {*SMALL, "gpt-4o"}


def test_variants_are_compiled_once_and_for_listed_plans_alone() -> None:
    """One variant per (tenant, plan); names that mean no plan share the tenant's own."""
    made = config(plan("mini", pool=SMALL), plans=["mini"])
    assert made.tenant("t", "mini") is made.tenant("t", "mini")
    assert made.tenant("t", "mini") is made.tenant("t#2", "mini")
    assert made.tenant("t", "mini") is not made.tenant("t")
    assert made.tenant("t", "nothing") is made.tenant("t")
    assert made.tenant("nobody", "mini") is None


def test_a_label_without_a_document_limits_nothing() -> None:
    """`plan` without a document stays what it was: a name that rules may read."""
    rule = {"name": "gold", "layer": "job", "when": {"plan": ["gold"]}, "effect": "lock", "models": ["opus"]}
    made = config(router={"rules": [{**rule, "because": "the plan is gold"}]}, plan="gold")
    assert chosen(made, ASK).reason.startswith("the plan is gold; ")


def test_the_smaller_cap_wins() -> None:
    """Caps of tenant and plans bind together; the veto names the document whose cap it is (B1)."""
    made = config(
        plan("base", budget={"daily": 2, "monthly": 900}),
        plan("mini", budget={"daily": 5, "per_request": 0.01}),
        plan="base",
        plans=["mini"],
        budget={"daily": 3, "monthly": 50, "timezone": "Europe/Berlin"},
    )
    base, mini = made.tenant("t"), made.tenant("t", "mini")
    assert base is not None
    assert mini is not None
    assert (base.budget.daily, base.budget.monthly, base.budget.per_request) == (2 * PICO, 50 * PICO, None)
    assert base.caps == base.budget == mini.budget
    assert (mini.caps.daily, mini.caps.per_request) == (2 * PICO, PICO // 100)
    assert mini.caps.timezone == "Europe/Berlin"
    assert mini.cap_sources == {
        "budget_day": "plan/base@1",
        "budget_month": "tenant/t@1",
        "per_request_cap": "plan/mini@1",
    }
    spent = View(windows=(day(2, 1.9999999),))
    assert {item.source for item in denied(made, ASK, spent).vetoes if item.rule == "budget_day"} == {"plan/base@1"}
    capped = View(per_request_cap=PICO // 10**9)
    barred = denied(made, request("x", plan="mini"), capped).vetoes
    assert {item.source for item in barred if item.rule == "per_request_cap"} == {"plan/mini@1"}


def test_chains_and_exploration_shrink() -> None:
    """Chain length and shares of exploration are the router's or the plan's, whichever is smaller."""
    router = {"chain_length": 3, "exploration": {"share": 0.2, "new_models": 0.1}}
    made = config(
        plan("a", chain_length=2, exploration=0.15),
        plan("b", chain_length=5, exploration=0),
        router=router,
        plan="a",
        plans=["b"],
    )
    assert len(chosen(made, ASK).chain) == 2
    base, narrow = made.tenant("t"), made.tenant("t", "b")
    assert base is not None
    assert narrow is not None
    assert (base.exploration.share, base.exploration.new_models) == (0.15, 0.1)
    assert (narrow.exploration.share, narrow.exploration.new_models) == (0, 0)
    assert narrow.chain_length == 2


def test_tiers_left_out() -> None:
    """Without tier 2 rules on signals do not hold, without tier 4 preferences are not read; tier 1 always holds."""
    rules = [
        {"name": "s", "layer": "signal", "when": {"greeting": True}, "effect": "lock", "models": ["gpt-4o"]},
        {"name": "p", "layer": "planning", "when": {"planning": True}, "effect": "lock", "models": ["opus"]},
    ]
    router = {"rules": [{**rule, "because": f"rule {rule['name']}"} for rule in rules]}
    full, bare = config(router=router), config(plan("bare", tiers=[1, 3]), router=router, plan="bare")
    assert chosen(full, request("hello")).rule_source == "policy/own@1"
    assert chosen(bare, request("hello")).rule is None
    assert chosen(bare, request("x", planning=True)).rule_source == "policy/own@1"
    with pytest.raises(ValidationError):
        plan("bad", tiers=[2, 4])


class _Preferring:
    """Globals that know one user's preference."""

    def read(self, *_: object) -> Any:
        scores = {"gpt-4.1-mini": 1.0}
        return GlobalReading(PreferenceView(version=1, scores=scores), {"gpt-4o": StatisticsView(calls=1)})


@pytest.mark.parametrize(("tiers", "read"), [([1, 2, 3, 4], True), ([1, 2, 3], False)])
def test_the_router_reads_no_preferences_that_the_plan_leaves_out(tiers: list[int], read: bool) -> None:
    """Through the desk: the decision's view holds the caps and the preferences that plan and request leave."""
    world = DeskWorld(
        "t",
        tenant_document("t", plans=["mini"], budget={"daily": 3}),
        plan("mini", pool=SMALL, tiers=tiers, budget={"daily": 1, "per_request": 0.5}),
        restore_each_batch=True,
    )
    world.globals.read = _Preferring().read  # type: ignore[method-assign]
    world.ask("r1", user="ann", plan="mini")
    world.ask("r2", user="ann")
    world.run()
    first, second = world.decisions()
    assert ("preference" in first["view"]) is read
    assert first["view"]["per_request_cap"] == "0.500000000000"
    assert [line["cap"] for line in first["view"]["windows"]] == ["1.000000000000"]
    assert first["model"] in SMALL
    assert "preference" in second["view"]
    assert [line["cap"] for line in second["view"]["windows"]] == ["3.000000000000"]
    assert [held["windows"][0]["cap"] for held in world.values("ledger", "held")] == ["3.000000000000"] * 2
