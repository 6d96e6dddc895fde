"""Everything that bars a model is found, with figure, limit and document (R23, R10)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.bars import standing
from routing.counterfactual import Case
from schemas.decision import View
from schemas.request import Constraints, Message, RequestReceived
from tests.brain import case, day, month, policy, request, tenant
from tests.unit.routing.cases import MODELS, cases


@settings(max_examples=150)
@given(cases(), st.sampled_from(MODELS))
def test_a_model_has_every_veto_of_the_decision_and_none_when_it_competes(made: Case, model: str) -> None:
    """The bars hold the veto that a decision records; a model that was scored has at most a lock against it (R23)."""
    look = made.look()
    bars = {(bar.rule, bar.document) for bar in standing(look, model).bars}
    recorded = {(veto.rule, veto.source) for veto in look.weighed.field.vetoes if veto.model == model}
    assert recorded <= bars
    if any(item.model == model for item in look.weighed.field.ranked):
        assert {rule for rule, _ in bars} <= {"area_lock"}
    elif not recorded:
        assert bars, "neither scored nor barred"


@settings(max_examples=100)
@given(cases(), st.sampled_from(MODELS))
def test_a_barred_model_gets_the_figures_of_a_free_one(made: Case, model: str) -> None:
    """The score of a barred model is what the same survey gives it where nothing bars (R23)."""
    look = made.look()
    stands = standing(look, model)
    if stands.scored is not None:
        assert stands.scored.model == model
        assert stands.rank is not None
        assert 1 <= stands.rank <= len(look.weighed.field.ranked) + 1
    else:
        assert {bar.rule for bar in stands.bars} & {"unpriced", "no_endpoint"}


def test_all_that_bars_is_listed_with_figure_and_limit() -> None:
    """Documents, abilities, limits and both windows: each is listed, with what it is and what it would have to be."""
    config = tenant(approved_models=["openai/*"], avoid_models=["claude-*"], max_interactive_latency_ms=300)
    limits = Constraints(max_cost=0.01, min_quality=95, max_latency_ms=200)
    view = View(windows=(day(1, 0.99), month(9, 8.95)), health={"anthropic": "open", "openrouter": "open"})
    look = case(config, request("Fix the crash", constraints=limits), view).look()
    found = {(bar.rule, bar.document): bar for bar in standing(look, "claude-opus-4.5").bars}
    assert set(found) == {
        ("not_approved", "tenant/t@1"),
        ("avoided", "tenant/t@1"),
        ("min_quality", "request"),
        ("provider_open", "view"),
        ("max_latency", "request"),
        ("max_latency", "tenant/t@1"),
        ("max_cost", "request"),
        ("budget_day", "tenant/t@1"),
        ("budget_month", "tenant/t@1"),
    }
    assert found["max_cost", "request"].limit == "$0.0100"
    assert found["max_latency", "tenant/t@1"].limit == "300 ms"
    assert (found["min_quality", "request"].figure, found["min_quality", "request"].limit) == ("92.2", "95")
    month_limit = found["budget_month", "tenant/t@1"].limit or ""
    assert month_limit.startswith("$0.0500 left of $9.00 until 2026-12-01")
    assert all(bar.words for bar in found.values())


@pytest.mark.parametrize(
    ("rule", "event", "model", "figure", "limit"),
    [
        ("tools", request("x", tools=("lookup",)), "sonar-pro", None, None),
        ("modality", request("x"), "whisper-1", "audio", "text"),
        (
            "context_window",
            request(None, messages=(Message(content="word " * 12_000),) * 2),
            "gpt-3.5-turbo",
            "16,385 tokens",
            None,
        ),
        ("lifecycle", request("x"), "gpt-3.5-turbo", "deprecated", "active, preview"),
    ],
)
def test_figures(rule: str, event: RequestReceived, model: str, figure: str | None, limit: str | None) -> None:
    """A bar shows what the model has and what it would need (R23)."""
    bar = next(bar for bar in standing(case(tenant(), event).look(), model).bars if bar.rule == rule)
    assert bar.figure == figure
    assert limit is None or bar.limit == limit


def test_a_model_without_price_has_no_score() -> None:
    """An unpriced model is barred and has neither score nor rank (R10)."""
    stands = standing(case(tenant("s2", prices="s2"), request()).look(), "gpt-5")
    assert stands.scored is None
    assert stands.rank is None
    assert "unpriced" in {bar.rule for bar in stands.bars}


def test_a_model_outside_the_pool_is_measured_too() -> None:
    """What the router does not offer is barred by its pool, with the score it would have (R23)."""
    stands = standing(case(policy(pool=["gpt-4.1"]), request()).look(), "gpt-4.1-mini")
    assert [(bar.rule, bar.document, bar.limit) for bar in stands.bars] == [("not_in_pool", "policy/own@1", "gpt-4.1")]
    assert stands.scored is not None
    assert stands.rank == 1
