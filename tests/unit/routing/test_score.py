"""The score: its formula, its weights, what moves it and what does not (R7, R9)."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from routing.score import TERMS, history_term, set_weight, sufficiency
from schemas.control_policy import Scoring, Weights
from schemas.decision import PreferenceView, StatisticsView, View
from tests.brain import chosen, policy, request, tenant

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o"]
SCORING = Scoring()


def scores(config: Any, view: View | None = None, prompt: str = "Summarize this text.") -> dict[str, float]:
    return {item.model: item.score for item in chosen(config, request(prompt), view).candidates}


def test_default_weights_are_those_of_s3() -> None:
    """Capability 35, cost 20, quality 20, latency 15, history 10 (R9)."""
    assert Weights().model_dump() == {
        "capability": 0.35,
        "cost": 0.20,
        "quality": 0.20,
        "latency": 0.15,
        "history": 0.10,
    }


@pytest.mark.parametrize("prompt", ["hello", "Design a scalable system", "Fix the crash in the importer"])
def test_score_is_the_weighted_sum(prompt: str) -> None:
    """The score of each candidate is the weighted sum of its stored terms plus its boost, in 0..1 (R9)."""
    weights = Weights().model_dump()
    for item in chosen(tenant(), request(prompt)).candidates:
        total = sum(weights[term] * getattr(item, term) for term in TERMS) + item.boost
        assert item.score == pytest.approx(max(0.0, min(1.0, total)), abs=3e-9)
        assert all(0 <= getattr(item, term) <= 1 for term in TERMS)


def test_scores_have_nine_decimals() -> None:
    """Scores and terms are rounded to nine decimals (DESIGN 5)."""
    for item in chosen(tenant(), request("Fix the crash")).candidates:
        for value in (item.score, *(getattr(item, term) for term in TERMS), item.boost):
            assert value == round(value, 9)


@pytest.mark.parametrize(("ability", "worth"), [(60, 1.0), (95, 1.0), (30, 0.0625), (0, 0.0)])
def test_ability_beyond_the_need_earns_nothing(ability: float, worth: float) -> None:
    """Ability is worth the share of the need it meets, to the power of sharpness (R9)."""
    assert sufficiency(ability, 60, 4) == worth


def test_dearer_and_slower_models_score_less_on_those_terms() -> None:
    """The cost term falls with cost, the latency term with latency (R9)."""
    found = chosen(tenant(), request("Fix the crash")).candidates
    by_cost = sorted(found, key=lambda item: item.estimated_cost)
    assert [item.cost for item in by_cost] == sorted((item.cost for item in found), reverse=True)
    by_latency = sorted(found, key=lambda item: item.estimated_latency_ms)
    assert [item.latency for item in by_latency] == sorted((item.latency for item in found), reverse=True)


def test_history_is_shrunk_to_the_prior() -> None:
    """A model without calls has the prior; with calls its success and rating count as much as there are (R9)."""
    assert history_term(None, SCORING) == 0.8
    assert history_term(StatisticsView(calls=0, success_rate=0.0), SCORING) == 0.8
    assert history_term(StatisticsView(calls=20, success_rate=1.0, rating=0.8), SCORING) == pytest.approx(0.85)
    many = history_term(StatisticsView(calls=10**6, success_rate=0.5), SCORING)
    assert many == pytest.approx(0.5, abs=1e-4)


def test_history_and_measured_latency_move_the_score() -> None:
    """Good history raises a score, a slow measured median lowers it (R9, B7)."""
    config = policy(pool=POOL)
    plain = scores(config)
    good = scores(config, View(statistics={"gpt-4o": StatisticsView(calls=500, success_rate=1.0, rating=1.0)}))
    slow = scores(
        config, View(statistics={"gpt-4o": StatisticsView(calls=500, success_rate=0.8, latency_p50_ms=60_000)})
    )
    assert slow["gpt-4o"] < plain["gpt-4o"] < good["gpt-4o"]


def test_preference_adds_its_distance_from_neutral() -> None:
    """A preference score of 0.7 (overrides above 0.3) adds 0.2, 0.5 adds nothing, 0.3 takes 0.2 (R7)."""
    config = policy(pool=POOL)
    plain = scores(config, prompt="Design a scalable architecture")
    row = PreferenceView(version=1, scores={"gpt-4o": 0.7, "gpt-4.1": 0.5, "claude-sonnet-4": 0.3})
    moved = scores(config, View(preference=row), "Design a scalable architecture")
    assert moved["gpt-4o"] == pytest.approx(plain["gpt-4o"] + 0.2, abs=2e-9)
    assert moved["gpt-4.1"] == plain["gpt-4.1"]
    assert moved["claude-sonnet-4"] == pytest.approx(plain["claude-sonnet-4"] - 0.2, abs=2e-9)


def test_preference_that_changes_the_choice_is_tier_4() -> None:
    """When the user's preference decides, the tier is 4 and the reason says so (R7, R17)."""
    config = policy(pool=POOL)
    first = chosen(config, request("Summarize this text."))
    other = sorted(first.candidates, key=lambda item: -item.score)[1].model
    choice = chosen(config, request(), View(preference=PreferenceView(version=1, scores={other: 0.8})))
    assert (choice.model, choice.tier) == (other, 4)
    assert "preference" in choice.reason_codes
    assert choice.reason.endswith("you tend to prefer it")
    unmoved = chosen(config, request(), View(preference=PreferenceView(version=1, scores={first.model: 0.8})))
    assert (unmoved.model, unmoved.tier) == (first.model, 2)


def test_boosts_are_capped() -> None:
    """Boosts together move a score by no more than the cap (R7)."""
    config = policy({"preferred_models": ["gpt-4o"]}, pool=POOL, scoring={"boost_cap": 0.1})
    view = View(preference=PreferenceView(version=1, scores={"gpt-4o": 1.0}), conversation_model="gpt-4o")
    item = next(item for item in chosen(config, request(), view).candidates if item.model == "gpt-4o")
    assert item.boost == 0.1


def test_tenant_preferences_conversation_and_tools_boost() -> None:
    """Preferred providers, the conversation's model and skill with tools add to the score (R10, R18, R19)."""
    prompt = "Design a scalable architecture"
    plain = scores(policy(pool=POOL), prompt=prompt)
    preferred = scores(policy({"preferred_providers": ["anthropic"]}, pool=POOL), prompt=prompt)
    assert preferred["claude-sonnet-4"] == pytest.approx(plain["claude-sonnet-4"] + 0.05, abs=2e-9)
    assert preferred["gpt-4o"] == plain["gpt-4o"]
    warm = scores(policy(pool=POOL), View(conversation_model="gpt-4o"), prompt)
    assert warm["gpt-4o"] == pytest.approx(plain["gpt-4o"] + 0.03, abs=2e-9)
    sticky = policy(pool=POOL, stickiness="conversation")
    kept = chosen(sticky, request(prompt), View(conversation_model="gpt-4o"))
    assert kept.model == "gpt-4o"
    assert "sticky" in kept.reason_codes


@given(st.sampled_from(TERMS), st.floats(0, 1), st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
def test_set_weight_renormalises_the_rest(name: str, value: float, raw: list[float]) -> None:
    """Setting one weight scales the others so that all sum to 1, keeps their order, and says so (R9)."""
    value = round(value, 6)
    weights = {term: part / sum(raw) for term, part in zip(TERMS, raw, strict=True)}
    result, line = set_weight(weights, name, value)
    assert result[name] == value
    assert sum(result.values()) == pytest.approx(1, abs=1e-9)
    assert all(0 <= weight <= 1 for weight in result.values())
    assert "sum to 1" in line
    Weights(**result)


@pytest.mark.parametrize(("name", "value"), [("colour", 0.5), ("cost", 1.5), ("cost", -0.1)])
def test_set_weight_refuses(name: str, value: float) -> None:
    """An unknown term or a weight outside 0..1 is refused (R9)."""
    with pytest.raises(ValueError, match="a weight is"):
        set_weight(Weights().model_dump(), name, value)


@given(st.sets(st.sampled_from(POOL), min_size=2), st.sampled_from(["hello", "Fix the bug", "Write a poem"]))
def test_order_does_not_depend_on_other_models(pool: set[str], prompt: str) -> None:
    """Adding or removing models never changes the score of the others (R9)."""
    assume(len(pool) < len(POOL))
    everyone = scores(FULL, prompt=prompt)
    some = scores(policy(pool=sorted(pool)), prompt=prompt)
    assert {model: everyone[model] for model in some} == some


FULL = policy(pool=POOL)


def test_tenant_weights_stand_above_the_policys() -> None:
    """A tenant may carry weights of its own (S3 example 4)."""
    weights = {"capability": 0.0, "cost": 1.0, "quality": 0.0, "latency": 0.0, "history": 0.0}
    choice = chosen(policy({"weights": weights}, pool=POOL, scoring={"best_for": 0, "avoid_for": 0}), request())
    assert choice.model == min(choice.candidates, key=lambda item: item.estimated_cost).model
