"""The decayed reading: evidence fades, little of it says nothing, and each level is drawn to the one above."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.preferences import ORDER, LevelReading, Observed, merge_levels, read_row, scored
from schemas.control_preferences import LevelTrust, Preferences, SignalWeights
from schemas.decision import PreferenceView
from schemas.envelope import Event
from tests.unit.routing.preference_events import (
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

POLICY = Preferences()


def weighing(**weights: float) -> Preferences:
    none = dict.fromkeys(SignalWeights.model_fields, 0.0)
    return Preferences(signals=SignalWeights.model_validate({**none, **weights}))


def merged(policy: Preferences = POLICY, **levels: tuple[float, float]) -> PreferenceView:
    """Return the merged view of levels that observed (amount, mean value) of one model."""
    readings = {
        level: LevelReading(1, {"m1": Observed(levels[level][0], levels[level][0] * levels[level][1])}, {})
        for level in ORDER
        if level in levels
    }
    found = merge_levels(readings, policy)
    assert found is not None
    return found


def test_overrides_make_a_preference() -> None:
    """A user who keeps choosing a model by hand comes to prefer it, and to avoid the one they leave (R7)."""
    scores = [score([override("m1", "m2")] * times) for times in (1, 2, 5, 50)]
    assert scores[0] == 0.5
    assert 0.5 < scores[1] < scores[2] < scores[3] < 0.8
    assert score([override("m1", "m2")] * 5, model="m2") == pytest.approx(1 - scores[2])


def test_a_level_with_little_evidence_cannot_tell() -> None:
    """Below the minimum of evidence there is no effect at all, and nothing is said (R7)."""
    assert view([override()]).scores == {}
    assert view([override()] * 2).scores != {}
    assert score([override()] * 9, Preferences(user=LevelTrust(strength=5, min_evidence=10))) == 0.5


def test_rare_overrides_weigh_less() -> None:
    """Five overrides in five hundred choices are an exception, not a preference (R7: frequency)."""
    often, rarely = [override()] * 5, [*[override()] * 5, *[finished("m2")] * 495]
    assert score(often) > 0.6
    assert score(rarely) == 0.5


def test_an_answer_that_nobody_minded_says_nothing() -> None:
    """What the router chose does not become preferred by being chosen."""
    assert score([finished()] * 200) == 0.5


def test_evidence_fades() -> None:
    """After a half-life it weighs half: the score returns to neutral with time, and to nothing below the minimum."""
    liked = [override()] * 12
    scores = [score(liked, week=WEEK + weeks) for weeks in (0, 4, 8, 12, 30)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.65
    assert scores[-1] == 0.5
    slow = Preferences(half_life_days=90)
    assert score(liked, slow, WEEK + 8) > score(liked, POLICY, WEEK + 8)


def test_the_latest_evidence_counts_most() -> None:
    """A user who changed their mind is believed."""
    changed = [*[rated(1.0)] * 6, *[rated(0.0, day=70)] * 6]
    assert score(changed, week=WEEK + 10) < 0.45


def test_a_half_life_halves() -> None:
    """Seven days at a half-life of seven: the weight of the evidence is exactly half."""
    weekly = Preferences(half_life_days=7)
    row = folded([rated(1.0)] * 8)
    assert read_row(row, weekly, WEEK).observed["m1"].amount == 8
    assert read_row(row, weekly, WEEK + 1).observed["m1"].amount == 4


@pytest.mark.parametrize(
    ("signal", "event", "weight", "says"),
    [
        ("override", override("m1"), 0.8, 1.0),
        ("rating", rated(0.9), 0.7, 0.9),
        ("regenerated", inferred("regenerated"), 0.6, 0.0),
        ("edited", inferred("edited", 0.3), 0.5, 0.7),
        ("abandoned", inferred("abandoned"), 0.4, 0.0),
        ("tool_success", inferred("tool_success", 1), 0.3, 1.0),
        ("tool_success", inferred("tool_success", 0), 0.3, 0.0),
        ("conversation", inferred("conversation_length", 11), 0.2, 1.0),
        ("conversation", inferred("conversation_length", 11), -0.2, 0.0),
    ],
)
def test_what_a_signal_says(signal: str, event: Event, weight: float, says: float) -> None:
    """Each signal counts as many observations as its weight, of its value; with weight 0 it does not count (U2)."""
    row = folded([event])
    found = read_row(row, weighing(**{signal: weight}), WEEK).observed["m1"]
    assert found.amount == pytest.approx(abs(weight))
    assert found.total / found.amount == pytest.approx(says)
    assert read_row(row, weighing(), WEEK).observed["m1"].amount == 0


def test_short_conversations_say_nothing() -> None:
    """Ten answers are no long conversation, and no bad sign either (R7)."""
    assert read_row(folded([inferred("conversation_length", 10)]), POLICY, WEEK).observed["m1"].amount == 0


def test_the_formula_as_documented() -> None:
    """Estimates are drawn to the level above by n / (n + k), the outermost first; shares add up to one with neutral."""
    found = merged(user=(5, 1.0), space=(10, 0.0), organisation=(40, 1.0))
    organisation = (40 * 0.5 + 40) / 80
    space = (40 * organisation + 0) / 50
    user = (5 * space + 5) / 10
    assert found.scores["m1"] == pytest.approx(0.5 + 0.6 * (user - 0.5))
    said = (found.levels or {})["m1"]
    assert {level: one.share for level, one in said.items()} == pytest.approx(
        {"user": 0.5, "space": 0.1, "organisation": 0.2}
    )
    assert [one.says for one in said.values()] == [1.0, 0.0, 1.0]


def test_levels_that_are_left_out_are_not_read() -> None:
    """A policy names the levels it reads; without any, preferences have no effect."""
    only_user = Preferences(levels=("user",))
    assert merged(only_user, user=(5, 1.0), organisation=(400, 0.0)) == merged(only_user, user=(5, 1.0))
    assert merged(Preferences(levels=()), user=(5, 1.0)).scores == {}


def test_no_row_is_no_view() -> None:
    """Where nothing is known of anybody a decision reads nothing."""
    assert merge_levels({}, POLICY) is None


@given(st.lists(events, max_size=30), st.integers(-60, 60), st.floats(0, 0.5), st.integers(1, 90))
def test_scores_stay_within_reach(happened: list[Event], weeks: int, reach: float, half_life: int) -> None:
    """Whatever happened, whenever it is read: scores are within ``reach`` of neutral, shares within 0..1."""
    found = view(happened, Preferences(reach=reach, half_life_days=half_life), WEEK + weeks)
    assert all(abs(value - 0.5) <= reach + 1e-9 for value in found.scores.values())
    for said in (found.levels or {}).values():
        assert 0 <= sum(one.share for one in said.values()) <= 1
        assert all(0 <= one.says <= 1 for one in said.values())


def test_a_row_shows_its_own_score() -> None:
    """A row carries, per model, its score by the default policy and the evidence behind it."""
    row = scored(folded([override("m1", "m2")] * 5))
    assert row.models["m1"].score == pytest.approx(0.65)
    assert row.models["m2"].score == pytest.approx(0.35)
    assert (row.models["m1"].evidence, row.models["m1"].overrides_to) == (5, 5)
