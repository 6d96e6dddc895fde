"""The configuration of a simulated installation: three invented models at two providers, tenants with tight caps."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any, Literal

from deploy.shipped_config import shipped_documents
from providers.simulated.openai_embeddings import vector_of
from routing.catalog import CompiledConfig, compile_config
from routing.centroids import rebuilt
from routing.desk_batch import GlobalReading
from routing.encoder import Vector, quantised
from schemas import topics as t
from schemas.cluster_reading import ClusterReading
from schemas.control import DOCUMENT, ConfigDocument
from schemas.control_clusters import ClustersDocument
from schemas.control_taxonomy import TaxonomyDocument
from schemas.inbound import Rejection
from schemas.record import Record
from tests.simulation.log import tenant_on

TENANTS = (tenant_on(0, 0), tenant_on(0, 1), tenant_on(1, 0))
MODELS = ("small", "middle", "large")
HEALTH: tuple[dict[str, Literal["degraded", "open"]], ...] = (
    {},
    {"north/small": "open"},
    {"south/middle": "degraded", "north/large": "open"},
)
"""What the executors say about their providers, one state after the other."""
_FIGURES = ("capabilities", "context_window", "max_output_tokens", "tokens_per_second", "ttft_ms")
_SOURCES = {"invented": {"title": "invented for the simulation", "date": "2026-01-01"}}


_STEERED: dict[str, Any] = {
    "kind": "policy",
    "name": "steered",
    "version": 1,
    "cascade": {
        "start_quality": 0.5,
        "cost_share": 0.9,
        "complexity": ["simple", "medium", "complex", "critical"],
        "max_escalations": 2,
    },
    "advice": {"kind": "classify", "model": "small", "complexity": ["simple", "medium", "complex", "critical"]},
    "clusters": {"document": "greetings", "when": "always", "effect": "boost"},
    "exploration": {"share": 0.3, "within": 1, "sharpness": 1, "new_models": 0.1},
    "shares": {"targets": {"small": 0.5, "large": 0.5}, "control": 1},
}
"""A router that asks for vectors and advice, checks answers and escalates, explores, and steers shares."""


class _Vectors:
    """The encoder of the clusters (``routing.encoder.Encoder``), for their centroids."""

    id = "vectors-8"
    dimension = 8
    exact = False

    def encode(self, text: str) -> Vector:
        return quantised(vector_of(text, self.dimension).tolist())


def _clusters() -> ClustersDocument:
    words = {"hello": "hello", "other": "something else"}
    clusters = {
        name: {"description": "d", "because": "it is so", "models": ["large"], "examples": [text]}
        for name, text in words.items()
    }
    values = {"name": "greetings", "encoder": _Vectors.id, "clusters": clusters}
    embedding = {"model": "vectors", "dimensions": _Vectors.dimension, "cache_ttl_ms": 20_000}
    return rebuilt(ClustersDocument.model_validate({**values, "embedding": embedding}), _Vectors())


def _model(name: str, ability: int, *providers: str) -> dict[str, Any]:
    skills = ("coding", "reasoning", "creative", "speed", "context_handling", "instruction")
    return {
        "id": name,
        "name": name,
        "maker": "lab",
        "capabilities": dict.fromkeys(skills, ability),
        "tokens_per_second": 100,
        "ttft_ms": 200,
        "context_window": 100_000,
        "max_output_tokens": 4_000,
        "cost_tier": "standard",
        "served_by": [{"provider": provider, "provider_model": name} for provider in providers],
        "cites": dict.fromkeys(_FIGURES, "invented"),
    }


def _price(dollars_in: int, dollars_out: int) -> list[dict[str, Any]]:
    return [{"since": "2020-01-01", "source": "invented", "input": dollars_in, "output": dollars_out}]


@lru_cache(maxsize=1)
def _fixed() -> tuple[ConfigDocument, ...]:
    shipped = next(document for document in shipped_documents() if isinstance(document, TaxonomyDocument))
    types = {
        kind: profile.model_copy(update={"words": {}, "weak_words": {}}) for kind, profile in shipped.types.items()
    }
    taxonomy = TaxonomyDocument(name=shipped.name, version=shipped.version, types=types)
    vectors = {**_model("vectors", 0, "south"), "modalities": ["embedding"], "max_output_tokens": 0}
    models = [
        vectors,
        _model("small", 60, "north"),
        _model("middle", 80, "south"),
        _model("large", 95, "north", "south"),
    ]
    prices = {"vectors": _price(1, 0), "small": _price(1, 2), "middle": _price(4, 8), "large": _price(10, 30)}
    rest: list[dict[str, Any]] = [
        {"kind": "catalog", "name": "models", "version": 1, "sources": _SOURCES, "models": models},
        {"kind": "prices", "name": "current", "version": 1, "sources": _SOURCES, "prices": prices},
        {"kind": "policy", "name": "default", "version": 1},
        _STEERED,
        {"kind": "provider", "name": "north", "version": 1, "simulated": True},
        {"kind": "provider", "name": "south", "version": 1, "simulated": True},
    ]
    return (taxonomy, _clusters(), *(DOCUMENT.validate_python(value) for value in rest))


def tenant_document(name: str, version: int, budget: dict[str, Any]) -> ConfigDocument:
    """Return a tenant document with this budget; every other tenant is on the steered router."""
    policy = "steered" if TENANTS.index(name) % 2 == 0 else "default"
    values = {"kind": "tenant", "name": name, "version": version, "policy": policy, "budget": budget}
    return DOCUMENT.validate_python(values)


class ConfigHistory:
    """The config topic of one run: what is in force at each of its offsets, and the health rows beside it."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._versions: list[CompiledConfig] = []
        self._documents: dict[str, ConfigDocument] = {document.document_key: document for document in _fixed()}
        self._tenant_versions = dict.fromkeys(TENANTS, 0)
        self.health = 0
        for tenant in TENANTS:
            self._put(tenant)
        self._versions.append(compile_config(self._documents))

    @property
    def position(self) -> int:
        """Next offset of the config topic."""
        return len(self._versions)

    def at(self, position: int) -> CompiledConfig:
        """Return the config in force at a position."""
        return self._versions[position - 1]

    def change_budget(self) -> None:
        """Publish another budget of some tenant."""
        self._put(self._random.choice(TENANTS))
        self._versions.append(compile_config(self._documents))

    def _put(self, tenant: str) -> None:
        version = self._tenant_versions[tenant] = self._tenant_versions[tenant] + 1
        random = self._random
        budget: dict[str, Any] = {"timezone": random.choice(("UTC", "America/New_York", "Asia/Kathmandu"))}
        if random.random() < 0.9:
            budget["daily"] = f"0.{random.randrange(5, 120):03d}"
        if random.random() < 0.4:
            budget["monthly"] = f"0.{random.randrange(20, 200):03d}"
        if random.random() < 0.2:
            budget["per_request"] = f"0.0{random.randrange(2, 30):02d}"
        document = tenant_document(tenant, version, budget)
        self._documents[document.document_key] = document


class SimulatedGlobals:
    """Global inputs frozen at a config position and a state of health."""

    def __init__(self, history: ConfigHistory, position: int, health: int) -> None:
        self.config = history.at(position)
        self.positions: Mapping[str, tuple[int, ...]] = {t.CONFIG: (position,), t.PROVIDER_HEALTH: (health,)}
        self.rejected_config: Sequence[tuple[Record, Rejection]] = ()
        self._reading = GlobalReading(health=HEALTH[health])

    def read(self, *_: object) -> GlobalReading:
        """Return what every decision of the batch reads."""
        return self._reading

    def clusters(self, *_: object) -> ClusterReading | None:
        """The simulated world compares no prompts."""
        return None
