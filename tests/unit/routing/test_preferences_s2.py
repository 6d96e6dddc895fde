"""Method ``s2``: one test for each statement of the seed on tier 4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.preferences import LevelReading, merge_levels, read_row
from schemas.control_preferences import Preferences, S2Constants
from schemas.envelope import Event
from schemas.statistics import PreferenceLevel, PreferenceRow
from tests.unit.routing.preference_events import (
    MONDAY,
    WEEK,
    events,
    finished,
    folded,
    inferred,
    override,
    rated,
    score,
    view,
)

S2 = Preferences(method="s2")


def with_constants(**changes: float) -> Preferences:
    return Preferences(method="s2", s2=S2Constants.model_validate(changes))


def test_frequent_overrides_to_a_model_boost_it() -> None:
    """More than 30 % of a user's choices going to a model by hand gives it +0.2; exactly 30 % does not (R7)."""
    assert score([*[override()] * 3, *[finished("m2")] * 7], S2) == 0.5
    assert score([*[override()] * 4, *[finished("m2")] * 7], S2) == pytest.approx(0.7)


def test_a_forced_answer_is_no_further_choice() -> None:
    """An answer by a model that was forced does not dilute the frequency: the override itself was the choice (R7)."""
    assert score([*[override()] * 4, *[finished("m2")] * 9, *[finished(forced_by="override")] * 9], S2) == 0.7


def test_long_conversations_boost_the_model() -> None:
    """An average conversation length above 10 gives +0.1; 10 does not (R7)."""
    assert score([inferred("conversation_length", 10)], S2) == 0.5
    assert score([inferred("conversation_length", 8), inferred("conversation_length", 13)], S2) == pytest.approx(0.6)


def test_the_sign_of_conversation_length_is_configurable() -> None:
    """Where long conversations are a bad sign, a negative weight lowers the score (R7)."""
    assert score([inferred("conversation_length", 30)], with_constants(conversation_boost=-0.1)) == pytest.approx(0.4)


def test_boosts_are_capped_together() -> None:
    """Boosts add up to the cap and not beyond it; scores stay in 0..1 (R7)."""
    both = [override(), inferred("conversation_length", 30)]
    assert score(both, S2) == pytest.approx(0.8)
    assert score(both, with_constants(override_boost=0.25, conversation_boost=0.25)) == pytest.approx(0.8)
    assert score(both, with_constants(override_boost=1, boost_cap=1, conversation_boost=1)) == 1.0


def test_regenerations_are_a_signal_of_dissatisfaction() -> None:
    """Answers asked for again lower the score, more of them more (R7, U2)."""
    again = [inferred("regenerated")]
    assert 0.3 < score(again * 10, S2) < score(again, S2) < 0.5


def test_ratings_are_a_signal() -> None:
    """Good ratings raise and bad ones lower the score, with more evidence more; 0.5 is neutral (R7, U2)."""
    one, many = score([rated(1.0)], S2), score([rated(1.0)] * 10, S2)
    assert 0.5 < one < many < 0.7
    assert score([rated(0.5)] * 10, S2) == 0.5
    assert score([rated(0.0)] * 10, S2) == pytest.approx(1 - many)


@pytest.mark.parametrize("signal", ["edited", "abandoned", "tool_success"])
def test_other_signals_count_when_configured(signal: str) -> None:
    """Edits, abandoned answers and tools are no signals of the seed: without effect unless given a weight (U2)."""
    found = [inferred(signal, 1)] * 5
    assert score(found, S2) == 0.5
    moved = score(found, with_constants(**{f"{signal}_weight": 0.2}))
    assert moved > 0.5 if signal == "tool_success" else moved < 0.5


def shared(level: str, space: str, **counts: float) -> PreferenceRow:
    return PreferenceRow.model_validate(
        {
            "version": 3,
            "tenant": "acme",
            "level": level,
            "space": space,
            "observations": 0,
            "models": {},
            "week": WEEK,
            "evidence": {"": {"m1": {WEEK: counts}}},
            "updated_at": MONDAY,
        }
    )


def test_the_organisation_is_the_default_of_who_has_no_preference() -> None:
    """Without a preference of their own a user has that of the space, else of the organisation (R7)."""
    liked = {"overrides_to": 4.0, "kept": 4.0}
    rows: dict[PreferenceLevel, LevelReading] = {
        "organisation": read_row(shared("organisation", "", **liked), S2, WEEK),
        "space": read_row(shared("space", "press", ratings=8.0, rating_sum=0.0), S2, WEEK),
    }
    user: dict[PreferenceLevel, LevelReading] = {"user": read_row(folded([rated(1.0)]), S2, WEEK)}
    neutral: dict[PreferenceLevel, LevelReading] = {"user": read_row(folded([finished()]), S2, WEEK)}
    default = merge_levels({"organisation": rows["organisation"]}, S2)
    both = merge_levels({**rows, **neutral}, S2)
    own = merge_levels({**rows, **user}, S2)
    assert default is not None
    assert both is not None
    assert own is not None
    assert default.scores == {"m1": pytest.approx(0.7)}
    assert both.scores["m1"] < 0.5
    assert own.scores["m1"] > 0.5
    assert [list((found.levels or {})["m1"]) for found in (default, both, own)] == [
        ["organisation"],
        ["space"],
        ["user"],
    ]


def test_nothing_fades() -> None:
    """The seed knows no time: years later the score is the same."""
    assert score([override()] * 3, S2, WEEK + 500) == pytest.approx(0.7)


@given(
    st.lists(events, max_size=30),
    st.builds(
        S2Constants,
        override_boost=st.floats(-1, 1),
        conversation_boost=st.floats(-1, 1),
        boost_cap=st.floats(0, 1),
        rating_weight=st.floats(0, 1),
        regenerated_weight=st.floats(0, 1),
        edited_weight=st.floats(0, 1),
    ),
)
def test_scores_stay_within_0_and_1(happened: list[Event], constants: S2Constants) -> None:
    """Whatever happened and whatever the constants, a score is in 0..1 (R7)."""
    found = view(happened, Preferences(method="s2", s2=constants))
    assert all(0 <= value <= 1 for value in found.scores.values())
