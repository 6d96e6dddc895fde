"""Preferences as people see and reset them: what each level says of which model, and because of what."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from pointsman.log_reader import LogReader
from pointsman.publisher import ClientError, Publisher
from routing.preference_book import PreferenceBook
from routing.preferences import ORDER, choices_of, observe, sums
from routing.weeks import week_of
from schemas import topics
from schemas.control_preferences import Preferences
from schemas.feedback import PreferenceState
from schemas.preference import PreferenceReset
from schemas.statistics import Counts, PreferenceLevel, PreferenceRow, Signal, preference_key
from streams.log_reader import Place, read_range
from streams.settings import Settings

_DECIMALS: Final = 4
_POLL: Final = 0.2
_WORDS: Final[tuple[tuple[Signal, str], ...]] = (
    ("overrides_to", "chosen by hand"),
    ("overrides_from", "replaced by hand"),
    ("ratings", "rated"),
    ("regenerated", "asked again"),
    ("edited", "edited"),
    ("abandoned", "abandoned"),
    ("tool_success", "tools judged"),
    ("long_conversations", "long conversations"),
)
_MEANS: Final[Mapping[Signal, Signal]] = {
    "ratings": "rating_sum",
    "edited": "edited_sum",
    "tool_success": "tool_success_sum",
}


class NotForgottenError(ClientError):
    """The reset is in the log, but no feedback stage has followed it in time."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose preferences: those of ``user`` in ``space``; without either those of the level above."""

    tenant: str
    user: str | None
    space: str | None

    def names(self) -> dict[PreferenceLevel, str | None]:
        """Return level -> name of the rows that are read, nearest first."""
        named: dict[PreferenceLevel, str | None] = {"user": self.user, "space": self.space}
        return {level: named.get(level) for level in ORDER if level == "organisation" or named.get(level) is not None}


def read_book(settings: Settings, place: Place, tenant: str) -> PreferenceBook:
    """Return the rows of one tenant; ``place`` is its partition of ``preferences``."""
    book = PreferenceBook()
    prefix = f"{tenant}|".encode()
    for record in read_range(settings, {place: 0}):
        if record.value is not None and (record.key or b"").startswith(prefix):
            try:
                book.add(record.value)
            except ValidationError:
                continue  # a row of another version is not shown; the stage will say so
    return book


def shown(book: PreferenceBook, asked: Asked, policy: Preferences, now: datetime) -> list[dict[str, Any]]:
    """Return one row per model about which anything was observed, the most preferred first.

    ``score`` is what a decision would read now; ``evidence`` the weighted, decayed observations per level; ``levels``
    what each level says and its share in the score; ``moved_by`` plain counts of the nearest level that has any.
    """
    view = book.view(asked.tenant, asked.user, asked.space, policy, now)
    if view is None:
        return []
    rows = {
        level: row for level, name in asked.names().items() if (row := book.row(asked.tenant, level, name)) is not None
    }
    counts = {level: sums(row, row.week, None) for level, row in rows.items()}
    evidence = {level: _evidence(row, policy, week_of(now)) for level, row in rows.items()}
    models = {model for by_model in counts.values() for model, of in by_model.items() if _moving(of)}
    found: list[dict[str, Any]] = []
    for model in sorted(models, key=lambda model: (-view.scores.get(model, 0.5), model)):
        said = (view.levels or {}).get(model, {})
        nearest = next(level for level, by_model in counts.items() if _moving(by_model.get(model, {})))
        found.append(
            {
                "model": model,
                "score": view.scores.get(model, 0.5),
                "evidence": {level: of[model] for level, of in evidence.items() if of.get(model)},
                "levels": {level: one.model_dump() for level, one in said.items()},
                "moved_by": {"level": nearest, **_moving(counts[nearest][model])},
            }
        )
    return found


def _evidence(row: PreferenceRow, policy: Preferences, week: int) -> dict[str, float]:
    counts = sums(row, week, policy.half_life_days)
    choices = choices_of(counts) if row.level == "user" else None
    return {
        model: round(observe(of, choices, policy.signals, policy.frequency).amount, _DECIMALS)
        for model, of in counts.items()
    }


def _moving(counts: Counts) -> dict[str, float]:
    """Return what is evidence at all among the counts; answers that nobody minded are none."""
    wanted = {signal for signal, _ in _WORDS} | set(_MEANS.values())
    return {signal: round(amount, _DECIMALS) for signal, amount in sorted(counts.items()) if signal in wanted}


def moved_words(moved_by: Mapping[str, Any]) -> str:
    """Return ``moved_by`` for people: ``3 chosen by hand, 2 rated (mean 0.8)``."""
    parts: list[str] = []
    for signal, words in _WORDS:
        amount = moved_by.get(signal)
        if amount:
            total = moved_by.get(_MEANS.get(signal, signal), 0.0)
            mean = f" (mean {total / amount:.2g})" if signal in _MEANS else ""
            parts.append(f"{amount:g} {words}{mean}")
    return ", ".join(parts) or "-"


def forget(settings: Settings, event: PreferenceReset, timeout: float) -> None:
    """Publish a reset and wait until the user's row follows it; raise `NotForgottenError`."""
    key = preference_key(event.tenant, "user", event.user).encode()
    publisher = Publisher(settings)
    try:
        with LogReader(settings) as reader:
            reader.assign(reader.ends(reader.places(topics.PREFERENCES)))
            _, offset = publisher.publish(event.to_output(topics.OUTCOMES))
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline:
                for record in reader.poll(_POLL):
                    if record.key == key and record.value is not None:
                        row = PreferenceState.model_validate_json(record.value)
                        if row.fence.get(topics.OUTCOMES, -1) >= offset:
                            return
    finally:
        publisher.close()
    raise NotForgottenError(
        f"the reset is published, but was not followed within {timeout:.0f} s; it will be. Is feedback up? "
        "pointsman status"
    )
