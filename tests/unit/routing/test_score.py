"""The score: its formula, its weights, what moves it and what does not (R7, R9)."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from routing.decide import decide
from routing.request_facts import facts_of
from routing.score import TERMS, history_term, pace_of, paced, predicted_quality, set_weight, sufficiency
from schemas.control_policy import Scoring, Weights
from schemas.decision import Choice, LevelSaid, PreferenceView, StatisticsView, View
from tests.brain import NOW, chosen, day, month, policy, request, task, tenant

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-4o"]
SCORING = Scoring()
QUALITY = {"capability": 0.4, "cost": 0.35, "quality": 0.15, "latency": 0.05, "history": 0.05}


def scores(config: Any, view: View | None = None, prompt: str = "Summarize this text.") -> dict[str, float]:
    choice = chosen(config, request(prompt), view)
    return {item.model: item.score for item in choice.candidates} | choice.others


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


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ({"user": (0.9, 0.5), "organisation": (0.2, 0.1)}, "you tend to prefer it"),
        ({"user": (0.4, 0.3), "space": (0.9, 0.3)}, "people in this space tend to prefer it"),
        ({"organisation": (0.9, 0.3)}, "people in your organisation tend to prefer it"),
    ],
)
def test_the_reason_names_the_level_that_speaks(levels: dict[str, tuple[float, float]], words: str) -> None:
    """Whose preference it was that changed the choice stands in the reason (R7, R17)."""
    config = policy(pool=POOL)
    first, other = (
        item.model for item in sorted(chosen(config, request()).candidates, key=lambda item: -item.score)[:2]
    )
    said = {level: LevelSaid(says=says, share=share) for level, (says, share) in levels.items()}
    liked = PreferenceView(version=1, scores={other: 0.8}, levels={other: said})
    assert chosen(config, request(), View(preference=liked)).reason.endswith(words)
    disliked = PreferenceView(version=1, scores={first: 0.2})
    assert chosen(config, request(), View(preference=disliked)).reason.endswith("is liked less")


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


def test_ratings_move_the_predicted_quality_and_the_ability_term() -> None:
    """The predicted quality starts at the catalog's ability and is drawn to the mean rating as ratings come in (R9)."""
    plain = {item.model: item for item in chosen(tenant(), request("Fix the crash")).candidates}
    model = next(iter(plain))
    for count in (1, 20, 10_000):
        view = View(statistics={model: StatisticsView(calls=count, success_rate=1.0, rating=0.1, ratings=count)})
        choice = chosen(policy(logged_candidates=1000), request("Fix the crash"), view)
        moved = next(item for item in choice.candidates if item.model == model)
        prior = plain[model].predicted_quality
        assert prior is not None
        assert moved.predicted_quality == pytest.approx((60 * prior + count * 0.1) / (60 + count), abs=2e-9)
        assert moved.capability < plain[model].capability or count == 1


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10_000))
def test_predicted_quality_lies_between_prior_and_ratings(prior: float, rating: float, count: int) -> None:
    """However many ratings, the prediction lies between the prior and their mean (R9)."""
    view = StatisticsView(calls=count, rating=rating, ratings=count)
    assert min(prior, rating) - 1e-9 <= predicted_quality(prior, view, 20) <= max(prior, rating) + 1e-9


def test_trained_predictions_replace_the_catalogs_ability() -> None:
    """Where the router's predictor knows this prompt, its word counts instead of the ability for the type (R16)."""
    found = tenant().tenant("t")
    assert found is not None
    event = request("Fix the crash")
    plain = chosen(tenant(), event)
    taught = task(event).model_copy(update={"predictions": {plain.model: 0.05}})
    choice = decide(facts_of(event), taught, View(), found, NOW)
    assert isinstance(choice, Choice)
    assert choice.model != plain.model


def test_pacing_lets_cost_count_more_while_a_budget_is_spent_too_fast() -> None:
    """A budget that runs out early makes cheap models win; one that is spent slowly does not (R9)."""
    config = policy(scoring={"pacing": 1.0}, weights=QUALITY, pool=["claude-opus-4.5", "claude-sonnet-4.5"])
    slow = chosen(config, request("Design a scalable system"), View(windows=(day(100, spent=1),)))
    fast = chosen(config, request("Design a scalable system"), View(windows=(day(20, spent=19.8),)))
    assert fast.chain[0].estimated_cost < slow.chain[0].estimated_cost


@given(st.floats(0.25, 4), st.floats(0, 1))
def test_paced_weights_keep_their_sum(pace: float, pacing: float) -> None:
    """Pacing moves weight between cost and the rest, never the sum (R9)."""
    assert sum(paced((0.35, 0.2, 0.2, 0.15, 0.1), pace, pacing)) == pytest.approx(1)


def test_pace_is_that_of_the_worst_window() -> None:
    """Pace is the share of the cap used over the share of the time gone, of the worst window, within 1/4 and 4 (R9)."""
    assert pace_of((), NOW) == 1.0
    assert pace_of((day(100, spent=50),), NOW) == 1.0
    assert pace_of((day(100, spent=25, held=50), month(1000)), NOW) == 1.5
    assert pace_of((day(100, spent=0.001),), NOW) == 0.25
    assert pace_of((day(1, spent=100),), NOW) == 4.0


def test_the_linear_form_of_cost_reaches_zero() -> None:
    """With the linear form the cost term falls evenly and is 0 from twice the half point on (R9)."""
    config = policy(scoring={"cost_form": "linear"}, logged_candidates=1000)
    for item in chosen(config, request("Fix the crash")).candidates:
        half = SCORING.cost_half["medium"]
        assert item.cost == pytest.approx(max(0.0, 1 - item.estimated_cost / (2 * half)), abs=1e-9)


def test_a_warm_prompt_cache_makes_the_conversations_model_cheaper() -> None:
    """The tokens its provider still has cached are estimated at the price of cached tokens (R19)."""
    config = policy(pool=["claude-sonnet-4"])
    event = request("word " * 6000)
    cold = chosen(config, event, View(conversation_model="claude-sonnet-4"))
    warm = chosen(config, event, View(conversation_model="claude-sonnet-4", warm_tokens=5000))
    few = chosen(config, event, View(conversation_model="claude-sonnet-4", warm_tokens=100))
    saved = cold.chain[0].estimated_cost - warm.chain[0].estimated_cost
    assert saved == 5000 * (3_000_000 - 300_000)
    assert few.chain[0].estimated_cost == cold.chain[0].estimated_cost
    assert warm.bound == cold.bound
