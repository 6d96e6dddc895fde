"""A tenant: its budget, its router, what it allows, its spaces and areas (SPEC B1, R4, R10, U4)."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from schemas.classification import TaskType
from schemas.control_base import (
    DocumentBase,
    DocumentName,
    DocumentReference,
    Milliseconds,
    ModelId,
    ModelReference,
    Share,
    Strict,
)
from schemas.control_catalog import Model, Score
from schemas.control_dimension import Dimension
from schemas.control_policy import Rule
from schemas.control_prices import Price
from schemas.control_taxonomy import CapabilityName
from schemas.envelope import Name
from schemas.money import Usd
from schemas.request import SpaceType
from schemas.sensitivity import SensitiveDetection

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
    """An area of a space. ``lock`` forces one model; ``task_type`` says what the area is for.

    What it does not say it inherits from its space; ``prefer`` and ``avoid`` add to the space's.
    """

    lock: ModelReference | None = None
    task_type: TaskType | None = None
    profile: Name | None = None
    """A capability profile of the router."""
    prefer: tuple[ModelReference, ...] = ()
    avoid: tuple[ModelReference, ...] = ()


class Space(Strict):
    """A space; areas inherit its type, profile, preferences and avoid list."""

    type: SpaceType = SpaceType.GENERAL
    profile: Name | None = None
    """A capability profile of the router, unless the area names one; above that of the user's settings."""
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
    """Its plan document; a name without a document is a label that rules may read."""
    plans: Annotated[tuple[DocumentName, ...], Field(max_length=50)] = ()
    """Plan documents that its requests may name: they narrow further, never widen."""
    budget: Budget = Budget()
    approved_models: tuple[ModelReference, ...] = ()
    sensitive_models: tuple[ModelReference, ...] = ()
    """The only models that may see requests flagged sensitive; empty: the policy's list."""
    sensitive_detection: SensitiveDetection | None = None
    """What makes a request count as sensitive beside its caller's flag, instead of the policy's own list."""
    avoid_models: tuple[ModelReference, ...] = ()
    preferred_models: tuple[ModelReference, ...] = ()
    preferred_providers: tuple[str, ...] = ()
    routes: Annotated[tuple[Rule, ...], Field(max_length=200)] = ()
    """Rules of its own, before all of the router's; a model outside the router's pool stays barred."""
    max_interactive_latency_ms: Milliseconds | None = None
    default_model: ModelReference | None = None
    weights: dict[Literal["capability", "cost", "quality", "latency", "history"], Share] = {}
    """Instead of the policy's weights; a full set that sums to 1."""
    models: Annotated[tuple[Model, ...], Field(max_length=200)] = ()
    """Models of its own, beside the catalog's and always in its pool; no other tenant sees them."""
    capabilities: dict[ModelReference, dict[CapabilityName, Score]] = {}
    """Abilities as this tenant found them, instead of the catalog's."""
    model_prices: dict[ModelId, Annotated[tuple[Price, ...], Field(min_length=1)]] = {}
    """Negotiated prices, oldest first; from the first one's day on instead of the price book's."""
    dimensions: Annotated[dict[DocumentName, Dimension], Field(max_length=10)] = {}
    """Extra terms of the score, or vetoes, of its own."""
    spaces: dict[Name, Space] = {}

    @model_validator(mode="after")
    def _own_models_once(self) -> Self:
        ids = [model.id for model in self.models]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            message = f"model ids appear once; twice: {twice}"
            raise ValueError(message)
        for model, prices in self.model_prices.items():
            dates = [price.since for price in prices]
            if dates != sorted(set(dates)):
                message = f"prices of {model} are listed oldest first, one a day"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _routes_named_once(self) -> Self:
        names = [rule.name for rule in self.routes]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            message = f"route names appear once; twice: {twice}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _dimensions_leave_room(self) -> Self:
        if sum(dimension.weight or 0 for dimension in self.dimensions.values()) > 0.9:
            raise ValueError("weights of dimensions sum to at most 0.9")
        taken = sorted({"capability", "cost", "quality", "latency", "history"} & set(self.dimensions))
        if taken:
            message = f"dimensions have names of their own, not those of the router's terms: {taken}"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> Self:
        if self.weights and (len(self.weights) != 5 or abs(sum(self.weights.values()) - 1) > 1e-9):
            raise ValueError("weights is a full set of capability, cost, quality, latency, history that sums to 1")
        return self
