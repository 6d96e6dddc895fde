"""The feedback stage's pure core: records of one partition in, changed table rows and events out (DESIGN 9)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from routing.conversations import follow, length_outcome
from routing.dead_letters import dead_letter
from routing.fence import Mark, is_new, marked
from routing.preference_fold import PreferenceEvent, fold_preference, fold_reset
from routing.preference_sharing import SharedRows, shared_changes
from routing.preferences import scored
from routing.statistics import (
    StatisticsEvent,
    fold_statistics,
    says_something,
    task_type_of,
)
from schemas.dead_letter import DeadLetter
from schemas.envelope import EPOCH, Event, at_ms
from schemas.feedback import PreferenceState, StatisticsState
from schemas.inbound import Rejection, parse
from schemas.outcome import OutcomeInferred, OutcomeRated
from schemas.override import OverrideRequested
from schemas.preference import PreferenceReset
from schemas.provider_call import CallEvent, CallFailed, CallFinished, CallUnknown
from schemas.record import Record
from schemas.statistics import preference_key
from schemas.topics import BY_NAME, OUTCOMES

STAGE: Final = "feedback"
SHARED_RATINGS: Final = 20
"""Ratings of one model by one user that count in the statistics everybody's decisions read."""


@dataclass(frozen=True, slots=True)
class Tables:
    """How the rows as they are now are read, and whether clients' ratings may still create rows of models."""

    preference: Callable[[str], PreferenceState | None]
    statistics: Callable[[str], StatisticsState | None]
    room: bool = True


@dataclass(slots=True)
class Changes:
    """What a batch does: rows by key, dead letters, inferred outcomes, and how many records were skipped and why.

    Rows are written in the order of these fields: those of users before those they are shared with.
    """

    preferences: dict[str, PreferenceState] = field(default_factory=dict)
    """Rows of users."""
    shared: dict[str, PreferenceState] = field(default_factory=dict)
    """Rows of spaces and organisations."""
    statistics: dict[str, StatisticsState] = field(default_factory=dict)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    inferred: list[OutcomeInferred] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


class FeedbackBatch:
    """Folds records of one partition, in log order per topic; ``partitions`` is the count of tenant-keyed topics."""

    def __init__(self, partition: int, partitions: int, tables: Tables, engine: str = "") -> None:
        self._partition = partition
        self._partitions = partitions
        self._tables = tables
        self._engine = engine
        self._shared = SharedRows(tables.preference)
        self.changes = Changes()

    def finish(self) -> Changes:
        """Return what the batch does, its rows with their scores and outboxes."""
        changes = self.changes
        for key, outboxes in self._shared.outboxes():
            row = changes.preferences.get(key)
            if row is not None:
                changes.preferences[key] = row.model_copy(update={"outbox": {**row.outbox, **outboxes}})
        changes.preferences = {key: scored(row) for key, row in changes.preferences.items()}
        changes.shared = {key: scored(row) for key, row in self._shared.changed.items()}
        return changes

    def apply(self, record: Record) -> None:
        """Fold one record; an invalid one is a dead letter where this stage validates the topic, else it is skipped."""
        topic = BY_NAME[record.topic]
        now = at_ms(record.timestamp_ms) if record.timestamp_ms >= 0 else EPOCH
        event = parse(record, topic, self._partitions)
        if isinstance(event, Rejection):
            if topic.validated_by == STAGE:
                self.changes.dead_letters.append(dead_letter(record, event, STAGE, now, self._engine))
            self.changes.skipped[f"{topic.name}: {event.code}"] += 1
            return
        if isinstance(event, CallEvent) and event.purpose != "answer":
            return
        mark = Mark(record.topic, record.offset, _identity(event))
        may_share = self._fold_user(event, mark, now)
        if isinstance(event, CallFinished | CallFailed | CallUnknown | OutcomeRated) and says_something(event):
            if may_share or not isinstance(event, OutcomeRated):
                self._fold_model(event, mark, now)
            else:
                self.changes.skipped[f"{OUTCOMES}: more than {SHARED_RATINGS} ratings by one user"] += 1

    def _fold_user(self, event: Event, mark: Mark, now: datetime) -> bool:
        """Fold what the event says about its user; return whether the user's rating may count for everybody.

        Ratings without a user share one row per tenant: leaving the name out does not lift the limit.
        """
        if not isinstance(event, OverrideRequested | OutcomeRated | OutcomeInferred | CallFinished | PreferenceReset):
            return True
        if event.user is None and not isinstance(event, OutcomeRated):
            return True
        key = preference_key(event.tenant, "user", event.user)
        row = self.changes.preferences.get(key) or self._tables.preference(key) or _new_user(event, now)
        may_share = isinstance(event, OutcomeRated) and _ratings(row, event.model) < SHARED_RATINGS
        if not is_new(row, mark):
            self._shared.give_again(key, row, mark, now)
            return may_share
        following = _folded(row, event, now)
        if following is row:
            return may_share
        self._shared.give(key, row, shared_changes(row, following), mark, now)
        update = marked(row, mark)
        if isinstance(event, CallFinished):
            update["open"], ended = follow(row.open, event)
            self.changes.inferred.extend(length_outcome(conversation, event) for conversation in ended)
        self.changes.preferences[key] = following.model_copy(update=update)
        return may_share

    def _fold_model(self, event: StatisticsEvent, mark: Mark, now: datetime) -> None:
        task_type = task_type_of(event.task_type)
        key = f"{self._partition}|{event.model}|{task_type}"
        row = self.changes.statistics.get(key) or self._tables.statistics(key)
        if row is None:
            if isinstance(event, OutcomeRated) and not self._tables.room:
                self.changes.skipped[f"{OUTCOMES}: no room for another model"] += 1
                return
            row = StatisticsState(
                version=0, partition=self._partition, model=event.model, task_type=task_type, updated_at=now
            )
        if is_new(row, mark):
            self.changes.statistics[key] = fold_statistics(row, event, now).model_copy(update=marked(row, mark))


def _identity(event: Event) -> str:
    """Return what makes an event one: an attempt ends once, whoever reports it; all others are known by their id."""
    if isinstance(event, CallFinished | CallFailed | CallUnknown):
        return event.attempt_id
    return event.id


def _folded(row: PreferenceState, event: PreferenceEvent | PreferenceReset, now: datetime) -> PreferenceState:
    if isinstance(event, PreferenceReset):
        return fold_reset(row, event, now)
    return fold_preference(row, event, now)


def _ratings(row: PreferenceState, model: str) -> int:
    """Return how often the user ever rated a model, resets or not."""
    known = row.models.get(model)
    return row.rated_before.get(model, 0) + (known.ratings if known is not None else 0)


def _new_user(event: Event, now: datetime) -> PreferenceState:
    return PreferenceState(
        version=0, tenant=event.tenant, user=event.user or "", observations=0, models={}, updated_at=now
    )
