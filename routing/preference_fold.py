"""A user's row after an event: counts by space, model and week (SPEC R7, U2); pure sums of what was observed.

What an event adds:

| event | adds |
|---|---|
| override to a model (not ``auto``) | ``overrides_to`` of it, ``overrides_from`` of the model it replaces |
| an answer, not cancelled | ``kept`` of its model, unless the model was forced |
| rating | ``ratings`` 1, ``rating_sum`` the rating |
| ``regenerated``, ``abandoned`` | 1 |
| ``edited``, ``tool_success`` | 1, and the value (at most 1) to the sum |
| ``conversation_length`` | ``conversations`` 1, answers (at most 100) to the sum, ``long_conversations`` above ten |
| reset | nothing: it removes the model's counts, or all |

The same events in any order give the same row, except: the first ``MAX_MODELS`` models and ``MAX_SPACES`` spaces are
kept (later spaces count as none), and a reset removes what was read before it, and nothing that is read later and
happened later. An event counts in the week in which it happened, and not after the week in which the broker took it;
what is more than 26 weeks older than the newest seen is not kept, whenever it arrives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from routing.weeks import WEEKS, added, plus, since, week_of
from schemas.envelope import EPOCH
from schemas.feedback import PreferenceState
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.preference import PreferenceReset
from schemas.provider_call import CallFinished
from schemas.statistics import NOWHERE, Counts, ModelPreference, Weeks

AUTO: Final = "auto"
MAX_MODELS: Final = 64
"""Models one row may name; clients choose the names in overrides, so the row must be bounded."""
MAX_SPACES: Final = 16
"""Spaces one user's evidence is kept apart for."""
LONG_ANSWERS: Final = 10
"""A conversation of more answers is a long one (seed S2)."""
MOST_ANSWERS: Final = 100
"""Answers of one conversation that count: one endless conversation is not a hundred long ones."""

PreferenceEvent = OverrideRequested | OutcomeRated | OutcomeInferred | CallFinished
_NEUTRAL: Final = ModelPreference()


@dataclass(slots=True)
class _Observed:
    """What one event adds: to the counts of a week, to the lifetime counts, and to the choices of the user."""

    counts: dict[str, Counts] = field(default_factory=dict[str, Counts])
    lifetime: dict[str, ModelPreference] = field(default_factory=dict[str, ModelPreference])
    choices: int = 0


def when(event: PreferenceEvent, now: datetime) -> datetime:
    """Return when an event happened: never after ``now``, its time in the log (the epoch where that is unknown)."""
    return event.occurred_at if now == EPOCH else min(event.occurred_at, now)


def fold_preference(row: PreferenceState, event: PreferenceEvent, now: datetime) -> PreferenceState:
    """Return the user's row after ``event``; the row itself when the event says nothing about a preference.

    ``event`` must name the row's user. Scores are not computed here but once per batch (``routing.preferences``).
    """
    observed = _observe(event)
    known, at = row.models, when(event, now)
    names = [
        name
        for name in observed.lifetime
        if (name in known or len(known) < MAX_MODELS) and not _forgotten(row, name, at)
    ]
    if not names:
        return row
    week = week_of(at)
    newest = max(row.week, week)
    place = event.space or NOWHERE
    evidence: dict[str, dict[str, Weeks]] = dict(aged(row.evidence, row.week, newest))
    if place not in evidence and len(evidence) > MAX_SPACES:
        place = NOWHERE
    if week > newest - WEEKS:
        for name in names:
            counts = observed.counts.get(name)
            if counts:
                evidence[place] = added_to(evidence.get(place, {}), name, week, counts)
    return row.model_copy(
        update={
            "version": row.version + 1,
            "observations": row.observations + observed.choices,
            "models": {**known, **{name: _sum(known.get(name, _NEUTRAL), observed.lifetime[name]) for name in names}},
            "week": newest,
            "evidence": evidence,
            "updated_at": max(row.updated_at, now),
        }
    )


def fold_reset(row: PreferenceState, event: PreferenceReset, now: datetime) -> PreferenceState:
    """Return the user's row without what was learned about the event's model, or about all."""
    at = event.occurred_at if now == EPOCH else min(event.occurred_at, now)
    name = event.model or ""
    gone = set(row.models) if event.model is None else {event.model}
    models = {model: counts for model, counts in row.models.items() if model not in gone}
    evidence = {
        space: left
        for space, by_model in row.evidence.items()
        if (left := {model: weeks for model, weeks in by_model.items() if model not in gone})
    }
    resets = {} if event.model is None else {**row.resets}
    if name in resets or len(resets) <= MAX_MODELS:
        resets[name] = max(at, row.resets.get(name, at))
    rated = {**row.rated_before}
    for model in gone & set(row.models):
        if row.models[model].ratings and (model in rated or len(rated) < MAX_MODELS):
            rated[model] = rated.get(model, 0) + row.models[model].ratings
    return row.model_copy(
        update={
            "version": row.version + 1,
            "observations": 0 if event.model is None else row.observations,
            "models": models,
            "evidence": evidence,
            "open": tuple(one for one in row.open if event.model is not None and one.model not in gone),
            "resets": resets,
            "rated_before": rated,
            "updated_at": max(row.updated_at, now),
        }
    )


def aged(evidence: dict[str, dict[str, Weeks]], before: int, newest: int) -> dict[str, dict[str, Weeks]]:
    """Return the evidence without the weeks that ``newest`` makes too old; what stays is the same object."""
    if newest == before:
        return dict(evidence)
    kept: dict[str, dict[str, Weeks]] = {}
    for space, by_model in evidence.items():
        left = {model: weeks for model, all_of in by_model.items() if (weeks := since(all_of, newest - WEEKS + 1))}
        if left:
            kept[space] = left
    return kept


def added_to(by_model: Mapping[str, Weeks], model: str, week: int, counts: Counts) -> dict[str, Weeks]:
    """Return the evidence of one place with ``counts`` added to one week of one model; empty weeks are left out."""
    weeks = by_model.get(model, {})
    total = added(weeks.get(week, {}), counts)
    changed = {**weeks, week: total} if total else {number: of for number, of in weeks.items() if number != week}
    if changed:
        return {**by_model, model: changed}
    return {name: of for name, of in by_model.items() if name != model}


def _forgotten(row: PreferenceState, model: str, at: datetime) -> bool:
    return any(at <= row.resets[name] for name in ("", model) if name in row.resets)


def _observe(event: PreferenceEvent) -> _Observed:
    match event:
        case OverrideRequested(model=model) if model != AUTO:
            observed = _Observed({model: {"overrides_to": 1.0}}, {model: ModelPreference(overrides_to=1)}, 1)
            if event.from_model is not None and event.from_model != model:
                observed.counts[event.from_model] = {"overrides_from": 1.0}
                observed.lifetime[event.from_model] = ModelPreference(overrides_from=1)
        case CallFinished(cancelled=False):
            chosen = event.forced_by is None
            counts: Counts = {"kept": 1.0} if chosen else {}
            observed = _Observed({event.model: counts}, {event.model: ModelPreference(answers=1)}, int(chosen))
        case OutcomeRated():
            lifetime = ModelPreference(ratings=1, rating_sum=event.rating)
            observed = _Observed({event.model: {"ratings": 1.0, "rating_sum": event.rating}}, {event.model: lifetime})
        case OutcomeInferred():
            observed = _Observed({event.model: _inferred(event)}, {event.model: _lifetime(event)})
        case _:
            observed = _Observed()
    return observed


def _inferred(event: OutcomeInferred) -> Counts:
    share = min(event.value, 1.0)
    match event.signal:
        case "edited":
            counts: Counts = {"edited": 1.0, "edited_sum": share}
        case "tool_success":
            counts = {"tool_success": 1.0, "tool_success_sum": share}
        case "conversation_length":
            length = min(event.value, float(MOST_ANSWERS))
            counts = {"conversations": 1.0, "conversation_length_sum": length}
            if event.value > LONG_ANSWERS:
                counts["long_conversations"] = 1.0
        case _:
            counts = {event.signal: 1.0}
    return counts


def _lifetime(event: OutcomeInferred) -> ModelPreference:
    if event.signal == "regenerated":
        return ModelPreference(regenerations=1)
    if event.signal == "conversation_length":
        return ModelPreference(conversations=1, conversation_length_sum=event.value)
    return _NEUTRAL


def _sum(one: ModelPreference, other: ModelPreference) -> ModelPreference:
    return ModelPreference(
        answers=one.answers + other.answers,
        overrides_to=one.overrides_to + other.overrides_to,
        overrides_from=one.overrides_from + other.overrides_from,
        ratings=one.ratings + other.ratings,
        rating_sum=plus(one.rating_sum, other.rating_sum),
        regenerations=one.regenerations + other.regenerations,
        conversations=one.conversations + other.conversations,
        conversation_length_sum=plus(one.conversation_length_sum, other.conversation_length_sum),
    )
