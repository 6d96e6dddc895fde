"""Plans in force, compiled: what they leave of a tenant's models, caps, tiers and exploration. They never add any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from routing.budget_policy import BudgetPolicy
from routing.reason_codes import VetoRule
from routing.references import NameTable
from schemas.control_plan import DisplayLevel, PlanDocument
from schemas.control_policy import Layer
from schemas.control_steering import Exploration

_LAYERS_OF: Final[Mapping[int, frozenset[Layer]]] = {
    2: frozenset({"signal", "specialisation"}),
    3: frozenset({"cluster"}),
}
"""Layers of rules that a tier stands for, where a plan may leave it out."""
_CAPS: Final = (
    ("daily", VetoRule.BUDGET_DAY),
    ("monthly", VetoRule.BUDGET_MONTH),
    ("per_request", VetoRule.PER_REQUEST_CAP),
)


@dataclass(frozen=True, slots=True)
class Plans:
    """The tenant's plan, then the narrower one that the request names; both bind."""

    documents: tuple[PlanDocument, ...]
    pools: tuple[tuple[str, frozenset[str]], ...]
    """(document, models it includes)."""
    layers_left_out: frozenset[Layer]
    preferences: bool
    """Whether the user's preferences count (tier 4)."""

    def excluding(self, model: str) -> str | None:
        """Return the document of the first plan that does not include ``model``."""
        return next((document for document, pool in self.pools if model not in pool), None)

    def chain_length(self, length: int) -> int:
        """Return the length of fallback chains: the router's, or the smallest of the plans'."""
        return min([length, *(plan.chain_length for plan in self.documents if plan.chain_length is not None)])

    def exploration(self, exploration: Exploration) -> Exploration:
        """Return the router's exploration within what the plans allow."""
        most = min((plan.exploration for plan in self.documents), default=1.0)
        shares = {"share": min(exploration.share, most), "new_models": min(exploration.new_models, most)}
        return exploration.model_copy(update=shares)

    @property
    def display(self) -> DisplayLevel:
        """The display level of the narrowest plan that names one."""
        levels: list[DisplayLevel] = [plan.display for plan in self.documents if plan.display is not None]
        return levels[-1] if levels else "badge"


def compile_plans(documents: Sequence[PlanDocument], names: NameTable) -> Plans:
    """Return plans with their pools resolved."""
    left_out: set[Layer] = set()
    for plan in documents:
        left_out.update(*(layers for tier, layers in _LAYERS_OF.items() if tier not in plan.tiers))
    return Plans(
        tuple(documents),
        tuple((plan.document_key, frozenset(names.resolve_all(plan.pool)[0])) for plan in documents),
        frozenset(left_out),
        all(4 in plan.tiers for plan in documents),
    )


def narrowed(
    budget: BudgetPolicy, sources: Mapping[str, str], plans: Sequence[PlanDocument]
) -> tuple[BudgetPolicy, Mapping[str, str]]:
    """Return the smaller cap of each kind, and by veto rule the document that states it."""
    found = dict(sources)
    for plan in plans:
        for name, rule in _CAPS:
            cap, known = getattr(plan.budget, name), getattr(budget, name)
            if cap is not None and (known is None or cap < known):
                budget = replace(budget, **{name: cap})
                found[rule.value] = plan.document_key
    return budget, found


def cap_sources(document: str) -> dict[str, str]:
    """Return ``document`` as the source of every cap."""
    return {rule.value: document for _, rule in _CAPS}
