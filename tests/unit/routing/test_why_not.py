"""Why not this model: what bars it, the gap, what decided, and changes that are proved (R23)."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.changes import inquiry
from routing.counterfactual import Case, Edit
from routing.decide import decide
from routing.router_changes import good_record
from routing.score import set_weight
from routing.tenant_changes import change_routes
from routing.why_not import MOST, UnknownModelError, WhyNot, lines, why_not
from schemas.control import DOCUMENT
from schemas.control_policy import PolicyDocument, Weights
from schemas.control_tenant import Area, Space, TenantDocument
from schemas.decision import CachedChoice, Choice, Denial, OverrideView, PreferenceView, StatisticsView, View
from schemas.money import PICO
from schemas.request import Constraints, Message, SpaceType
from schemas.user_settings import UserSettings
from tests.brain import DAY_END, NOW, case, cluster_reader, day, month, policy, request, tenant
from tests.unit.routing.cases import MODELS, POOL, cases, rule

CODING = {
    "prompt": "I wonder whether my neighbour would like the other one more than this",
    "space_type": SpaceType.CODING,
}
LIKED = {"scoring": {"preferred": 0.08}}
UNCLEAR = {"prompt": "I wonder whether my neighbour would like the other one more than this"}
PLACED = {"space": "s", "area": "a"}
LONG = {"prompt": None, "messages": (Message(content="What is the capital of Chile? " + "word " * 12_000),) * 2}
LOCKED = {"spaces": {"s": Space(areas={"a": Area(lock="o3")})}}
AVOIDING = {"spaces": {"s": Space(areas={"a": Area(avoid=("gpt-4.1-mini",))})}}
HELD = OverrideView(scope="always", model="o3", override_id="o-1")


def applied(made: Case, edits: tuple[Edit, ...]) -> Choice | Denial:
    """Decide with the edits, the changed documents written out and read again as if they had been published."""
    changed = made.edited(*edits)
    config = changed.config
    for where in {edit.where for edit in edits if "/" in edit.where}:
        kind, _, reference = where.partition("/")
        document = config.document(kind, reference)
        assert document is not None
        read = DOCUMENT.validate_python(json.loads(document.model_dump_json(exclude_none=True)))
        assert isinstance(read, TenantDocument | PolicyDocument)
        config = config.replaced(read)
    found = config.tenant("t")
    assert found is not None
    return decide(changed.facts, changed.task, changed.view, found, changed.now, changed.number)


def kinds(answer: WhyNot) -> list[str]:
    return [change.kind for change in answer.changes]


@settings(max_examples=120)
@given(cases(), st.sampled_from(MODELS))
def test_every_change_that_is_listed_chooses_the_model(made: Case, model: str) -> None:
    """A verified change, applied anew through documents that can be published, chooses the model (R23)."""
    answer, outcome = why_not(made, model), made.decide()
    is_chosen = isinstance(outcome, Choice) and outcome.model == model
    assert (answer.verdict == "chosen") == is_chosen
    assert not (is_chosen and answer.changes)
    assert len(answer.changes) <= MOST
    assert answer.pair is None or not answer.changes
    for change in (*answer.changes, *((answer.pair,) if answer.pair is not None else ())):
        assert change.verified
        again = applied(made, change.edits)
        assert isinstance(again, Choice), change.words
        assert again.model == model, change.words
    assert list(lines(answer))


@settings(max_examples=80)
@given(cases(), st.sampled_from(MODELS))
def test_the_gap_is_that_of_the_scores(made: Case, model: str) -> None:
    """The differences of the terms sum to that of the two scores, where no score reached 0 or 1 (R23, R9)."""
    answer = why_not(made, model)
    mine, theirs = answer.score, answer.chosen_score
    if answer.gaps and mine is not None and theirs is not None and 0 < mine < 1 and 0 < theirs < 1:
        assert sum(gap.difference for gap in answer.gaps) == pytest.approx(mine - theirs, abs=1e-7)


def test_the_chosen_model_is_said_to_be_chosen() -> None:
    """Asked about the chosen model, the answer says so, with the reason, and proposes nothing."""
    made = case(tenant(), request())
    outcome = made.decide()
    assert isinstance(outcome, Choice)
    answer = why_not(made, outcome.model)
    assert (answer.verdict, answer.changes, answer.rank) == ("chosen", (), 1)
    assert outcome.reason in answer.summary


@pytest.mark.parametrize(("name", "why"), [("nonsense", "no model of the catalog"), ("openai/*", "several models")])
def test_a_name_that_is_no_model_is_an_error(name: str, why: str) -> None:
    """A name of nothing, or of several models, is an error that says which."""
    with pytest.raises(UnknownModelError, match=why):
        why_not(case(tenant(), request()), name)


LATE = Constraints(deadline=NOW + timedelta(seconds=1))
STEERED = {"shares": {"targets": {"o3": 1}, "control": 5}}
EXPLORING = {"exploration": {"share": 0.5, "within": 1, "sharpness": 0}}
CASCADING = {"cascade": {"start_quality": 0.5, "min_gain": 0.001}}
CRASH = {"prompt": "Fix the crash in the importer"}
KEPT = CachedChoice(models=("o3", "gpt-4.1"), tier=2, codes=("best_score",))
LIKING = PreferenceView(version=1, scores={"o3": 1.0})
NO_PROVIDER = {"health": {"openai": "open", "openrouter": "open"}}
CAPPED = {"per_request_cap": PICO // 1000}
OLD = "gemini-1.5-flash"
_Fields = dict[str, Any]

CHANGES: list[tuple[str, _Fields, _Fields, _Fields, _Fields, str]] = [
    ("name", {}, {}, {}, {}, "o3"),
    ("auto", {}, {}, {"model": "gpt-4.1"}, {}, "gpt-4.1-mini"),
    ("max_cost", {}, {}, {"model": "o3", "constraints": Constraints(max_cost=0.0001)}, {}, "o3"),
    ("max_latency", {}, {}, {"model": "o3", "constraints": Constraints(max_latency_ms=100)}, {}, "o3"),
    ("deadline", {}, {}, {"model": "o3", "constraints": LATE}, {}, "o3"),
    ("min_quality", {}, {}, {"model": "o3", "constraints": Constraints(min_quality=99)}, {}, "o3"),
    ("max_output_tokens", {}, {}, {"model": "o3", "constraints": Constraints(max_cost=0.01)}, {}, "o3"),
    ("prompt", {}, {"pool": [*POOL, "gpt-3.5-turbo"]}, {**LONG, "model": "gpt-3.5-turbo"}, {}, "gpt-3.5-turbo"),
    ("afresh", {}, {}, {}, {"cached": KEPT}, "gpt-4.1-mini"),
    ("conversation", {}, {"stickiness": "conversation"}, {}, {"conversation_model": "o3"}, "gpt-4.1-mini"),
    ("lift_override", {}, {}, {}, {"override": HELD}, "gpt-4.1-mini"),
    ("override", {}, {}, {}, {"override": HELD}, "claude-opus-4.5"),
    ("preferences", {}, {}, {}, {"preference": LIKING}, "gpt-4.1-mini"),
    ("wait", {}, {}, {"model": "o3"}, {"windows": (day(1, 1),)}, "o3"),
    ("provider", {}, {}, {"model": "o3"}, NO_PROVIDER, "o3"),
    ("unlock_area", LOCKED, {}, PLACED, {}, "gpt-4.1-mini"),
    ("area_lock", LOCKED, {}, PLACED, {}, "claude-opus-4.5"),
    ("approve", {"approved_models": ["gpt-4.1"]}, {}, {"model": "o3"}, {}, "o3"),
    ("approve_sensitive", {"sensitive_models": ["gpt-4.1"]}, {}, {"model": "o3", "sensitive": True}, {}, "o3"),
    ("approve_sensitive", {}, {"sensitive_models": ["gpt-4.1"]}, {"model": "o3", "sensitive": True}, {}, "o3"),
    ("avoid", {"avoid_models": ["openai/*"]}, {}, {"model": "o3"}, {}, "o3"),
    ("avoid_in_place", AVOIDING, {}, PLACED, {}, "gpt-4.1-mini"),
    ("cap_daily", {"budget": {"daily": 1}}, {}, {"model": "o3"}, {"windows": (day(1, 1),)}, "o3"),
    ("cap_monthly", {"budget": {"monthly": 1}}, {}, {"model": "o3"}, {"windows": (month(1, 1),)}, "o3"),
    ("cap_per_request", {"budget": {"per_request": 0.001}}, {}, {"model": "o3"}, CAPPED, "o3"),
    ("interactive_latency", {"max_interactive_latency_ms": 500}, {}, {"model": "o3"}, {}, "o3"),
    ("prefer", {}, LIKED, UNCLEAR, {}, "o3"),
    ("prefer_in_place", {"spaces": {"s": Space(areas={"a": Area()})}}, LIKED, {**UNCLEAR, **PLACED}, {}, "o3"),
    ("default_model", {"default_model": "o3"}, {"confidence_floor": 1}, {}, {}, "claude-haiku-4.5"),
    ("pool", {}, {"pool": ["gpt-4.1"]}, {"model": "o3"}, {}, "o3"),
    ("lifecycle", {}, {"pool": [*POOL, OLD]}, {"model": OLD}, {}, OLD),
    ("quality_floor", {}, {"min_quality": {"human_in_loop": 99}}, {"model": "o3"}, {}, "o3"),
    ("rule_models", {}, {"rules": [rule("r", "lock", ("gpt-4.1", "o3"))]}, CODING, {}, "claude-haiku-4.5"),
    ("drop_rule", {}, {"rules": [rule("r", "lock", ("*:floor",))]}, CODING, {}, "gpt-4.1"),
    ("rule_boost", {}, {"rules": [rule("r", "boost", ("o3",), boost=0.01)]}, CODING, {}, "o3"),
    ("exploration", {}, EXPLORING, {}, {}, "gpt-4.1-mini"),
    ("cascade", {}, CASCADING, CRASH, {}, "gpt-4.1"),
    ("shares", {}, STEERED, {}, {"shares": {"gpt-4.1-mini": 1.0}}, "gpt-4.1-mini"),
    ("weight", {}, {}, {"prompt": "Fix the crash in the importer"}, {}, "gpt-4.1-mini"),
    ("boost", {}, {}, {"prompt": "Fix the crash in the importer"}, {}, "claude-haiku-4.5"),
]


@pytest.mark.parametrize(("kind", "own", "router", "asked", "seen", "model"), CHANGES, ids=[row[0] for row in CHANGES])
def test_kinds_of_change(kind: str, own: _Fields, router: _Fields, asked: _Fields, seen: _Fields, model: str) -> None:
    """What bars, locks, forces or outscores a model has its change, proved, in words that name the document (R23)."""
    number = 0.9 if kind == "exploration" else 0.0
    made = case(policy(own, **{"pool": POOL, **router}), request(**asked), View(**seen), number=number)
    answer = why_not(made, model)
    change = next((change for change in answer.changes if change.kind == kind), None)
    assert change is not None, answer
    for edit in change.edits:
        assert "/" not in edit.where or edit.where in change.words
    again = applied(made, change.edits)
    assert isinstance(again, Choice)
    assert again.model == model


@pytest.mark.parametrize(
    ("kind", "asked", "seen", "own"),
    [
        ("max_cost", {"constraints": Constraints(max_cost=0.0001)}, {}, {}),
        ("max_latency", {"constraints": Constraints(max_latency_ms=100)}, {}, {}),
        ("cap_daily", {}, {"windows": (day(1, 1),)}, {"budget": {"daily": 1}}),
        ("cap_per_request", {}, CAPPED, {"budget": {"per_request": 0.001}}),
        ("interactive_latency", {}, {}, {"max_interactive_latency_ms": 500}),
    ],
)
def test_limits_are_raised_by_no_more_than_suffices(kind: str, asked: _Fields, seen: _Fields, own: _Fields) -> None:
    """One pico-dollar or millisecond less than a listed limit does not choose the model (R23)."""
    made = case(policy(own, pool=POOL), request(model="o3", **asked), View(**seen))
    change = next(change for change in why_not(made, "o3").changes if change.kind == kind)
    less = replace(change.edits[0], after=change.edits[0].after - 1)
    assert made.edited(*change.edits).chooses("o3")
    assert not made.edited(less).chooses("o3")


def test_weights_and_boosts_are_found_to_a_hundredth() -> None:
    """A boost of a hundredth less than the listed one does not choose the model; no nearer weight does (R23)."""
    made = case(policy(pool=POOL), request("Fix the crash in the importer"))
    boost = next(change for change in why_not(made, "claude-haiku-4.5").changes if change.kind == "boost")
    rule_added = boost.edits[0].after
    less = replace(boost.edits[0], after=rule_added.model_copy(update={"boost": round(rule_added.boost - 0.01, 9)}))
    assert not made.edited(less).chooses("claude-haiku-4.5")
    weight = next(change for change in why_not(made, "gpt-4.1-mini").changes if change.kind == "weight")
    before, after = weight.edits[0].before, weight.edits[0].after
    term = weight.words.split("weight of ")[1].split(" ")[0]
    nearer = getattr(after, term) + (0.01 if getattr(before, term) > getattr(after, term) else -0.01)
    scaled, _ = set_weight(before.model_dump(), term, round(nearer, 2))
    assert not made.edited(replace(weight.edits[0], after=Weights(**scaled))).chooses("gpt-4.1-mini")


def test_the_record_that_would_be_needed() -> None:
    """A model with a bad record is told how many good calls would choose it, and one fewer does not (R23)."""
    bad = StatisticsView(calls=50, success_rate=0.5, rating=0.3, ratings=50)
    view = View(statistics={"gpt-4.1": bad})
    q = inquiry(case(policy(pool=POOL), request("Fix the crash in the importer"), view), "gpt-4.1")
    change = next(good_record(q))
    assert q.chosen_with(*change.edits)
    after = change.edits[0].after
    assert f"{after.calls - 50} more successful calls" in change.words
    fewer = after.model_copy(update={"calls": after.calls - 1, "ratings": after.ratings - 1, "rating": 0.3})
    assert not q.chosen_with(replace(change.edits[0], after=fewer))


def test_two_vetoes_need_two_changes() -> None:
    """Where no single change suffices, a pair that does is given, proved (R23)."""
    config = policy({"avoid_models": ["o3"]}, pool=POOL)
    made = case(config, request(model="o3", constraints=Constraints(max_cost=0.0001)))
    answer = why_not(made, "o3")
    assert answer.changes == ()
    assert answer.pair is not None
    assert answer.pair.kind == "max_cost+avoid"
    again = applied(made, answer.pair.edits)
    assert isinstance(again, Choice)
    assert again.model == "o3"
    assert any("two together" in text for _, text in lines(answer))


def test_what_two_changes_cannot_do_is_not_promised() -> None:
    """Where not even two changes suffice, the answer says that it cannot tell (R23)."""
    config = policy({"avoid_models": ["o3"], "approved_models": ["gpt-4.1"]}, pool=POOL)
    answer = why_not(case(config, request(model="o3", constraints=Constraints(max_cost=0.0001))), "o3")
    assert (answer.changes, answer.pair) == ((), None)
    assert ("would do", "cannot tell by one or two changes") in list(lines(answer))


def test_an_ability_that_is_missing_cannot_be_changed() -> None:
    """What a model cannot do is no matter of settings: nothing is proposed (R23)."""
    answer = why_not(case(tenant(), request(tools=("lookup",), model="sonar-pro")), "sonar-pro")
    assert [bar.rule for bar in answer.bars] == ["tools"]
    assert (answer.changes, answer.pair) == ((), None)


@pytest.mark.parametrize(
    ("kind", "name", "own", "router", "asked", "seen"),
    [
        ("override", "o-1", {}, {}, {}, {"override": HELD}),
        ("request", "o3", {}, {}, {"model": "o3"}, {}),
        ("area_lock", "a", LOCKED, {}, PLACED, {}),
        ("pool", "*:nitro", {}, {}, {"model": "*:nitro"}, {}),
        ("rule", "r", {}, {"rules": [rule("r", "restrict", ("o3", "gpt-4o"))]}, CODING, {}),
        (
            "rule",
            "r",
            {},
            {"rules": [rule("r", "lock", ("gpt-4o",), otherwise="deny")]},
            CODING,
            {"excluded": ("gpt-4o",)},
        ),
        ("exploration", "exploration", {}, EXPLORING, {}, {}),
        ("cascade", "cascade", {}, CASCADING, CRASH, {}),
        ("cache", "decision cache", {}, {}, {}, {"cached": KEPT}),
        ("boost", "r", {}, {"rules": [rule("r", "boost", ("o3",), boost=0.4)]}, CODING, {}),
        ("preference", "o3", {}, {}, {}, {"preference": LIKING}),
        ("share", "o3", {}, STEERED, {}, {"shares": {"gpt-4.1-mini": 1.0}}),
        ("default", "o3", {"default_model": "o3"}, {"confidence_floor": 1}, {}, {}),
        ("conversation", "o3", {}, {"stickiness": "conversation"}, {}, {"conversation_model": "o3"}),
        ("tenant", "gpt-4.1-mini", {"preferred_models": ["gpt-4.1-mini"]}, {}, {}, {}),
    ],
)
def test_what_decided_instead_is_named(
    kind: str, name: str, own: _Fields, router: _Fields, asked: _Fields, seen: _Fields
) -> None:
    """Whatever decided or tipped the scale is named, with where it stands (R23)."""
    number = 0.9 if kind == "exploration" else 0.0
    config = policy(own, **{"pool": [*POOL, "gpt-4o"], **router})
    answer = why_not(case(config, request(**asked), View(**seen), number=number), "claude-haiku-4.5")
    found = next((item for item in answer.deciders if item.kind == kind), None)
    assert found is not None, answer.deciders
    assert found.name == name
    assert found.document in {"request", "view", "tenant/t@1", "policy/own@1"}
    assert found.words


def test_a_refusal_says_what_would_have_let_it_through() -> None:
    """Of a refused request, the answer is what would have let the model through (R23)."""
    answer = why_not(case(policy(pool=POOL), request(), View(windows=(day(1, 1),))), "gpt-4.1-mini")
    assert (answer.chosen, answer.refusal, answer.verdict) == (None, "budget_day", "barred")
    assert kinds(answer)[0] == "wait"
    assert DAY_END.isoformat() in answer.changes[0].words
    unknown = why_not(case(tenant(), request(model="nonsense")), "gpt-4.1")
    assert (unknown.refusal, kinds(unknown)[0]) == ("unknown_model", "name")


def test_smaller_changes_come_first() -> None:
    """What touches one request stands before what touches a tenant, that before what touches a router (R23)."""
    answer = why_not(case(policy(pool=POOL, **LIKED), request(**UNCLEAR)), "o3")
    assert kinds(answer) == ["name", "prefer", "boost"]


def test_what_people_set_is_named_and_can_be_changed() -> None:
    """A fixed model, Auto off, a route, a plan and a dimension are named, each with the document that says so."""
    fixed = View(settings=UserSettings(auto="fixed", model="gpt-4.1"))
    answer = why_not(case(policy(pool=POOL), request("hello"), fixed), "o3")
    assert (answer.verdict, answer.deciders[0].kind) == ("decided", "settings")
    assert answer.changes[0].kind == "name"
    off = why_not(case(policy(pool=POOL), request("hello"), View(settings=UserSettings(auto="off"))), "o3")
    assert off.refusal == "auto_off"
    route = {**rule("own", "lock", ("gpt-4.1",)), "when": {"planning": True}}
    routed = why_not(case(policy({"routes": [route]}, pool=POOL), request("hello", planning=True)), "o3")
    assert (routed.deciders[0].kind, routed.deciders[0].document) == ("rule", "tenant/t@1")
    short = {"home": {"values": {"openai": 1}, "veto_below": 0.5}}
    barred = why_not(case(policy({"dimensions": short}, pool=POOL), request("hello")), "claude-haiku-4.5")
    assert [(bar.rule, bar.document) for bar in barred.bars] == [("dimension", "tenant/t@1")]
    planned = why_not(case(tenant(plan="starter"), request("hello")), "opus")
    assert ("not_in_plan", "plan/starter@1") in {(bar.rule, bar.document) for bar in planned.bars}


def test_a_route_is_changed_in_the_document_that_states_it() -> None:
    """The change of a route of the tenant's own edits the tenant, and chooses the model (U4, R23)."""
    route = {**rule("own", "lock", ("gpt-4.1",)), "when": {"planning": True}}
    made = case(policy({"routes": [route]}, pool=POOL), request("hello", planning=True))
    changes = [change for change in change_routes(inquiry(made, "o3")) if made.edited(*change.edits).chooses("o3")]
    assert [change.kind for change in changes] == ["route_models"]
    assert {edit.where for change in changes for edit in change.edits} == {"tenant/t@1"}


def test_a_cluster_that_decides_is_named() -> None:
    """Where a cluster locks other models, the answer says so and still proves what would choose the model (R23, R6)."""
    config = tenant("s2")
    asked = request("Write a class in Python that counts the words of a file")
    made = case(config, asked, reader=cluster_reader(config))
    answer = why_not(made, "gpt-4o")
    assert "cluster-coding" in json.dumps([item.name for item in answer.deciders])
    for change in answer.changes:
        outcome = applied(made, change.edits)
        assert isinstance(outcome, Choice)
        assert outcome.model == "gpt-4o"
