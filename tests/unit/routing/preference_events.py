"""Events and rows for tests of preferences: one tenant, users by name, days after a fixed Monday."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import strategies as st

from routing.preference_fold import fold_preference, fold_reset
from routing.preferences import merge_levels, read_row
from routing.weeks import week_of
from schemas.control_preferences import Preferences
from schemas.decision import PreferenceView
from schemas.envelope import Event
from schemas.feedback import PreferenceState
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.preference import PreferenceReset
from schemas.provider_call import CallFinished
from schemas.usage import Usage

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = datetime(2027, 12, 1, tzinfo=UTC)
"""After all events: when they were written."""
WEEK = week_of(MONDAY)


def envelope(day: float = 0, user: str | None = "ana", **more: Any) -> dict[str, Any]:
    return {"id": "e", "occurred_at": MONDAY + timedelta(days=day), "tenant": "acme", "user": user, **more}


def override(model: str = "m1", from_model: str | None = None, **more: Any) -> OverrideRequested:
    return OverrideRequested(**envelope(**more), scope="request", request_id="r", model=model, from_model=from_model)


def rated(rating: float, model: str = "m1", **more: Any) -> OutcomeRated:
    return OutcomeRated(**envelope(**more), request_id="r", model=model, rating=rating)


def inferred(signal: Any, value: float = 1, model: str = "m1", **more: Any) -> OutcomeInferred:
    return OutcomeInferred(**envelope(**more), request_id="r", model=model, signal=signal, value=value)


def finished(model: str = "m1", **more: Any) -> CallFinished:
    extra = {name: more.pop(name) for name in ("forced_by", "cancelled") if name in more}
    return CallFinished(
        **envelope(**more),
        **extra,
        request_id="r",
        decision_id="d",
        attempt=1,
        attempt_id="a",
        instance="x-0",
        incarnation=1,
        model=model,
        provider="p",
        task_type="debugging",
        tier=2,
        usage=Usage(),
        cost=1,
        latency_ms=5,
    )


def reset(model: str | None = None, **more: Any) -> PreferenceReset:
    return PreferenceReset(**envelope(**more), model=model)


def user_row(user: str = "ana") -> PreferenceState:
    return PreferenceState(version=0, tenant="acme", user=user, observations=0, models={}, updated_at=MONDAY)


def after(row: PreferenceState, event: Event) -> PreferenceState:
    """Return the row after one event that feedback folds."""
    if isinstance(event, PreferenceReset):
        return fold_reset(row, event, LATER)
    assert isinstance(event, OverrideRequested | OutcomeRated | OutcomeInferred | CallFinished)
    return fold_preference(row, event, LATER)


def folded(events: Iterable[Event], row: PreferenceState | None = None) -> PreferenceState:
    return reduce(after, events, row or user_row())


def view(events: Iterable[Event], policy: Preferences | None = None, week: int = WEEK) -> PreferenceView:
    """Return what the user's row alone says in a week."""
    policy = policy or Preferences()
    found = merge_levels({"user": read_row(folded(events), policy, week)}, policy)
    assert found is not None
    return found


def score(
    events: Iterable[Event],
    policy: Preferences | None = None,
    week: int = WEEK,
    model: str = "m1",
) -> float:
    return view(events, policy, week).scores.get(model, 0.5)


models = st.sampled_from(["m1", "m2", "m3"])
days = st.integers(-200, 400)
spaces = st.sampled_from([None, "press", "lab"])
overrides = st.builds(
    override, st.sampled_from(["m1", "m2", "auto"]), st.sampled_from([None, "m2", "m3"]), day=days, space=spaces
)
ratings = st.builds(rated, st.floats(0, 1), models, day=days, space=spaces)
inferences = st.builds(
    inferred,
    st.sampled_from(["regenerated", "conversation_length", "edited", "abandoned", "tool_success"]),
    st.floats(0, 1000),
    models,
    day=days,
    space=spaces,
)
answers = st.builds(
    finished, models, forced_by=st.sampled_from([None, "override"]), cancelled=st.booleans(), day=days, space=spaces
)
events = st.one_of(overrides, ratings, inferences, answers)
