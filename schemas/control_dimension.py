"""A tenant's own dimension of the score, such as where data stays: a worth per model or provider (SPEC R9)."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.control_base import ModelReference, Share, Strict


class Dimension(Strict):
    """Values in 0..1; of several entries that fit, a model's own goes before a pool's, that before its provider's."""

    values: Annotated[dict[ModelReference, Share], Field(min_length=1, max_length=500)]
    """By model, pool or provider."""
    otherwise: Share = 0
    """Of everything that ``values`` does not name."""
    weight: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Its share of the score; the router's five terms are scaled to the rest."""
    veto_below: Annotated[float, Field(gt=0, le=1)] | None = None
    """Models and endpoints of less are barred."""

    @model_validator(mode="after")
    def _has_an_effect(self) -> Self:
        if self.weight is None and self.veto_below is None:
            raise ValueError("a dimension has a weight, a veto_below or both")
        return self
