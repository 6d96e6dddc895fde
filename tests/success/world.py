"""The shipped configuration with one tenant for each router, and requests of these tenants; no budget, no history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Literal

from deploy.shipped_config import CATALOG
from providers.simulated.behaviour import Behaviours, load_behaviours
from routing.catalog import CompiledConfig, compile_config
from routing.classify import classify
from routing.request_facts import facts_of
from routing.tenant_policy import TenantPolicy
from schemas.classification import TaskDescriptor
from schemas.control_policy import PolicyDocument
from schemas.request import RequestFacts, RequestReceived
from tests.documents import shipped, tenant
from tests.success.population import Prompt

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROUTERS: Final = ("default", "learned", "cost-first", "quality-first")
"""The shipped routers that are judged."""
Knowledge = Literal["nothing", "type", "type and complexity"]
"""What the router is told of a prompt beside its text."""


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt as a router meets it: its truth, the request's facts, and what the router takes the task for."""

    prompt: Prompt
    facts: RequestFacts
    task: TaskDescriptor


@dataclass(frozen=True, slots=True)
class Router:
    """A router document in force for a tenant of its name, under a price book."""

    name: str
    config: CompiledConfig
    policy: TenantPolicy


@cache
def behaviours() -> Behaviours:
    """Return how the simulated models behave: the known truth."""
    return load_behaviours(CATALOG / "simulated.yaml")


def policy_document(name: str) -> PolicyDocument:
    """Return the shipped router of that name; `LookupError` where there is none."""
    for document in shipped():
        if isinstance(document, PolicyDocument) and document.name == name:
            return document
    raise LookupError(name)


@cache
def _base(prices: str) -> CompiledConfig:
    return _compiled([policy_document(name) for name in ROUTERS], prices)


def _compiled(documents: Iterable[PolicyDocument], prices: str) -> CompiledConfig:
    own = list(documents)
    tenants = [tenant(document.name, policy=document.name, prices=prices) for document in own]
    return compile_config({document.document_key: document for document in (*shipped(), *own, *tenants)})


def shipped_router(name: str, prices: str = "current") -> Router:
    """Return a shipped router."""
    return _router(_base(prices), name)


def routers_of(documents: Sequence[PolicyDocument], prices: str = "current") -> list[Router]:
    """Return routers of documents of one's own."""
    config = _compiled(documents, prices)
    return [_router(config, document.name) for document in documents]


def _router(config: CompiledConfig, name: str) -> Router:
    policy = config.tenant(name)
    if policy is None:
        raise LookupError(name)
    return Router(name, config, policy)


def request(router: str, prompt: Prompt, number: int = 0, **fields: Any) -> RequestReceived:
    """Return a request with the prompt; ``number`` names it."""
    values: dict[str, Any] = {
        "id": f"e{number}",
        "occurred_at": NOW,
        "tenant": router,
        "request_id": f"r{number}",
        "prompt": prompt.text,
    }
    return RequestReceived(**{**values, **fields})


def case(router: Router, prompt: Prompt, knows: Knowledge = "nothing", **fields: Any) -> Case:
    """Return a prompt as the router meets it; what it is told of the truth replaces what it would guess."""
    if knows != "nothing":
        fields = {**fields, "area_task_type": prompt.type}
    event = request(router.name, prompt, **fields)
    task = classify(event, router.config)
    if knows == "type and complexity":
        task = task.model_copy(update={"complexity": prompt.complexity, "complexity_shares": {}})
    return Case(prompt, facts_of(event), task)


def cases(router: Router, prompts: Sequence[Prompt], knows: Knowledge = "nothing") -> list[Case]:
    """Return all prompts as the router meets them."""
    return [case(router, prompt, knows) for prompt in prompts]
