"""The catalog: which models exist, what they can do, who serves them, how people call them (SPEC F2, R20)."""

from collections import Counter
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.classification import TaskType
from schemas.control_base import DocumentBase, DocumentName, ModelId, Source, Strict
from schemas.request import JobType

Score = Annotated[float, Field(ge=0, le=100)]
Modality = Literal["text", "image", "video", "audio", "search"]
"""Kinds of task."""
Ability = Literal[Modality, "embedding"]
"""What a model does: a kind of task, or vectors of texts for the router's own use."""
CITED = ("capabilities", "context_window", "max_output_tokens", "tokens_per_second", "ttft_ms")
"""Figures of a model that name their source."""


class Capabilities(Strict):
    """Six abilities, 0-100: speed is the inverse of latency, the others the share of such work done well."""

    coding: Score
    reasoning: Score
    creative: Score
    speed: Score
    context_handling: Score
    instruction: Score


class Benchmark(Strict):
    """One published benchmark value."""

    name: str
    value: float
    unit: str = "percent"
    source: str


class Lifecycle(Strict):
    """Whether a model may still be chosen, and what follows it."""

    state: Literal["active", "preview", "deprecated", "retired"] = "active"
    since: date | None = None
    retires: date | None = None
    successor: ModelId | None = None
    source: str | None = None


class ServedBy(Strict):
    """One endpoint that serves the model, under the provider's own id for it. The first is the default."""

    provider: DocumentName
    provider_model: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Model(Strict):
    """One model. ``cites`` maps each figure to a key of the catalog's ``sources``."""

    id: ModelId
    name: str
    maker: DocumentName
    modalities: Annotated[tuple[Ability, ...], Field(min_length=1)] = ("text",)
    """Kinds of task it takes on: ``search`` is retrieval from the web, ``audio`` speech in or out.

    ``embedding``: vectors of texts; such a model does no task, and is called by its name alone.
    """
    jobs: tuple[JobType, ...] = ()
    """Job types a model for pictures, video, voice or search can do; empty for models of text."""
    capabilities: Capabilities
    benchmarks: tuple[Benchmark, ...] = ()
    tokens_per_second: Annotated[float, Field(gt=0, le=100_000)]
    ttft_ms: Annotated[int, Field(ge=0, le=3_600_000)]
    """Time to the first token; for models that answer at once (pictures, speech, searches): to the answer."""
    context_window: Annotated[int, Field(gt=0, le=100_000_000)]
    max_output_tokens: Annotated[int, Field(ge=0, le=10_000_000)]
    """0 for a model that writes nothing."""
    vision: bool = False
    tools: bool = False
    thinking: bool = False
    """Whether it reasons before it answers (billed as output)."""
    best_for: tuple[TaskType, ...] = ()
    avoid_for: tuple[TaskType, ...] = ()
    cost_tier: Literal["economy", "standard", "premium"]
    lifecycle: Lifecycle = Lifecycle()
    served_by: Annotated[tuple[ServedBy, ...], Field(min_length=1, max_length=8)]
    cites: dict[str, str]

    @model_validator(mode="after")
    def _figures_name_their_source(self) -> Self:
        missing = [figure for figure in CITED if figure not in self.cites]
        unknown = [figure for figure in self.cites if figure not in CITED]
        if missing or unknown:
            message = f"cites names the source of {', '.join(CITED)}; missing: {missing}, not a figure: {unknown}"
            raise ValueError(message)
        return self


class CatalogDocument(DocumentBase):
    """All models, and the alias table: alias -> model id, alias or ``maker/*`` pool."""

    kind: Literal["catalog"] = "catalog"
    sources: dict[str, Source] = {}
    models: Annotated[tuple[Model, ...], Field(min_length=1, max_length=2000)]
    aliases: dict[Annotated[str, StringConstraints(min_length=1, max_length=128)], str] = {}

    @model_validator(mode="after")
    def _ids_once_sources_known(self) -> Self:
        twice = [model for model, count in Counter(entry.id for entry in self.models).items() if count > 1]
        if twice:
            message = f"model ids appear once; twice: {twice}"
            raise ValueError(message)
        unknown = sorted(
            {source for model in self.models for source in model.cites.values() if source not in self.sources}
            | {mark.source for model in self.models for mark in model.benchmarks if mark.source not in self.sources}
        )
        if unknown:
            message = f"figures cite sources that are not listed: {unknown}"
            raise ValueError(message)
        return self
