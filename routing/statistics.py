"""Folds of the feedback tables (SPEC R7, DESIGN 9): what people's behaviour says about models, and how models perform.

Every row is a sum of counts: folding the same events in another order gives the same counts and scores. Which
event was folded already is known from the fence in the value (``routing.fence``), never guessed here.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from routing.histogram import observed
from schemas.classification import TaskType
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown
from schemas.statistics import ModelPreference, ModelStatisticsRow, PreferenceRow

AUTO: Final = "auto"
DECIMALS: Final = 9
MAX_MODELS: Final = 64
"""Models one user's row may name; clients choose the names in overrides, so the row must be bounded."""
_SUM_DECIMALS: Final = 6
_NOT_THE_MODEL: Final = frozenset(
    {
        "not_sent",
        "cancelled",
        "adapter_bug",
        "authentication",
        "not_found",
        "invalid_request",
        "context_window",
        "content_policy",
    }
)
"""Categories of failure whose cause is the request, our config or ourselves: they say nothing about the model."""
_TASK_TYPES: Final = frozenset(TaskType)

PreferenceEvent = OverrideRequested | OutcomeRated | OutcomeInferred | CallFinished
StatisticsEvent = CallFinished | CallFailed | CallUnknown | OutcomeRated

_P = TypeVar("_P", bound=PreferenceRow)
_S = TypeVar("_S", bound=ModelStatisticsRow)


@dataclass(frozen=True, slots=True)
class PreferenceWeights:
    """Parameters of the score (SPEC R7): thresholds are passed, not reached; a weight may be negative.

    ``prior``: pseudo-observations that draw ratings and regenerations towards neutral while there are few.
    """

    base: float = 0.5
    override_threshold: float = 0.3
    override_boost: float = 0.2
    conversation_threshold: float = 10.0
    conversation_boost: float = 0.1
    boost_cap: float = 0.3
    rating_weight: float = 0.2
    regeneration_weight: float = 0.2
    prior: float = 2.0


DEFAULT_WEIGHTS: Final = PreferenceWeights()


def preference_score(counts: ModelPreference, observations: int, weights: PreferenceWeights = DEFAULT_WEIGHTS) -> float:
    """Return the score in 0..1 of one model for one user (SPEC R7, seed S2's tier 4), rounded to nine decimals.

    Override frequency = overrides to the model / choices observed of the user; average conversation length = answers
    per closed conversation. Boosts add, capped together; ratings (0.5 is neutral) and regenerations move the base.
    """
    boost = 0.0
    if observations and counts.overrides_to / observations > weights.override_threshold:
        boost += weights.override_boost
    if counts.conversations and counts.conversation_length_sum / counts.conversations > weights.conversation_threshold:
        boost += weights.conversation_boost
    boost = max(-weights.boost_cap, min(weights.boost_cap, boost))
    rated = (2 * counts.rating_sum - counts.ratings) / (counts.ratings + weights.prior)
    regenerated = counts.regenerations / (max(counts.answers, counts.regenerations) + weights.prior)
    score = weights.base + weights.rating_weight * rated - weights.regeneration_weight * regenerated + boost
    return round(max(0.0, min(1.0, score)), DECIMALS)


def fold_preference(row: _P, event: PreferenceEvent, now: datetime, weights: PreferenceWeights = DEFAULT_WEIGHTS) -> _P:
    """Return the user's row after ``event``; the row itself when the event says nothing about a preference.

    ``event`` must name the row's user. A choice observed is an override, or an answer whose model was not forced.
    """
    changes, choices = _preference_changes(event)
    known = row.models
    changes = {name: change for name, change in changes.items() if name in known or len(known) < MAX_MODELS}
    if not changes:
        return row
    observations = row.observations + choices
    models = dict(known)
    for name, change in changes.items():
        models[name] = _add(models.get(name, _NEUTRAL), change)
    scored = {
        name: counts.model_copy(update={"score": preference_score(counts, observations, weights)})
        for name, counts in models.items()
    }
    return row.model_copy(
        update={
            "version": row.version + 1,
            "observations": observations,
            "models": scored,
            "updated_at": max(row.updated_at, now),
        }
    )


_NEUTRAL: Final = ModelPreference()


def _preference_changes(event: PreferenceEvent) -> tuple[dict[str, ModelPreference], int]:
    """Return what the event adds to the counts of which model, and how many choices of the user it shows."""
    match event:
        case OverrideRequested(model=model) if model != AUTO:
            changes = {model: ModelPreference(overrides_to=1)}
            if event.from_model is not None and event.from_model != model:
                changes[event.from_model] = ModelPreference(overrides_from=1)
            choices = 1
        case CallFinished(cancelled=False):
            changes, choices = {event.model: ModelPreference(answers=1)}, int(event.forced_by is None)
        case OutcomeRated():
            changes, choices = {event.model: ModelPreference(ratings=1, rating_sum=event.rating)}, 0
        case OutcomeInferred(signal="regenerated"):
            changes, choices = {event.model: ModelPreference(regenerations=1)}, 0
        case OutcomeInferred(signal="conversation_length"):
            length = event.value
            changes, choices = {event.model: ModelPreference(conversations=1, conversation_length_sum=length)}, 0
        case _:
            changes, choices = {}, 0
    return changes, choices


def _add(one: ModelPreference, other: ModelPreference) -> ModelPreference:
    """Return the sum of the counts; the score is computed from them afterwards."""
    return ModelPreference(
        answers=one.answers + other.answers,
        overrides_to=one.overrides_to + other.overrides_to,
        overrides_from=one.overrides_from + other.overrides_from,
        ratings=one.ratings + other.ratings,
        rating_sum=_sum(one.rating_sum, other.rating_sum),
        regenerations=one.regenerations + other.regenerations,
        conversations=one.conversations + other.conversations,
        conversation_length_sum=_sum(one.conversation_length_sum, other.conversation_length_sum),
    )


def _sum(one: float, other: float) -> float:
    """Add on a grid of 1e-6, so that the order of additions cannot be seen."""
    return round(one + round(other, _SUM_DECIMALS), _SUM_DECIMALS)


def task_type_of(text: str) -> str:
    """Return ``text`` if it is of the taxonomy (SPEC R8), else ``general``: clients cannot create rows at will."""
    return text if text in _TASK_TYPES else TaskType.GENERAL.value


def says_something(event: CallEvent | OutcomeRated) -> bool:
    """Return whether ``fold_statistics`` would count the event."""
    if isinstance(event, CallFailed):
        return event.category not in _NOT_THE_MODEL
    if isinstance(event, CallFinished):
        return not event.cancelled
    return isinstance(event, OutcomeRated | CallUnknown)


def fold_statistics(row: _S, event: StatisticsEvent, now: datetime) -> _S:
    """Return the model's row after ``event``; the row itself when the event says nothing about the model.

    ``event`` must be of the row's model and task type. A call is a success, a failure or unknown, never two of them.
    """
    if not says_something(event):
        return row
    update: dict[str, object] = {"version": row.version + 1, "updated_at": max(row.updated_at, now)}
    if isinstance(event, OutcomeRated):
        update["ratings"] = row.ratings + 1
        update["rating_sum"] = _sum(row.rating_sum, event.rating)
        return row.model_copy(update=update)
    update["calls"] = row.calls + 1
    if isinstance(event, CallUnknown):
        update["unknowns"] = row.unknowns + 1
        return row.model_copy(update=update)
    update["input_tokens"] = row.input_tokens + event.usage.input_tokens
    update["output_tokens"] = row.output_tokens + event.usage.output_tokens
    update["cost_pico"] = row.cost_pico + event.cost
    if isinstance(event, CallFailed) or event.finish_reason == "error":
        update["failures"] = row.failures + 1
        return row.model_copy(update=update)
    update["successes"] = row.successes + 1
    update["latency_buckets"] = observed(row.latency_buckets, event.latency_ms)
    if event.usage.output_tokens > 0:
        update["output_buckets"] = observed(row.output_buckets, event.usage.output_tokens)
    if event.ttft_ms is not None:
        update["ttft_buckets"] = observed(row.ttft_buckets, event.ttft_ms)
    return row.model_copy(update=update)
