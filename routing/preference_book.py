"""The rows of ``preferences`` as a reader holds them: the highest version of each, read when a decision asks.

Rows are kept as the bytes they came in, which is a fraction of the memory of what they hold; what a row says by a
policy in a week is remembered until the row, the policy or the week changes.
"""

from datetime import datetime
from typing import Final

from routing.preferences import LevelReading, merge_levels, read_row
from routing.weeks import week_of
from schemas.control_preferences import Preferences
from schemas.decision import PreferenceView
from schemas.statistics import PreferenceLevel, PreferenceRow, preference_key

_MOST_READINGS: Final = 10_000


class PreferenceBook:
    """Rows by key; one follower adds, decisions read."""

    def __init__(self) -> None:
        """Start empty."""
        self._rows: dict[str, tuple[int, bytes]] = {}
        self._readings: dict[str, tuple[int, Preferences, LevelReading]] = {}

    def add(self, value: bytes) -> None:
        """Take a row unless a version as high is known; raises ``ValidationError`` for what is no row."""
        row = PreferenceRow.model_validate_json(value)
        key = preference_key(row.tenant, row.level, row.user if row.level == "user" else row.space)
        if row.version > self._rows.get(key, (0, b""))[0]:
            self._rows[key] = (row.version, value)
            self._readings.pop(key, None)

    def row(self, tenant: str, level: PreferenceLevel, name: str | None = None) -> PreferenceRow | None:
        """Return one row; ``name`` is the user or the space."""
        found = self._rows.get(preference_key(tenant, level, name))
        return None if found is None else PreferenceRow.model_validate_json(found[1])

    def view(
        self, tenant: str, user: str | None, space: str | None, policy: Preferences, now: datetime
    ) -> PreferenceView | None:
        """Return what a decision reads: all levels of the policy that there are rows of, merged."""
        week = week_of(now)
        wanted: list[tuple[PreferenceLevel, str | None]] = [("organisation", None)]
        if user is not None:
            wanted.append(("user", user))
        if space is not None:
            wanted.append(("space", space))
        readings: dict[PreferenceLevel, LevelReading] = {}
        for level, name in wanted:
            if level in policy.levels:
                reading = self._reading(preference_key(tenant, level, name), policy, week)
                if reading is not None:
                    readings[level] = reading
        return merge_levels(readings, policy)

    def _reading(self, key: str, policy: Preferences, week: int) -> LevelReading | None:
        found = self._rows.get(key)
        if found is None:
            return None
        known = self._readings.get(key)
        if known is not None and known[0] == week and known[1] is policy:
            return known[2]
        if len(self._readings) >= _MOST_READINGS:
            self._readings.clear()
        reading = read_row(PreferenceRow.model_validate_json(found[1]), policy, week)
        self._readings[key] = (week, policy, reading)
        return reading
