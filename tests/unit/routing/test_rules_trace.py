"""The trace of the rules: every layer and rule, what failed, what is inherited, and the one that decided (R4)."""

from typing import Any

import pytest
from hypothesis import given, settings

from routing.counterfactual import Case
from routing.decide import condition_values
from routing.deciders import deciding_rule
from routing.rules_trace import RulesTrace, RuleTrace, lines, rules_trace
from schemas.classification import TaskType
from schemas.control_policy import LAYERS
from schemas.control_tenant import Area, Space
from schemas.decision import Choice, OverrideView, View
from schemas.request import SpaceType
from tests.brain import case, cluster_reader, policy, request, shipped, tenant
from tests.unit.routing.cases import POOL, cases, rule

HELD = OverrideView(scope="space", model="o3", override_id="o-1")


def traced(rules: list[dict[str, Any]], asked: dict[str, Any], view: View | None = None, **fields: Any) -> RulesTrace:
    return rules_trace(case(policy(fields, pool=POOL, rules=rules), request(**{"prompt": "look at it", **asked}), view))


def found(trace: RulesTrace) -> dict[str, RuleTrace]:
    return {item.name: item for layer in trace.layers for item in layer.rules}


def deciding(trace: RulesTrace) -> list[str]:
    return [layer.layer for layer in trace.layers if layer.decides]


@settings(max_examples=150)
@given(cases())
def test_the_trace_says_what_decide_says(made: Case) -> None:
    """Model, reason and deciding rule of the trace are those of the decision; at most one layer decides (R4)."""
    trace, outcome = rules_trace(made), made.decide()
    assert trace.because == outcome.reason
    assert trace.model == (outcome.model if isinstance(outcome, Choice) else None)
    by_rule = isinstance(outcome, Choice) and bool({"rule_lock", "rule_restrict"} & set(outcome.reason_codes))
    rules = {item.name: item for item in made.policy.settings.rules}
    assert not isinstance(outcome, Choice) or trace.rule == outcome.rule
    if by_rule:
        assert trace.rule is not None
        assert outcome.reason.startswith(rules[trace.rule].because)
    else:
        assert trace.rule is None or not isinstance(outcome, Choice)
    assert [item.name for item in found(trace).values() if item.state == "decides"] == [n for n in [trace.rule] if n]
    assert len(deciding(trace)) <= 1
    if isinstance(outcome, Choice):
        codes = set(outcome.reason_codes)
        expected = (
            {"override"} if "forced_override" in codes
            else {"request"} if "forced_request" in codes
            else {"area lock"} if "area_lock" in codes
            else {"request", "override"} if codes & {"pool", "cheapest", "fastest"} and trace.rule is None
            else {"score"} if trace.rule is None
            else {rules[trace.rule].layer}
        )  # fmt: skip
        assert set(deciding(trace)) <= expected
        assert deciding(trace)
    assert list(lines(trace))


@settings(max_examples=150)
@given(cases())
def test_every_rule_is_looked_at_with_all_its_conditions(made: Case) -> None:
    """Each rule of the router is traced once; it fails exactly where a condition does, and then names it (R4)."""
    trace, look = rules_trace(made), made.look()
    values = condition_values(made.facts, made.task, made.policy)
    assert sorted(found(trace)) == sorted(item.name for item in (*made.policy.own.routes, *made.policy.settings.rules))
    for item in made.policy.rules:
        checks = item.checks(values, made.task)
        assert all(check.holds for check in checks) == item.holds(values, made.task)
        told = found(trace)[item.name]
        assert told.checks == checks
        assert (told.state == "fails") == (not item.holds(values, made.task))
        assert all(check.name in told.words for check in checks if not check.holds)
    assert deciding_rule(look, made.decide()) is None or trace.rule is not None


def test_layers_are_in_order_of_precedence() -> None:
    """Override, request and lock stand above the layers of rules, in the router's order; the score is last (R4)."""
    trace = traced([], {})
    assert [layer.layer for layer in trace.layers] == ["override", "request", "area lock", *LAYERS, "score"]
    turned = rules_trace(case(policy(precedence=LAYERS[::-1]), request()))
    assert [layer.layer for layer in turned.layers][3:-1] == list(LAYERS[::-1])


def test_a_rule_that_fails_names_condition_and_value() -> None:
    """A condition that fails is told with what it wants and what the request has (R4)."""
    when = {"space_type": ["coding", "writing"], "planning": True, "min_tokens": 5000, "plan": ["gold"]}
    words = found(traced([rule("r", "lock", ("o3",), when=when)], {"plan": "basic"}))["r"].words
    assert "space_type is to be coding or writing, the request has none" in words
    assert "planning is to be yes, the request has no" in words
    assert "plan is to be gold, the request has basic" in words
    assert "min_tokens is 5000, the request has " in words


def test_effects_and_what_stands_above() -> None:
    """A lock that decides, one below it, a boost, and one of which all models are barred, each say so (R4)."""
    asked = {"space_type": SpaceType.CODING}
    rules = [
        rule("low", "lock", ("gpt-4.1",), layer="signal"),
        rule("high", "restrict", ("o3", "claude-opus-4.5")),
        rule("liked", "boost", ("gpt-4.1",), boost=0.2),
        rule("gone", "lock", ("no-such-model",)),
    ]
    told = found(traced(rules, asked))
    assert {name: item.state for name, item in told.items()} == {
        "low": "overruled", "high": "decides", "liked": "boosts", "gone": "left out",
    }  # fmt: skip
    assert told["low"].words == "rule high (space) stands above it"
    assert told["high"].words == "restricts to o3, claude-opus-4.5"
    assert told["liked"].words == "+0.2 for gpt-4.1"
    barred = traced(rules[:1], asked, avoid_models=["gpt-4.1"])
    assert (found(barred)["low"].state, barred.decided_by) == ("unavailable", "score")
    refusing = traced([rule("r", "lock", ("o3",), otherwise="deny")], asked, avoid_models=["o3"])
    assert (refusing.outcome, refusing.rule, refusing.model) == ("refused", "r", None)
    forced = traced(rules[:1], {**asked, "model": "o3"})
    assert (found(forced)["low"].state, forced.decided_by) == ("overruled", "request")


@pytest.mark.parametrize(
    ("asked", "view", "area", "layer", "word"),
    [
        ({"space": "s"}, View(override=HELD), Area(), "override", "o-1 (space) names o3"),
        ({"model": "gpt-4.1"}, View(), Area(), "request", "names gpt-4.1"),
        ({"space": "s", "area": "a"}, View(), Area(lock="haiku"), "area lock", "a is locked to claude-haiku-4.5"),
        ({"space": "s", "area": "a", "model": "o3"}, View(), Area(lock="haiku"), "area lock", "o3 was asked for"),
        ({}, View(), Area(), "score", "best of 6"),
    ],
)
def test_what_stands_above_the_rules(asked: dict[str, Any], view: View, area: Area, layer: str, word: str) -> None:
    """An override, a name in the request and a locked area are told as the layers they are (R4, U1)."""
    trace = traced([], asked, view, spaces={"s": Space(areas={"a": area})})
    assert deciding(trace) == [layer]
    assert trace.decided_by == layer
    assert word in next(item.words for item in trace.layers if item.layer == layer)


def test_values_are_inherited_with_their_source() -> None:
    """Space, area and request: each value that holds names where it stands; the request's own goes first (R4, U5)."""
    place = Area(task_type=TaskType.MATH, prefer=("o3",))
    config = tenant(
        plan="gold",
        spaces={"s": Space(type=SpaceType.WRITING, avoid=("opus",), areas={"a": place})},
        max_interactive_latency_ms=60_000,
    )
    sources = {
        item.name: (item.value, item.source)
        for item in rules_trace(case(config, request(space="s", area="a"))).inherited
    }
    assert sources["space type"] == ("writing", "tenant/t@1 spaces.s")
    assert sources["area task type"] == ("math", "tenant/t@1 areas.a")
    assert sources["prefers"] == (("o3",), "tenant/t@1 areas.a")
    assert sources["avoids"] == (("opus",), "tenant/t@1 spaces.s")
    assert sources["plan"] == ("gold", "tenant/t@1")
    assert sources["max latency ms"] == (60_000, "tenant/t@1")
    assert sources["default model"][1] == "policy/default@1"
    event = request(space="s", space_type=SpaceType.CODING, area="a", area_task_type="debugging", plan="basic")
    own = {item.name: (item.value, item.source) for item in rules_trace(case(config, event)).inherited}
    assert own["space type"] == ("coding", "request")
    assert own["area task type"] == ("debugging", "request")
    assert own["plan"] == ("basic", "request")


def test_sensitive_data_is_told() -> None:
    """A sensitive request is told which list restricts it, and where that list stands (R4, U4)."""
    trace = rules_trace(case(shipped(), request(tenant="vault", sensitive=True)))
    item = next(item for item in trace.inherited if item.name == "sensitive: only")
    assert item.value == ("claude-sonnet-5.5", "claude-haiku-5.5")
    assert item.source == "tenant/vault@1"


def test_a_cluster_decides_in_its_layer_and_its_document_is_named() -> None:
    """The lock that a cluster stands for is traced like any rule, with the document that states it (R4, R6)."""
    config = tenant("s2")
    asked = request("Write a class in Python that counts the words of a file")
    trace = rules_trace(case(config, asked, reader=cluster_reader(config)))
    assert (deciding(trace), trace.rule, trace.model) == (["cluster"], "cluster-coding", "claude-sonnet-4")
    assert found(trace)["cluster-coding"].document == "clusters/tasks@1"
    assert found(trace)["cluster-creative"].words == "cluster is to be creative, the request has coding"
    assert found(trace)["code-generation"].document == "policy/s2@1"
    assert found(trace)["code-generation"].state == "overruled"
