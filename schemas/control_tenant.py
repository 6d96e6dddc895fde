"""A tenant: its budget, its router, what it allows, its spaces and areas (SPEC B1, R4, R10, U4)."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from schemas.classification import TaskType
from schemas.control_base import DocumentBase, DocumentReference, Milliseconds, ModelReference, Share, Strict
from schemas.envelope import Name
from schemas.money import Usd
from schemas.request import SpaceType

Cap = Annotated[Usd, Field(ge=0)]
Percent = Annotated[int, Field(ge=1, le=100)]


class Budget(Strict):
    """Caps in dollars; all bind at once. Thresholds in percent of the cap, each raises one alert per window."""

    daily: Cap | None = None
    monthly: Cap | None = None
    per_request: Cap | None = None
    timezone: str = "UTC"
    daily_thresholds: tuple[Percent, ...] = (75,)
    monthly_thresholds: tuple[Percent, ...] = (80,)

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("timezone is an IANA zone such as Europe/Berlin") from None
        return value


class Area(Strict):
    """An area of a space. ``lock`` forces one model; ``task_type`` says what the area is for."""

    lock: ModelReference | None = None
    task_type: TaskType | None = None
    prefer: tuple[ModelReference, ...] = ()
    avoid: tuple[ModelReference, ...] = ()


class Space(Strict):
    """A space; areas inherit its type, preferences and avoid list."""

    type: SpaceType = SpaceType.GENERAL
    prefer: tuple[ModelReference, ...] = ()
    avoid: tuple[ModelReference, ...] = ()
    areas: dict[Name, Area] = {}


class TenantDocument(DocumentBase):
    """One tenant; ``name`` is the tenant id. Empty ``approved_models`` means: all of the policy's."""

    kind: Literal["tenant"] = "tenant"
    policy: DocumentReference = "default"
    catalog: DocumentReference = "models"
    prices: DocumentReference = "current"
    taxonomy: DocumentReference = "default"
    plan: Name | None = None
    budget: Budget = Budget()
    approved_models: tuple[ModelReference, ...] = ()
    sensitive_models: tuple[ModelReference, ...] = ()
    """The only models that may see requests flagged sensitive; empty: the policy's list."""
    avoid_models: tuple[ModelReference, ...] = ()
    preferred_models: tuple[ModelReference, ...] = ()
    preferred_providers: tuple[str, ...] = ()
    max_interactive_latency_ms: Milliseconds | None = None
    default_model: ModelReference | None = None
    weights: dict[Literal["capability", "cost", "quality", "latency", "history"], Share] = {}
    """Instead of the policy's weights; a full set that sums to 1."""
    spaces: dict[Name, Space] = {}

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        if self.weights and (len(self.weights) != 5 or abs(sum(self.weights.values()) - 1) > 1e-9):
            raise ValueError("weights is a full set of capability, cost, quality, latency, history that sums to 1")
        return self
