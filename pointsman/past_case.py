"""A decision of the log as it was made: request, classification, values read, and the configuration of that moment."""

from dataclasses import dataclass

from pointsman.story import Story
from routing.advice import advised_task
from routing.catalog import CompiledConfig, compile_config
from routing.counterfactual import Case
from routing.draws import draw
from routing.embeddings import embedded_task
from routing.request_facts import facts_of
from schemas import topics
from schemas.classification import ClassificationMade, TaskDescriptor
from schemas.decision import DecisionMade, RefusalCode, RequestRefused, View
from schemas.request import RequestReceived
from streams.config_log import ConfigLog
from streams.engine import engine_version
from streams.log_reader import read_range
from streams.settings import Settings

Decision = DecisionMade | RequestRefused


class NoCaseError(ValueError):
    """The log does not hold what a decision read; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class PastCase:
    """A decision, what it read, and what a reader must know: that other code made it, or that today's disagrees."""

    case: Case
    decision: Decision
    notes: tuple[str, ...]


def past_case(settings: Settings, story: Story, wanted: str) -> PastCase:
    """Return the decision ``wanted`` of a story, or its last; raise ``NoCaseError`` where the log has not all of it."""
    decisions = [event for event in story.events(DecisionMade, RequestRefused) if isinstance(event, Decision)]
    if not decisions:
        raise NoCaseError(f"request {story.request_id} has no decision yet")
    decision = next((event for event in decisions if event.id == wanted), decisions[-1])
    request = next((event for event in story.events(RequestReceived) if isinstance(event, RequestReceived)), None)
    made = next((event for event in story.events(ClassificationMade) if isinstance(event, ClassificationMade)), None)
    if request is None or made is None:
        raise NoCaseError(f"the log no longer has the request or the classification of {story.request_id}")
    config = config_at(settings, decision.config_offset, story.tenant)
    if config.tenant(story.tenant) is None:
        raise NoCaseError(f"tenant {story.tenant} had no complete set of documents then: {decision.reason}")
    number = draw("explore", _cause(decision), decision.number)
    task = _task_of(made.task, decision.view, config, story.tenant)
    case = Case(facts_of(request), task, decision.view, config, decision.occurred_at, number)
    return PastCase(case, decision, tuple(_notes(case, decision)))


def _task_of(task: TaskDescriptor, view: View, config: CompiledConfig, tenant: str) -> TaskDescriptor:
    """Return the descriptor that the decision read: the classification, and what was asked for after it."""
    reading = None if view.embedding is None else view.embedding.clusters
    table = None if reading is None else config.clusters(reading.clusters)
    if reading is not None and table is not None:
        task = embedded_task(task, reading, table)
    return task if view.advice is None else advised_task(task, view.advice, config.taxonomy_of(tenant))


def config_at(settings: Settings, offset: int, tenant: str) -> CompiledConfig:
    """Return the configuration before ``offset`` of the config topic, of the documents of tenants only that one's."""
    log = ConfigLog()
    log.add([record for record in read_range(settings, {(topics.CONFIG, 0): 0}) if record.offset < offset])
    return compile_config({k: d for k, d in log.documents.items() if d.kind != "tenant" or d.name == tenant})


def _cause(decision: Decision) -> str:
    """Return the id under which the decision drew: an override of the request draws under its own."""
    override = decision.view.override
    if decision.cause == "override" and override is not None:
        return override.override_id
    return decision.causation_id or ""


def _notes(case: Case, decision: Decision) -> list[str]:
    notes: list[str] = []
    if decision.engine != engine_version():
        notes.append(f"made by {decision.engine}, explained by the code of {engine_version()}")
    if isinstance(decision, RequestRefused) and decision.code is RefusalCode.BUDGET_BLOCKED:
        notes.append(f"refused before any model was looked at, because {decision.reason}; this leaves that aside")
        return notes
    outcome = case.decide()
    then = decision.model if isinstance(decision, DecisionMade) else f"refused ({decision.code.value})"
    now = getattr(outcome, "model", None) or f"refused ({getattr(outcome, 'code', '')})"
    if then != now:
        notes.append(f"the log says {then}, the code that explains it says {now}")
    return notes
