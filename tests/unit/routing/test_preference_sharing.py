"""Shared rows: the sum of everybody's votes, whatever happens in between; nobody's vote is worth more than one."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.preference_fold import MAX_MODELS
from routing.preference_sharing import ORGANISATION, changed, shared_changes, votes
from routing.preferences import influence, merge_levels, read_row
from routing.weeks import WEEKS
from schemas.control_preferences import LevelTrust, Preferences, SignalWeights
from schemas.envelope import Event
from schemas.feedback import PreferenceState
from schemas.statistics import Counts
from tests.unit.routing.preference_events import (
    LATER,
    MONDAY,
    WEEK,
    after,
    events,
    finished,
    inferred,
    override,
    rated,
    reset,
    user_row,
)

USERS = ["ana", "ben", "cleo"]
TARGETS = [ORGANISATION, "press", "lab"]


class Tenant:
    """User rows, and the shared rows that follow from them, as the stage keeps both."""

    def __init__(self) -> None:
        self.users: dict[str, PreferenceState] = {}
        self.shared: dict[str, PreferenceState] = {}

    def take(self, user: str, event: Event) -> None:
        before = self.users.get(user) or user_row(user)
        self.users[user] = after(before, event)
        for target, changes in shared_changes(before, self.users[user]).items():
            row = self.shared.get(target) or shared_row(target)
            self.shared[target] = changed(row, changes, LATER)

    def evidence(self, target: str) -> dict[str, dict[int, Counts]]:
        row = self.shared.get(target)
        return {} if row is None else row.evidence.get("", {})


def shared_row(target: str) -> PreferenceState:
    level = "organisation" if target == ORGANISATION else "space"
    return PreferenceState(
        version=0, tenant="acme", level=level, space=target, observations=0, models={}, updated_at=MONDAY
    )


def summed(users: Iterable[PreferenceState], target: str, newest: int) -> dict[str, dict[int, Counts]]:
    """Return the votes of all users, added up from their rows as they are."""
    total: dict[str, dict[int, Counts]] = {}
    for row in users:
        weeks = {week for by_model in row.evidence.values() for of in by_model.values() for week in of}
        for week in weeks:
            counts: dict[str, Counts] = {}
            for space, by_model in row.evidence.items():
                for model, of in by_model.items():
                    if week in of and target in {ORGANISATION, space}:
                        known = counts.setdefault(model, {})
                        for signal, amount in of[week].items():
                            known[signal] = known.get(signal, 0.0) + amount
            if week > newest - WEEKS:
                for model, found in votes(counts).items():
                    known = total.setdefault(model, {}).setdefault(week, {})
                    for signal, amount in found.items():
                        known[signal] = round(known.get(signal, 0.0) + amount, 6)
    return {
        model: {week: {s: a for s, a in found.items() if a} for week, found in weeks.items() if any(found.values())}
        for model, weeks in total.items()
        if any(any(found.values()) for found in weeks.values())
    }


happened = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.one_of(events, events, events, st.builds(reset, st.sampled_from([None, "m1"]), day=st.integers(-200, 400))),
    ),
    max_size=40,
)


@given(happened)
def test_a_shared_row_is_the_sum_of_all_votes(log: list[tuple[str, Event]]) -> None:
    """Kept up by differences, the rows of organisation and spaces equal the votes of all users counted anew."""
    tenant = Tenant()
    for user, event in log:
        tenant.take(user, event)
    for target in TARGETS:
        row = tenant.shared.get(target)
        assert tenant.evidence(target) == summed(tenant.users.values(), target, row.week if row is not None else 0)


@given(happened, st.permutations(USERS))
def test_when_everybody_has_reset_nothing_is_left(log: list[tuple[str, Event]], order: Sequence[str]) -> None:
    """Resets take back exactly what was given, in every row where the user counted (R7)."""
    tenant = Tenant()
    for user, event in log:
        tenant.take(user, event)
    for user in order:
        tenant.take(user, reset(day=500))
    assert all(tenant.evidence(target) == {} for target in TARGETS)


def test_a_week_is_one_vote() -> None:
    """Choices and opinions of a week are shared out, not added up; who does little counts for what they did."""
    assert votes({"m1": {"overrides_to": 3.0}, "m2": {"kept": 9.0, "overrides_from": 3.0}}) == {
        "m1": {"overrides_to": 0.25},
        "m2": {"kept": 0.75, "overrides_from": 0.25},
    }
    assert votes({"m1": {"ratings": 4.0, "rating_sum": 3.0}, "m2": {"regenerated": 4.0}}) == {
        "m1": {"ratings": 0.5, "rating_sum": 0.375},
        "m2": {"regenerated": 0.5},
    }


def organisation_score(tenant: Tenant, policy: Preferences, week: int, model: str = "m1") -> float:
    row = tenant.shared.get(ORGANISATION)
    view = None if row is None else merge_levels({"organisation": read_row(row, policy, week)}, policy)
    return 0.5 if view is None else view.scores.get(model, 0.5)


policies = st.builds(
    Preferences,
    half_life_days=st.integers(1, 90),
    reach=st.floats(0.1, 0.5),
    organisation=st.builds(LevelTrust, strength=st.floats(1, 100), min_evidence=st.floats(0, 10)),
    signals=st.builds(
        SignalWeights,
        override=st.floats(0, 1),
        rating=st.floats(0, 1),
        regenerated=st.floats(0, 1),
        edited=st.floats(0, 1),
        abandoned=st.floats(0, 1),
        tool_success=st.floats(0, 1),
        conversation=st.floats(-1, 1),
    ),
)


@given(
    st.lists(st.tuples(st.sampled_from(["ben", "cleo"]), events), max_size=30),
    st.lists(events, max_size=60),
    st.lists(events, max_size=60),
    policies,
    st.integers(-30, 60),
)
def test_whatever_one_user_does_moves_others_within_the_bound(
    others: list[tuple[str, Event]],
    one: list[Event],
    instead: list[Event],
    policy: Preferences,
    weeks: int,
) -> None:
    """Between any two courses of one user, the organisation's score of a model differs by at most ``influence``."""
    scores: list[float] = []
    for course in (one, instead):
        tenant = Tenant()
        for user, event in others:
            tenant.take(user, event)
        for event in course:
            tenant.take("ana", event)
        scores.append(organisation_score(tenant, policy, WEEK + weeks))
    assert abs(scores[0] - scores[1]) <= influence(policy, "organisation") + 1e-5


def zealot(tenant: Tenant, user: str, model: str, weeks: int) -> None:
    """Do the most that one person can, week after week: choose and praise one model, again and again."""
    for week in range(weeks):
        for _ in range(20):
            tenant.take(user, override(model, day=7 * week))
            tenant.take(user, rated(1.0, model, day=7 * week))


def test_one_zealot_is_bounded_and_a_week_of_one_is_nothing() -> None:
    """One person alone cannot turn an organisation, and cannot be heard at all in a week (R7)."""
    policy = Preferences()
    tenant = Tenant()
    zealot(tenant, "ana", "m1", 1)
    assert organisation_score(tenant, policy, WEEK) == 0.5
    tenant = Tenant()
    zealot(tenant, "ana", "m1", 30)
    moved = organisation_score(tenant, policy, WEEK + 29) - 0.5
    assert 0 < moved < 0.1 < influence(policy, "organisation") < 0.2


def test_many_users_move_it() -> None:
    """What forty people do in a month is the organisation's preference (R7)."""
    tenant = Tenant()
    for number in range(40):
        for week in range(4):
            tenant.take(f"user-{number}", override("m1", "m2", day=7 * week))
    policy = Preferences()
    assert organisation_score(tenant, policy, WEEK + 3) > 0.7
    assert organisation_score(tenant, policy, WEEK + 3, "m2") < 0.3
    zealot(tenant, "ana", "m2", 4)
    assert organisation_score(tenant, policy, WEEK + 3, "m2") < 0.35


def test_spaces_hear_only_their_own() -> None:
    """What happens in a space counts there and for the organisation, not in other spaces."""
    tenant = Tenant()
    tenant.take("ana", override(space="press"))
    tenant.take("ana", override("m2", space="lab"))
    tenant.take("ana", override("m3"))
    assert tenant.evidence("press") == {"m1": {WEEK: {"overrides_to": 1}}}
    assert tenant.evidence("lab") == {"m2": {WEEK: {"overrides_to": 1}}}
    assert set(tenant.evidence(ORGANISATION)) == {"m1", "m2", "m3"}
    assert tenant.evidence(ORGANISATION)["m1"][WEEK]["overrides_to"] == pytest.approx(1 / 3, abs=1e-6)


def test_invented_models_cannot_crowd_out_real_ones() -> None:
    """A shared row is bounded; beyond that the model with the least votes goes, not the one that came last."""
    tenant = Tenant()
    for number in range(MAX_MODELS):
        tenant.take("vandal", override(f"invented-{number}"))
    for number in range(3):
        tenant.take(f"user-{number}", finished("real"))
        tenant.take(f"user-{number}", inferred("regenerated", 1, "real"))
    assert "real" in tenant.evidence(ORGANISATION)
    assert len(tenant.evidence(ORGANISATION)) == MAX_MODELS
