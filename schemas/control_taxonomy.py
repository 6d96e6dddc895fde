"""The taxonomy: what tells the types of work apart, as data; words in several languages (SPEC R5, R8)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.classification import TaskType
from schemas.control_base import DocumentBase, Share, Strict
from schemas.control_catalog import Modality
from schemas.control_steering import Complexity
from schemas.request import CopilotMode, JobType

Phrase = Annotated[str, StringConstraints(min_length=1, max_length=60)]
"""A word, a phrase of up to four words, or a stem that ends with ``*``; matched without regard to case."""
CapabilityName = Literal["coding", "reasoning", "creative", "speed", "context_handling", "instruction"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Intent = Literal["create", "fix", "explain", "analyze", "review"]
Level = Literal["simple", "complex", "critical"]
PARTS = 16
"""Shares are given in sixteenths, which are exact in binary."""


class TypeProfile(Strict):
    """One type of work: how it is recognised and what it needs."""

    description: str
    capabilities: dict[CapabilityName, Share]
    """Which abilities count, and how much; they sum to 1."""
    output_tokens: Annotated[int, Field(ge=1, le=1_000_000)]
    """Typical length of the answer."""
    complexity: Literal["simple", "medium", "complex"] = "medium"
    pattern: Literal["single-shot", "multi-step", "iterative"] = "single-shot"
    thinking: bool = False
    involves_code: bool = False
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    words: dict[Language, tuple[Phrase, ...]] = {}
    weak_words: dict[Language, tuple[Phrase, ...]] = {}
    """Words that hint; they count a third."""
    aliases: tuple[str, ...] = ()
    """Names of this type in other schemes."""

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if abs(sum(self.capabilities.values()) - 1) > 1e-9:
            raise ValueError("capabilities sum to 1")
        return self


class Route(Strict):
    """What a copilot mode or job type says about the task, whatever its text."""

    type: TaskType | None = None
    modality: Modality = "text"
    job: JobType | None = None
    """The job a mode stands for when the request names none."""


class ClassifierChoice(Strict):
    """The learned classifier that decides the type; without one the words alone decide."""

    artefact: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,60}$")]
    """Name of an artefact that comes with the package."""
    floor: Share = 0.2
    """A calibrated probability; below it the answer is ``general``."""


class TaxonomyDocument(DocumentBase):
    """All types of work, and the words that show intent, level, greeting, follow-up, plan, rounds; by language."""

    kind: Literal["taxonomy"] = "taxonomy"
    confidence_floor: Share = 0.4
    """Below it the answer is ``general``, where the words decide."""
    classifier: ClassifierChoice | None = None
    types: dict[TaskType, TypeProfile]
    intents: dict[Intent, dict[Language, tuple[Phrase, ...]]] = {}
    levels: dict[Level, dict[Language, tuple[Phrase, ...]]] = {}
    greetings: dict[Language, tuple[Phrase, ...]] = {}
    follow_ups: dict[Language, tuple[Phrase, ...]] = {}
    plans: dict[Language, tuple[Phrase, ...]] = {}
    complexity_shares: dict[Complexity, dict[Complexity, Share]] = {}
    """How complex work really is that is called so: measured shares that sum to 1. None: as complex as it is called."""
    rounds: dict[Language, tuple[Phrase, ...]] = {}
    """What asks for work in rounds: the pattern is then ``iterative``."""
    modes: dict[CopilotMode, Route] = {}
    jobs: dict[JobType, Route] = {}
    function_words: dict[Language, tuple[Phrase, ...]] = {}
    """Frequent small words that tell a language."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        missing = [kind.value for kind in TaskType if kind not in self.types]
        if missing:
            message = f"every type of work has a profile; missing: {missing}"
            raise ValueError(message)
        for called, shares in self.complexity_shares.items():
            if abs(sum(shares.values()) - 1) > 1e-9 or any(share * PARTS % 1 for share in shares.values()):
                message = f"complexity_shares of {called} are sixteenths that sum to 1"
                raise ValueError(message)
        return self
