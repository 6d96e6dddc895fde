"""The shipped configuration, requests and views for tests of routing; compiled once."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from deploy.shipped_config import shipped_documents
from routing.catalog import CompiledConfig, compile_config
from routing.classify import classify, classify_with
from routing.clusters import ClusterReader
from routing.counterfactual import Case
from routing.decide import decide
from routing.request_facts import facts_of
from schemas.classification import TaskDescriptor
from schemas.control import ConfigDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.decision import Choice, Denial, View, WindowLine
from schemas.money import PICO
from schemas.request import RequestReceived
from streams.cluster_source import ClusterSource

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY_END = datetime(2026, 11, 21, tzinfo=UTC)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)


@cache
def documents() -> dict[str, ConfigDocument]:
    """Return the shipped documents by key."""
    return {document.document_key: document for document in shipped_documents()}


@cache
def shipped() -> CompiledConfig:
    """Return the shipped configuration, compiled."""
    return compile_config(documents())


def with_documents(*extra: ConfigDocument) -> CompiledConfig:
    """Return the shipped configuration with further documents."""
    return compile_config({**documents(), **{document.document_key: document for document in extra}})


def tenant(policy: str = "default", **fields: Any) -> CompiledConfig:
    """Return the shipped configuration with a tenant ``t`` on a policy, without budget unless given."""
    return with_documents(TenantDocument(kind="tenant", name="t", policy=policy, **fields))


def policy(tenant_fields: dict[str, Any] | None = None, **fields: Any) -> CompiledConfig:
    """Return the shipped configuration with a tenant ``t`` on a policy of its own."""
    document = PolicyDocument(kind="policy", name="own", **fields)
    return with_documents(document, TenantDocument(kind="tenant", name="t", policy="own", **(tenant_fields or {})))


def request(prompt: str | None = "Summarize this text.", **fields: Any) -> RequestReceived:
    """Return a request of tenant ``t``."""
    values: dict[str, Any] = {"id": "e1", "occurred_at": NOW, "tenant": "t", "request_id": "r1", "prompt": prompt}
    return RequestReceived(**{**values, **fields})


def cluster_reader(config: CompiledConfig) -> ClusterReader:
    """Return a reader by the encoder of the wheel."""
    return ClusterSource().reader(config)


def route(
    config: CompiledConfig,
    event: RequestReceived,
    view: View | None = None,
    now: datetime = NOW,
    reader: ClusterReader | None = None,
) -> Choice | Denial:
    """Classify and decide."""
    found = config.tenant(event.tenant, event.plan)
    assert found is not None
    task, _ = classify_with(event, config, reader)
    return decide(facts_of(event), task, view or View(), found, now)


def case(
    config: CompiledConfig,
    event: RequestReceived,
    view: View | None = None,
    now: datetime = NOW,
    number: float = 0.0,
    reader: ClusterReader | None = None,
) -> Case:
    """Return everything a decision reads, to make it and to make it again with something changed."""
    task, _ = classify_with(event, config, reader)
    return Case(facts_of(event), task, view or View(), config, now, number)


def chosen(
    config: CompiledConfig,
    event: RequestReceived,
    view: View | None = None,
    now: datetime = NOW,
    reader: ClusterReader | None = None,
) -> Choice:
    """Return the choice; a denial fails the test with its reason."""
    outcome = route(config, event, view, now, reader)
    assert isinstance(outcome, Choice), outcome.reason
    return outcome


def denied(config: CompiledConfig, event: RequestReceived, view: View | None = None, now: datetime = NOW) -> Denial:
    """Return the denial."""
    outcome = route(config, event, view, now)
    assert isinstance(outcome, Denial), outcome.model
    return outcome


def task(event: RequestReceived, config: CompiledConfig | None = None) -> TaskDescriptor:
    """Return the classification under the shipped taxonomy."""
    return classify(event, config or tenant())


def day(cap: float, spent: float = 0, held: float = 0) -> WindowLine:
    """Return the day's window in dollars."""
    return _window("day", DAY_END - timedelta(days=1), DAY_END, cap, spent, held)


def month(cap: float, spent: float = 0, held: float = 0) -> WindowLine:
    """Return the month's window in dollars."""
    return _window("month", datetime(2026, 11, 1, tzinfo=UTC), MONTH_END, cap, spent, held)


def _window(name: Any, start: datetime, end: datetime, cap: float, spent: float, held: float) -> WindowLine:
    values: Iterable[int] = (round(amount * PICO) for amount in (cap, spent, held))
    amount, used, reserved = values
    return WindowLine(window=name, start=start, end=end, cap=amount, spent=used, held=reserved)
