"""A tenant's own dimensions of the score, compiled: an extra weighted term, or a veto, by model and provider (R9).

::

    score = (1 - sum of weights) * (the five terms, weighted) + sum(weight * value) + boosts
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from routing.references import NameTable
from schemas.control_catalog import ServedBy
from schemas.control_dimension import Dimension

DECIMALS = 9


@dataclass(frozen=True, slots=True)
class CompiledDimension:
    """One dimension with its names resolved."""

    name: str
    weight: float
    veto_below: float
    by_model: Mapping[str, float]
    by_provider: Mapping[str, float]
    otherwise: float

    def value(self, model: str, provider: str) -> float:
        """Return the worth of a model served by a provider, 0..1."""
        known = self.by_model.get(model)
        return self.by_provider.get(provider, self.otherwise) if known is None else known


class Dimensions:
    """All dimensions of a tenant."""

    def __init__(self, dimensions: Mapping[str, Dimension], names: NameTable, providers: Collection[str]) -> None:
        """Resolve the names of all dimensions."""
        compiled = [_compile(name, dimension, names, providers) for name, dimension in dimensions.items()]
        self.weighted = tuple(one for one in compiled if one.weight)
        self._barring = tuple(one for one in compiled if one.veto_below)
        self.left = round(1 - sum(one.weight for one in self.weighted), DECIMALS)
        """What is left of the score for the router's five terms."""

    def worth(self, model: str, provider: str) -> float:
        """Return the weighted sum of the values."""
        return sum(one.weight * one.value(model, provider) for one in self.weighted)

    def values(self, model: str, provider: str) -> dict[str, float]:
        """Return the value of each dimension that has a weight."""
        return {one.name: one.value(model, provider) for one in self.weighted}

    def weights(self) -> dict[str, float]:
        """Return the weight of each dimension that has one."""
        return {one.name: one.weight for one in self.weighted}

    def passes(self, model: str, endpoint: ServedBy) -> bool:
        """Return whether no dimension bars the model at this endpoint."""
        return all(one.value(model, endpoint.provider) >= one.veto_below for one in self._barring)

    def barring(self, model: str, endpoints: Collection[ServedBy]) -> str | None:
        """Return why every endpoint is barred: dimension, best value, and the least that passes; None if one is not."""
        if not endpoints or any(self.passes(model, endpoint) for endpoint in endpoints):
            return None
        for one in self._barring:
            best = max(one.value(model, endpoint.provider) for endpoint in endpoints)
            if best < one.veto_below:
                return f"{one.name} {best:g} is below {one.veto_below:g}"
        return "no endpoint passes all of the tenant's dimensions"


def _compile(name: str, dimension: Dimension, names: NameTable, providers: Collection[str]) -> CompiledDimension:
    pools: dict[str, float] = {}
    models: dict[str, float] = {}
    by_provider: dict[str, float] = {}
    for text, value in dimension.values.items():
        meant = names.resolve(text)
        if text in providers:
            by_provider[text] = value
        elif meant.kind == "model":
            models[meant.models[0]] = value
        else:
            pools.update(dict.fromkeys(meant.models, value))
    return CompiledDimension(
        name,
        dimension.weight or 0.0,
        dimension.veto_below or 0.0,
        {**pools, **models},
        by_provider,
        dimension.otherwise,
    )
