"""What people's behaviour teaches: the rows of a user and of the organisation, and the scores that decisions read."""

from datetime import datetime

from routing.build import fresh
from routing.preference_fold import fold_preference
from routing.preference_sharing import ORGANISATION, changed, shared_changes
from routing.preferences import LevelReading, merge_levels, read_row
from routing.weeks import week_of
from schemas.control_preferences import Preferences
from schemas.decision import PreferenceView
from schemas.feedback import PreferenceState
from schemas.outcome import OutcomeRated
from schemas.override import OverrideRequested
from schemas.provider_call import CallFinished
from schemas.statistics import PreferenceLevel
from tests.success.stream import Step


class Habits:
    """The preferences of one organisation and of its users, folded and shared as the feedback stage does."""

    def __init__(self, tenant: str, policy: Preferences) -> None:
        self._tenant = tenant
        self._policy = policy
        self._users: dict[str, PreferenceState] = {}
        self._organisation: PreferenceState | None = None

    def view(self, user: str, now: datetime) -> PreferenceView | None:
        """Return what decisions read of a user; None before anything is known."""
        rows: dict[PreferenceLevel, PreferenceState | None] = {
            "user": self._users.get(user),
            "organisation": self._organisation,
        }
        readings: dict[PreferenceLevel, LevelReading] = {
            level: read_row(row, self._policy, week_of(now)) for level, row in rows.items() if row is not None
        }
        return merge_levels(readings, self._policy)

    def fold(self, user: str, now: datetime, *events: CallFinished | OutcomeRated | OverrideRequested) -> None:
        """Fold what a user did; the organisation's row takes the difference of the user's votes."""
        before = self._users.get(user) or self._row("user", now, user=user)
        after = before
        for event in events:
            after = fold_preference(after, event, now)
        self._users[user] = after
        votes = shared_changes(before, after).get(ORGANISATION)
        if votes:
            organisation = self._organisation or self._row("organisation", now)
            self._organisation = changed(organisation, votes, now)

    def _row(self, level: PreferenceLevel, now: datetime, user: str = "") -> PreferenceState:
        named = {"tenant": self._tenant, "level": level, "user": user}
        return fresh(PreferenceState, {"version": 0, "observations": 0, "models": {}, "updated_at": now, **named})


def override(step: Step, user: str, model: str) -> OverrideRequested:
    """Return the command of a user who wants another model for one request."""
    request = f"r{step.number}"
    return fresh(
        OverrideRequested,
        {
            "id": f"o{step.number}",
            "occurred_at": step.at,
            "tenant": step.case.facts.tenant,
            "scope": "request",
            "model": model,
            "request_id": request,
            "user": user,
            "from_model": step.choice.model,
            "task_type": step.choice.task_type,
        },
    )
