"""Which event becomes a row of which table."""

from typing import Final

from analytics.columns import Table
from analytics.tables.calls import PROVIDER_CALLS, RESULTS
from analytics.tables.control import (
    ALERTS,
    CONFIG_VERSIONS,
    DEAD_LETTERS,
    JOURNAL_BATCHES,
    MODEL_PRICES,
    MODEL_STATISTICS,
    PREFERENCE_SCORES,
    PROVIDER_HEALTH,
)
from analytics.tables.decisions import ADVICE_ORDERS, ROUTING_DECISIONS
from analytics.tables.money import LEDGER_ENTRIES
from analytics.tables.outcomes import FEEDBACK_OUTCOMES, OVERRIDES, TECHNICAL_OUTCOMES, USER_SETTINGS
from analytics.tables.position import EVENT_BODIES, EVENTS
from analytics.tables.routing import CLASSIFICATIONS, REQUESTS
from schemas.classification import ClassificationMade
from schemas.control import ConfigPublished
from schemas.dead_letter import DeadLetter
from schemas.decision import AdviceOrdered, DecisionMade, RequestRefused
from schemas.journal import BatchJournaled
from schemas.ledger import Adjusted, AlertRaised, Conflicted, Forfeited, Held, Released, Settled
from schemas.outcome import OutcomeInferred, OutcomeRated, TechnicalOutcome
from schemas.override import OverrideApplied, OverrideRejected, OverrideRequested, OverrideTooLate
from schemas.provider_call import CallFailed, CallFinished, CallJob, CallStarted, CallUnknown
from schemas.request import RequestReceived
from schemas.result import ConflictNotice, DuplicateNotice, FinalResult, RejectedNotice, StaleNotice
from schemas.user_settings import SettingsApplied, SettingsChanged, SettingsRejected

TABLE_OF_EVENT: Final[dict[str, Table]] = {
    event.TYPE: table
    for table, events in (
        (REQUESTS, (RequestReceived,)),
        (CLASSIFICATIONS, (ClassificationMade,)),
        (ROUTING_DECISIONS, (DecisionMade, RequestRefused)),
        (ADVICE_ORDERS, (AdviceOrdered,)),
        (LEDGER_ENTRIES, (Held, Settled, Released, Forfeited, Adjusted, Conflicted)),
        (PROVIDER_CALLS, (CallStarted, CallFailed, CallFinished, CallUnknown, CallJob)),
        (RESULTS, (FinalResult, DuplicateNotice, ConflictNotice, StaleNotice, RejectedNotice)),
        (TECHNICAL_OUTCOMES, (TechnicalOutcome,)),
        (FEEDBACK_OUTCOMES, (OutcomeRated, OutcomeInferred)),
        (OVERRIDES, (OverrideRequested, OverrideApplied, OverrideTooLate, OverrideRejected)),
        (USER_SETTINGS, (SettingsChanged, SettingsApplied, SettingsRejected)),
        (JOURNAL_BATCHES, (BatchJournaled,)),
        (CONFIG_VERSIONS, (ConfigPublished,)),
        (ALERTS, (AlertRaised,)),
        (DEAD_LETTERS, (DeadLetter,)),
    )
    for event in events
}
"""One row of the table for each event of the type; the other types (cancellations, resets) are in ``events``."""

TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        EVENTS,
        EVENT_BODIES,
        *TABLE_OF_EVENT.values(),
        MODEL_PRICES,
        MODEL_STATISTICS,
        PREFERENCE_SCORES,
        PROVIDER_HEALTH,
    )
}
