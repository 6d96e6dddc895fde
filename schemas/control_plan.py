"""A plan: the models, caps, tiers and exploration that an offer of a tenant includes, a document of its own (U4)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.control_base import DocumentBase, ModelReference, Share, Strict
from schemas.money import Usd

Cap = Annotated[Usd, Field(ge=0)]
DisplayLevel = Literal["badge", "box", "off"]
"""How an answer shows its model: a word beside it, a box with the reason and a way to change it, or not at all."""
Tier = Literal[1, 2, 3, 4]


class PlanCaps(Strict):
    """Caps in dollars, in the tenant's time zone; beside the tenant's own the smaller one binds."""

    daily: Cap | None = None
    monthly: Cap | None = None
    per_request: Cap | None = None


class PlanDocument(DocumentBase):
    """A plan can only narrow what tenant and router allow; where it says nothing, theirs holds."""

    kind: Literal["plan"] = "plan"
    pool: Annotated[tuple[ModelReference, ...], Field(min_length=1)] = ("*",)
    """The models it includes."""
    budget: PlanCaps = PlanCaps()
    tiers: tuple[Tier, ...] = (1, 2, 3, 4)
    """Of routing: explicit rules (always), signals and specialisations, clusters, the user's preferences."""
    exploration: Share = 1.0
    """Upper limit of the router's shares of explored requests; 0: none is."""
    chain_length: Annotated[int, Field(ge=1, le=5)] | None = None
    """Models of a fallback chain, the chosen one counted, at most."""
    display: DisplayLevel | None = None
    """How answers show their model unless the user's settings say otherwise."""

    @model_validator(mode="after")
    def _explicit_rules_always(self) -> Self:
        if 1 not in self.tiers or len(set(self.tiers)) != len(self.tiers):
            raise ValueError("tiers lists each tier once, tier 1 (explicit rules) among them")
        return self
