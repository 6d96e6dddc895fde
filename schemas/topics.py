"""Every topic, once: name, key, partitions, retention, who writes, who validates, which events (DESIGN 4).

Topic creation, AsyncAPI, the README diagram, ``pointsman topology`` and the tests read this table.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from schemas.classification import ClassificationMade
from schemas.control import ConfigPublished
from schemas.dead_letter import DeadLetter
from schemas.decision import AdviceOrdered, DecisionCancelled, DecisionMade, RequestRefused
from schemas.envelope import Event
from schemas.journal import BatchJournaled, ConfigApplied
from schemas.ledger import Adjusted, AlertRaised, Conflicted, Forfeited, Held, Released, Settled
from schemas.outcome import OutcomeInferred, OutcomeRated, TechnicalOutcome
from schemas.override import OverrideApplied, OverrideRejected, OverrideRequested, OverrideTooLate
from schemas.preference import PreferenceReset
from schemas.provider_call import (
    CallFailed,
    CallFinished,
    CallJob,
    CallStarted,
    CallUnknown,
    ExecutorStarted,
    ResultChunk,
)
from schemas.request import RequestCancelled, RequestReceived
from schemas.result import ConflictNotice, DuplicateNotice, FinalResult, RejectedNotice, StaleNotice
from schemas.user_settings import SettingsApplied, SettingsChanged, SettingsRejected

Writer = Literal["clients", "router", "executor", "feedback", "config", "all"]
FOREVER: Final = None
TENANT_PARTITIONS: Final = 8

REQUESTS: Final = "requests"
CLASSIFICATIONS: Final = "classifications"
DECISIONS: Final = "decisions"
LEDGER: Final = "ledger"
PROVIDER_CALLS: Final = "provider-calls"
RESULTS: Final = "results"
RESULT_CHUNKS: Final = "result-chunks"
OVERRIDES: Final = "overrides"
OUTCOMES: Final = "outcomes"
TECHNICAL_OUTCOMES: Final = "outcomes.technical"
ROUTER_JOURNAL: Final = "router-journal"
ROUTER_STATE: Final = "router-state"
CONFIG: Final = "config"
PREFERENCES: Final = "preferences"
MODEL_STATS: Final = "model-stats"
PROVIDER_HEALTH: Final = "provider-health"
ALERTS: Final = "alerts"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``partitions`` None means: as many as the tenant-keyed topics have."""

    name: str
    key: str
    writer: Writer
    events: tuple[type[Event], ...] = ()
    validated_by: Literal["router", "feedback", "config", "none"] = "none"
    partitions: int | None = None
    retention: timedelta | None = FOREVER
    compacted: bool = False
    log_append_time: bool = False
    recorded: bool = True

    @property
    def dead_letters(self) -> str:
        """Name of the topic's dead-letter topic."""
        return f"{self.name}.dlq"


_DAYS_30: Final = timedelta(days=30)

TOPICS: Final[tuple[Topic, ...]] = (
    Topic(
        REQUESTS,
        "tenant",
        "clients",
        (RequestReceived, RequestCancelled),
        "router",
        retention=_DAYS_30,
        log_append_time=True,
    ),
    Topic(CLASSIFICATIONS, "tenant", "router", (ClassificationMade,), retention=_DAYS_30),
    Topic(DECISIONS, "tenant", "router", (DecisionMade, AdviceOrdered, RequestRefused, DecisionCancelled)),
    Topic(LEDGER, "tenant", "router", (Held, Settled, Released, Forfeited, Adjusted, Conflicted)),
    Topic(
        PROVIDER_CALLS,
        "tenant",
        "executor",
        (ExecutorStarted, CallStarted, CallFailed, CallFinished, CallUnknown, CallJob),
        "router",
        retention=_DAYS_30,
    ),
    Topic(
        RESULTS,
        "tenant",
        "router",
        (FinalResult, DuplicateNotice, ConflictNotice, StaleNotice, RejectedNotice),
        retention=_DAYS_30,
    ),
    Topic(RESULT_CHUNKS, "tenant", "executor", (ResultChunk,), retention=timedelta(hours=1), recorded=False),
    Topic(OVERRIDES, "tenant", "clients", (OverrideRequested, SettingsChanged), "router", log_append_time=True),
    Topic(
        OUTCOMES,
        "tenant",
        "clients",
        (OutcomeRated, OutcomeInferred, PreferenceReset),
        "feedback",
        log_append_time=True,
    ),
    Topic(
        TECHNICAL_OUTCOMES,
        "tenant",
        "router",
        (
            TechnicalOutcome,
            OverrideApplied,
            OverrideTooLate,
            OverrideRejected,
            SettingsApplied,
            SettingsRejected,
        ),
    ),
    Topic(ROUTER_JOURNAL, "tenant", "router", (BatchJournaled, ConfigApplied)),
    Topic(ROUTER_STATE, "state key", "router", compacted=True, recorded=False),
    Topic(CONFIG, "kind/name@version", "config", (ConfigPublished,), validated_by="config", partitions=1),
    Topic(PREFERENCES, "tenant|user, tenant||space|space or tenant||organisation", "feedback", compacted=True),
    Topic(MODEL_STATS, "partition|model|task_type", "feedback", compacted=True),
    Topic(PROVIDER_HEALTH, "provider|model|region|instance", "executor", partitions=1, compacted=True),
    Topic(ALERTS, "tenant", "all", (AlertRaised,), partitions=1, retention=_DAYS_30),
)

BY_NAME: Final[dict[str, Topic]] = {topic.name: topic for topic in TOPICS}
DEAD_LETTER_SOURCES: Final = tuple(topic for topic in TOPICS if topic.validated_by != "none")
_EVENTS: Final[tuple[type[Event], ...]] = (*(event for topic in TOPICS for event in topic.events), DeadLetter)
EVENT_TYPES: Final[dict[str, type[Event]]] = {event.TYPE: event for event in _EVENTS}
