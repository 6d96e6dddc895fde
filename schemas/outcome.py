"""What became of a request: people's ratings, inferred signals, and the one technical outcome (SPEC U2, F6)."""

# A frozen event may ask for a field that its base leaves optional.
# pyright: reportGeneralTypeIssues=false
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StringConstraints

from schemas.envelope import Event, Name
from schemas.money import Money
from schemas.usage import Usage


class OutcomeRated(Event):
    """A person's rating in 0..1 of the answer to ``request_id``; published to ``outcomes`` by clients."""

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.outcome.rated.v1"
    type: Literal["pointsman.outcome.rated.v1"] = "pointsman.outcome.rated.v1"
    request_id: Name
    user: Name | None = None
    conversation_id: Name | None = None
    decision_id: Name | None = None
    model: Annotated[str, StringConstraints(max_length=128)]
    task_type: Annotated[str, StringConstraints(max_length=64)] = "general"
    space: Name | None = None
    rating: Annotated[float, Field(ge=0, le=1)]
    comment_length: Annotated[int, Field(ge=0)] = 0


class OutcomeInferred(Event):
    """A signal read from behaviour: regeneration, edit, abandonment, conversation length, tool success.

    ``value``: 1 for ``regenerated`` and ``abandoned``; the share of the answer that was changed for ``edited``; answers
    of the conversation for ``conversation_length``; 1 (they did what was wanted) to 0 for ``tool_success``.
    """

    model_config = ConfigDict(extra="forbid")
    TYPE: ClassVar[str] = "pointsman.outcome.inferred.v1"
    type: Literal["pointsman.outcome.inferred.v1"] = "pointsman.outcome.inferred.v1"
    request_id: Name
    user: Name | None = None
    conversation_id: Name | None = None
    decision_id: Name | None = None
    model: Annotated[str, StringConstraints(max_length=128)]
    task_type: Annotated[str, StringConstraints(max_length=64)] = "general"
    space: Name | None = None
    signal: Literal["regenerated", "edited", "abandoned", "conversation_length", "tool_success"]
    value: Annotated[float, Field(ge=0, le=1_000_000)]


class TechnicalOutcome(Event):
    """The one technical outcome of an accepted request, refusals too; on ``outcomes.technical`` (SPEC F6)."""

    TYPE: ClassVar[str] = "pointsman.outcome.technical.v1"
    type: Literal["pointsman.outcome.technical.v1"] = "pointsman.outcome.technical.v1"
    request_id: str
    status: str
    result_id: str
    decision_id: str | None = None
    model: str | None = None
    task_type: str
    complexity: str
    tier: int | None = None
    decisions: int
    attempts: int
    fallbacks: int
    cost: Money
    overhead: Money = 0
    """Of the cost: what was spent on choosing the model, or on probing one (SPEC B9)."""
    estimated_cost: Money = 0
    estimated_latency_ms: int | None = None
    latency_ms: int | None = None
    ttft_ms: int | None = None
    usage: Usage = Usage()
    conversation_turns: int = 0
    tools: tuple[str, ...] = ()
    mcp_tools: tuple[str, ...] = ()
    use_case: str | None = None
    space: str | None = None
    area: str | None = None
    prompt_version: str | None = None
    override_model: str | None = None
    degraded: bool = False
    escalations: int = 0
    """Decisions that followed because a checked answer was not good enough."""
    simulated: bool = False
