"""Decisions as a whole: forced, pooled, denied, chained; the same input gives the same bytes (U1, R11, R17)."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.catalog import compile_config
from schemas.decision import Choice, Denial, OverrideView, PreferenceView, StatisticsView, View
from schemas.request import Constraints
from tests.brain import DAY_END, MONTH_END, NOW, chosen, day, denied, documents, month, policy, request, route, tenant

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o", "deepseek-v3"]
SCOPES = ["request", "conversation", "area", "space", "always"]


def override(model: str, scope: Any = "conversation") -> View:
    return View(override=OverrideView(scope=scope, model=model, override_id="o1"))


@pytest.mark.parametrize("scope", SCOPES)
def test_override_forces_its_model(scope: str) -> None:
    """A standing override of any scope forces its model, and the decision keeps what Auto would have chosen (U1)."""
    auto = chosen(tenant(), request("hello")).model
    choice = chosen(tenant(), request("hello"), override("opus", scope))
    assert (choice.model, choice.forced_by, choice.from_model) == ("claude-opus-4.5", f"override:{scope}", auto)
    assert (choice.tier, choice.confidence) == (1, 1.0)
    assert choice.badge == "Claude Opus 4.5 (your choice)"


def test_override_stands_above_the_requests_model_and_auto_lifts_it() -> None:
    """An override wins over the request's own model; an override to auto lets Auto choose (U1)."""
    event = request("hello", model="gpt-4.1")
    assert chosen(tenant(), event, override("opus")).model == "claude-opus-4.5"
    lifted = chosen(tenant(), event, override("auto"))
    assert (lifted.model, lifted.forced_by) == ("gpt-4.1", "request")


def test_forced_model_that_is_barred_is_denied_with_the_veto() -> None:
    """A forced model still obeys hard limits: the denial names what bars it (U1, R10)."""
    denial = denied(tenant(avoid_models=["opus"]), request(), override("opus"))
    assert denial.code == "no_candidate"
    assert denial.reason == "Claude Opus 4.5 was asked for, but the tenant avoids it (tenant/t@1)"
    assert ("claude-opus-4.5", "avoided") in {(veto.model, veto.rule) for veto in denial.vetoes}


def test_forced_model_over_budget_is_denied_with_the_time_it_fits() -> None:
    """A forced model over the day's budget is denied with the instant at which the window ends (U1, DESIGN 7)."""
    denial = denied(tenant(), request(), View(**{**override("opus").__dict__, "windows": (day(1, 0.99),)}))
    assert (denial.code, denial.fits_at) == ("budget_day", DAY_END)
    assert denial.needed is not None


def test_explicit_model_is_used_and_is_not_replaced() -> None:
    """A model in the request is used; nobody steps in for it unless the router says so (R11)."""
    choice = chosen(tenant(), request("hello", model="opus"))
    assert (choice.model, choice.forced_by) == ("claude-opus-4.5", "request")
    assert [plan.model for plan in choice.chain] == ["claude-opus-4.5"]
    replaced = chosen(policy(pool=POOL, forced_fallback=True), request("hello", model="opus"))
    assert len(replaced.chain) == 3


def test_model_outside_the_pool_is_refused_by_name() -> None:
    """A model that the router does not offer is refused by name (R11)."""
    denial = denied(policy(pool=["gpt-4.1"]), request(model="opus"))
    assert denial.reason == "Claude Opus 4.5 was asked for, but this router does not offer it (policy/own@1)"


def test_unknown_name_is_refused() -> None:
    """A name nobody knows is refused with what to do (R20)."""
    denial = denied(tenant(), request(model="gpt-9000"))
    assert denial.code == "unknown_model"
    assert "pointsman models" in denial.reason


@pytest.mark.parametrize(
    ("model", "key", "codes"),
    [
        ("auto:floor", "estimated_cost", {"cheapest"}),
        ("auto:nitro", "estimated_latency_ms", {"fastest"}),
        ("anthropic/*:floor", "estimated_cost", {"pool", "cheapest"}),
        ("openai/*:nitro", "estimated_latency_ms", {"pool", "fastest"}),
    ],
)
def test_pools_and_suffixes(model: str, key: str, codes: set[str]) -> None:
    """``:floor`` takes the cheapest, ``:nitro`` the fastest, a wildcard only its members (R11)."""
    choice = chosen(tenant(), request("Explain how tides work", model=model))
    maker = model.partition("/")[0]
    prefix = {"anthropic": "claude", "openai": ""}.get(maker, "")
    members = [item for item in choice.candidates if item.model.startswith(prefix)]
    if maker == "openai":
        members = [item for item in members if item.model.startswith(("gpt", "o3"))]
    best = min(getattr(item, key) for item in members)
    assert next(getattr(item, key) for item in choice.candidates if item.model == choice.model) == best
    assert codes <= set(choice.reason_codes)
    assert choice.forced_by == "request"


def test_pool_is_scored_and_its_chain_stays_inside() -> None:
    """A wildcard without suffix takes the best member; fallbacks are members too (R11)."""
    choice = chosen(tenant(), request("Design a scalable architecture", model="anthropic/*"))
    assert all(plan.model.startswith("claude") for plan in choice.chain)
    assert len(choice.chain) == 3


def test_chain_prefers_other_providers() -> None:
    """Fallbacks are up to three models, on other providers where there are some (R9, P4)."""
    choice = chosen(tenant(), request("Fix the crash in the importer"))
    assert len(choice.chain) == 3
    assert len({plan.provider for plan in choice.chain}) == 3


def test_hold_is_the_largest_bound_of_the_chain() -> None:
    """The bound of the choice is the largest of the chain (DESIGN 7)."""
    choice = chosen(tenant(), request("Fix the crash in the importer"))
    assert choice.bound == max(plan.bound for plan in choice.chain)


def test_fallback_over_budget_leaves_the_chain() -> None:
    """A fallback that does not fit the budget leaves the chain; it never refuses the request (DESIGN 7)."""
    free = chosen(tenant(), request("hello"))
    tight = day(1).model_copy(update={"cap": free.chain[0].bound})
    choice = chosen(tenant(), request("hello"), View(windows=(tight,)))
    assert choice.model == free.model
    assert choice.bound == free.chain[0].bound


def test_bound_uses_the_output_limit() -> None:
    """The output limit is the request's, else the policy's for the type, and never above the model's (invariant 4)."""
    assert chosen(tenant(), request("hello", max_output_tokens=100)).chain[0].max_output_tokens == 100
    assert chosen(tenant(), request("hello")).chain[0].max_output_tokens == 1024
    huge = chosen(tenant(), request("hello", model="gpt-4o", max_output_tokens=900_000))
    assert huge.chain[0].max_output_tokens == 16_384


def test_probability_of_the_choice_is_one() -> None:
    """A deterministic choice has propensity 1, all others 0 (DESIGN 2.4)."""
    choice = chosen(tenant(), request())
    assert {item.model: item.propensity for item in choice.candidates if item.propensity} == {choice.model: 1.0}


def test_deadline_that_passed_is_denied() -> None:
    """A request whose deadline has passed is denied as such (R10)."""
    late = Constraints(deadline=NOW - timedelta(milliseconds=1))
    assert denied(tenant(), request(constraints=late)).code == "deadline"
    assert denied(tenant(), request(constraints=Constraints(deadline=NOW))).code == "deadline"


@pytest.mark.parametrize(
    ("windows", "fits_at"),
    [
        ((day(5, 5), month(100)), DAY_END),
        ((day(5, 5), month(100, 100)), MONTH_END),
        ((day(5), month(100, 100)), MONTH_END),
        ((day(0.0000001), month(100)), None),
        ((day(5, 5), month(0.0000001)), None),
    ],
)
def test_earliest_time_at_which_it_fits(windows: Any, fits_at: Any) -> None:
    """A refusal for budget tells when the cheapest model fits: when the barring windows end, or never (DESIGN 7)."""
    denial = denied(tenant(), request(), View(windows=windows))
    assert denial.fits_at == fits_at
    assert denial.needed is not None
    assert denial.needed > 0
    assert ("never fits" in denial.reason) is (fits_at is None)


def test_default_model_is_favoured_when_the_text_says_nothing() -> None:
    """Low confidence favours the default model, a user's preference may still decide (R9)."""
    event = request("the blue one near the window")
    config = policy(default_model="gpt-4.1-mini")
    choice = chosen(config, event)
    assert choice.model == "gpt-4.1-mini"
    assert choice.badge == "GPT-4.1-mini (auto-selected, default)"
    row = PreferenceView(version=1, scores={"claude-sonnet-5.5": 1.0, "gpt-4.1-mini": 0.1})
    assert chosen(config, event, View(preference=row)).model == "claude-sonnet-5.5"


def test_decision_names_its_documents() -> None:
    """A decision cites router, catalog and price book with their versions (DESIGN 2.4)."""
    choice = chosen(tenant("s3", prices="s3"), request("hello"))
    assert (choice.policy, choice.catalog, choice.price_book) == ("s3@1", "models@1", "s3@1")


def test_tenant_without_its_documents_has_no_policy() -> None:
    """A tenant whose router is not published has none yet; an unknown tenant neither."""
    assert tenant("not-there").tenant("t") is None
    assert tenant().tenant("nobody") is None
    assert compile_config({}).tenant("t") is None


def test_shards_share_their_tenants_policy() -> None:
    """``tenant#shard`` is decided by the tenant's documents (DESIGN 7)."""
    config = tenant()
    assert config.tenant("t#3") is config.tenant("t")


def test_newest_version_counts_unless_pinned() -> None:
    """A reference without version means the newest document, one with a version exactly that (X1)."""
    first = documents()["policy/default@1"].model_copy(update={"pool": ("gpt-4o",)})
    second = first.model_copy(update={"version": 2, "pool": ("o3",)})
    for named, model in (("default", "o3"), ("default@1", "gpt-4o")):
        extra = {"policy/default@1": first, "policy/default@2": second}
        found = tenant(named)._by_key  # the documents of the shipped set, and tenant t
        config = compile_config({**{item.document_key: item for item in found.values()}, **extra})
        assert chosen(config, request()).model == model


VIEWS = st.builds(
    View,
    windows=st.sampled_from([(), (day(1), month(2)), (day(0.001),)]),
    preference=st.none()
    | st.builds(
        PreferenceView,
        version=st.just(1),
        scores=st.dictionaries(st.sampled_from([*POOL, "gone"]), st.floats(0, 1), max_size=4),
    ),
    statistics=st.dictionaries(
        st.sampled_from(POOL),
        st.builds(
            StatisticsView,
            calls=st.integers(0, 1000),
            success_rate=st.none() | st.floats(0, 1),
            rating=st.none() | st.floats(0, 1),
            latency_p50_ms=st.none() | st.floats(0, 1e6),
        ),
        max_size=4,
    ),
    health=st.dictionaries(st.sampled_from(["openai", "anthropic|opus"]), st.sampled_from(["open", "degraded"])),
    conversation_model=st.none() | st.sampled_from([*POOL, "gone"]),
    excluded=st.lists(st.sampled_from([*POOL, "gone"]), max_size=2).map(tuple),
)
EVENTS = st.builds(
    request,
    prompt=st.text(max_size=200) | st.sampled_from(["hello", "Fix the crash", "Prove that 2 is prime", "plan it"]),
    model=st.sampled_from(["auto", "auto:floor", "opus", "anthropic/*", "gpt-4o:nitro", "nobody", "model-a"]),
    planning=st.booleans(),
    sensitive=st.booleans(),
    tools=st.sampled_from([(), ("a",)]),
    latency_class=st.sampled_from(["interactive", "background"]),
    space_type=st.sampled_from([None, "coding", "general"]),
    conversation_turns=st.integers(0, 40),
)
CONFIGS = [tenant(), tenant("s2"), tenant("s4"), tenant("s0"), policy(pool=POOL)]


@settings(max_examples=200)
@given(EVENTS, VIEWS, st.sampled_from(CONFIGS))
def test_same_input_gives_the_same_bytes(event: Any, view: View, config: Any) -> None:
    """A decision is a function of its arguments: computed again, also from values read back from JSON, it is equal."""
    first = route(config, event, view)
    again = route(config, event, View.model_validate_json(view.model_dump_json()))
    assert first.model_dump_json() == again.model_dump_json()
    kind = type(first)
    assert kind.model_validate_json(first.model_dump_json()) == first
    if isinstance(first, Choice):
        assert first.chain[0].model == first.model
        assert first.reason
        assert not first.reason.startswith("because")


SCRIPT = """
import sys
sys.path.insert(0, '.')
from tests.brain import request, route, tenant
for prompt in ("Fix the crash in main.py", "Write a poem", "hello", "plan it", "写一首诗"):
    sys.stdout.write(route(tenant(), request(prompt)).model_dump_json() + "\\n")
"""


def test_bytes_do_not_depend_on_the_process() -> None:
    """Two processes with different hash seeds give the same bytes (DESIGN 5)."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert all(output.count(b"\n") == 5 for output in outputs)


def test_denial_carries_vetoes_and_documents() -> None:
    """A refusal explains itself like a decision does (R17)."""
    denial = denied(tenant(), request(), View(per_request_cap=1))
    assert isinstance(denial, Denial)
    assert len(denial.vetoes) > 10
    assert {veto.rule for veto in denial.vetoes} == {"per_request_cap"}
    assert denial.policy == "default@1"
