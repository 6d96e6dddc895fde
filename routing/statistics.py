"""Fold of the model statistics (DESIGN 9): how models perform. Preferences: ``routing.preference_fold``.

Every row is a sum of counts: folding the same events in another order gives the same counts. Which event was folded
already is known from the fence in the value (``routing.fence``), never guessed here.
"""

from datetime import datetime
from typing import Final, TypeVar

from routing.histogram import observed
from routing.weeks import plus
from schemas.classification import TaskType
from schemas.outcome import OutcomeRated
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown
from schemas.statistics import ModelStatisticsRow

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

StatisticsEvent = CallFinished | CallFailed | CallUnknown | OutcomeRated

_S = TypeVar("_S", bound=ModelStatisticsRow)


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
        update["rating_sum"] = plus(row.rating_sum, event.rating)
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
