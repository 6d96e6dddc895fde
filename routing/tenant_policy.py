"""What a decision reads of one tenant's configuration, precomputed: who competes, at what price, by which rules."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from routing.adaptation import compile_adaptations
from routing.budget_policy import BudgetPolicy
from routing.clusters import ClusterTable, plan_of
from routing.dimensions import Dimensions
from routing.lane_table import LaneTable
from routing.models import ModelEntry
from routing.plans import cap_sources, compile_plans, narrowed
from routing.predictor import Predictor
from routing.pricing import Rates, rates_at
from routing.reason_codes import VetoRule
from routing.references import NameTable
from routing.row import Row, veto
from routing.rules import compile_rules
from routing.score import TERMS, Weights
from routing.sensitive import compile_detector
from routing.shares import ShareControl
from routing.taxonomy import Taxonomy
from schemas.control_catalog import ServedBy
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import Area, Space, TenantDocument
from schemas.decision import Veto
from schemas.request import RequestFacts
from schemas.user_settings import UserSettings

_NO_SPACE: Final = Space()
_NO_BOOSTS: Final[Mapping[str, float]] = {}
Rows = tuple[Row, ...]


class TenantPolicy:
    """One tenant's configuration; ``policy``, ``catalog``, ``price_book`` are ``name@version``, as decisions cite."""

    def __init__(  # noqa: PLR0913 - the documents a tenant's routing is made of
        self,
        *,
        tenant: TenantDocument,
        policy: PolicyDocument,
        catalog: str,
        price_book: str,
        taxonomy: Taxonomy,
        clusters: ClusterTable | None,
        entries: tuple[ModelEntry, ...],
        names: NameTable,
        price_changes: tuple[datetime, ...],
        providers: frozenset[str],
        plans: tuple[PlanDocument, ...] = (),
        predictor: Predictor | None = None,
    ) -> None:
        """Resolve names, rules and lists; rows are made when first needed.

        ``plans``: the document of the tenant's plan, if it has one, then the narrower one of a request.
        """
        self.tenant = tenant.name
        self.own = tenant
        self.document = f"tenant/{tenant.reference}"
        self.policy = policy.reference
        self.catalog = catalog
        self.price_book = price_book
        self.plan = tenant.plan
        self.settings = policy
        self.scoring = policy.scoring
        self.weights: Mapping[str, float] = tenant.weights or policy.weights.model_dump()  # type: ignore[assignment]
        self.weight_list: Weights = tuple(self.weights[term] for term in TERMS)  # type: ignore[assignment]
        self.taxonomy = taxonomy
        self.names = names
        self.predictor = predictor
        self.models: Mapping[str, ModelEntry] = {entry.id: entry for entry in entries}
        self._adaptations = compile_adaptations(policy, names)
        self.plans = compile_plans(plans, names)
        self.clusters = plan_of(policy, clusters)
        self.rules = compile_rules(policy, names, tenant, self.plans.layers_left_out, clusters)
        self.chain_length = self.plans.chain_length(policy.chain_length)
        self.exploration = self.plans.exploration(policy.exploration)
        steered = policy.shares is not None and policy.shares.control > 0
        self.share_control = ShareControl(policy.shares, names) if policy.shares is not None and steered else None
        own = [plan for plan in plans if plan.name == tenant.plan]
        self.budget, sources = narrowed(_budget(tenant), cap_sources(self.document), own)
        """What the ledger books by: the tenant's caps, and its plan's where they are smaller."""
        self.caps, self.cap_sources = narrowed(self.budget, sources, plans)
        """What a decision may hold, and the document of each cap by veto rule: the request's plan counts, too."""
        self.detector = compile_detector(tenant.sensitive_detection or policy.sensitive_detection)
        self.max_interactive_latency_ms = tenant.max_interactive_latency_ms
        self.default_model = self._one(tenant.default_model or policy.default_model)
        self.fallbacks: Mapping[str, tuple[str, ...]] = {
            model: names.resolve_all(chain)[0]
            for text, chain in policy.fallbacks.items()
            for model in names.resolve(text).models
        }
        self._pool = frozenset((*names.resolve_all(policy.pool)[0], *(entry.id for entry in entries if entry.own)))
        self._approved = frozenset(names.resolve_all(tenant.approved_models)[0]) if tenant.approved_models else None
        listed = tenant.sensitive_models or policy.sensitive_models
        self._sensitive = frozenset(names.resolve_all(listed)[0]) if listed else None
        self._avoided = frozenset(names.resolve_all(tenant.avoid_models)[0])
        self._preferred = frozenset(names.resolve_all(tenant.preferred_models)[0])
        self._preferred_providers = tuple(tenant.preferred_providers)
        self._providers = providers
        self._dimensions = Dimensions(tenant.dimensions, names, providers)
        self.dimensions = self._dimensions if self._dimensions.weighted else None
        """The tenant's own terms of the score; None where it has none."""
        self._spaces: Mapping[str, Space] = tenant.spaces
        self._areas = {name: area for space in tenant.spaces.values() for name, area in space.areas.items()}
        self._changes = price_changes
        self._rows: dict[tuple[int, str], Rows] = {}
        self.lanes = LaneTable(policy.scoring, policy.profiles, self.rows, self.period)

    def _one(self, text: str | None) -> str | None:
        reference = self.names.resolve(text) if text is not None else None
        return reference.models[0] if reference is not None and reference.kind == "model" else None

    def space(self, name: str | None) -> Space | None:
        """Return the tenant's space of that id."""
        return self._spaces.get(name) if name is not None else None

    def area(self, space: str | None, area: str | None) -> Area | None:
        """Return the area of that id, in its space when one is named."""
        if area is None:
            return None
        if space is not None:
            return self._spaces.get(space, _NO_SPACE).areas.get(area)
        return self._areas.get(area)

    def area_type(self, space: str | None, area: str | None, named: str | None) -> str | None:
        """Return the type of work an area is for: as the request names it, else as the tenant's document says."""
        if named is not None:
            found = self.taxonomy.type_named(named)
            if found is not None:
                return found
        known = self.area(space, area)
        return known.task_type.value if known is not None and known.task_type is not None else None

    def space_type(self, facts: RequestFacts) -> str | None:
        """Return the type of the request's space: as the request says, else as the tenant's document says."""
        if facts.space_type is not None:
            return str(facts.space_type)
        known = self.space(facts.space)
        return known.type.value if known is not None else None

    def share_boosts(self, shares: Mapping[str, float]) -> Mapping[str, float]:
        """Return the boosts toward the target shares; none where the router does not steer."""
        return self.share_control.boosts(shares) if self.share_control is not None else _NO_BOOSTS

    def max_output_tokens(self, task_type: str) -> int:
        """Return the policy's bound on the output of a type of task."""
        limits: Mapping[str, int] = self.settings.max_output_tokens  # type: ignore[assignment]
        return limits.get(task_type, limits["default"])

    def period(self, now: datetime) -> int:
        """Return the number of price changes up to ``now``; prices are equal within one."""
        return bisect_right(self._changes, now)

    def rows(self, modality: str, now: datetime) -> Rows:
        """Return the models that compete for a modality, in catalog order."""
        key = (self.period(now), modality)
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = tuple(
                self.row(entry, now) for entry in self.models.values() if self.competes(entry.id, modality)
            )
        return rows

    def competes(self, model: str, modality: str) -> bool:
        """Return whether a model competes for a modality without being named."""
        entry = self.models[model]
        return modality in entry.modalities and model in self._pool and entry.state in self.settings.lifecycle

    def profile_name(self, facts: RequestFacts, settings: UserSettings | None) -> str | None:
        """Return the capability profile that counts: the area's, else the space's, else the user's; a known one."""
        area, space = self.area(facts.space, facts.area), self.space(facts.space)
        named = (
            None if area is None else area.profile,
            None if space is None else space.profile,
            None if settings is None else settings.profile,
        )
        return next((name for name in named if name is not None and name in self.settings.profiles), None)

    def weights_with(self, profile: str | None) -> Weights:
        """Return the weights of the five terms: the profile's, else the tenant's, else the router's."""
        if profile is None:
            return self.weight_list
        weights = self.settings.profiles[profile].weights
        return (weights.capability, weights.cost, weights.quality, weights.latency, weights.history)

    def row(self, entry: ModelEntry, now: datetime, provider: str | None = None) -> Row:
        """Return the row of any model of the catalog; ``provider`` pins the endpoint."""
        endpoints = [
            served
            for served in entry.served_by
            if served.provider in self._providers and provider in {None, served.provider}
        ]
        endpoints.sort(key=lambda served: self._rank(served.provider))
        if self._dimensions.barring(entry.id, endpoints) is None:
            endpoints = [served for served in endpoints if self._dimensions.passes(entry.id, served)]
        rates = rates_at(entry.prices, now)
        return Row(
            entry=entry,
            rates=rates,
            endpoints=tuple(endpoints),
            veto=next(self.standing_vetoes(entry, rates, endpoints), None),
            preferred=entry.id in self._preferred
            or any(served.provider in self._preferred_providers for served in endpoints)
            or entry.maker in self._preferred_providers,
            sensitive_ok=self._sensitive is None or entry.id in self._sensitive,
            own_price=entry.own_prices_since is not None and now >= entry.own_prices_since,
            adaptation=self._adaptations.get(entry.id),
        )

    def _rank(self, provider: str) -> int:
        preferred = self._preferred_providers
        return preferred.index(provider) if provider in preferred else len(preferred)

    def standing_vetoes(self, entry: ModelEntry, rates: Rates | None, endpoints: Sequence[ServedBy]) -> Iterator[Veto]:
        """Yield what bars a model whatever is asked; the first bars in a decision."""
        if entry.state == "retired" and "retired" not in self.settings.lifecycle:
            successor = f"successor: {entry.successor}" if entry.successor else None
            yield veto(entry.id, VetoRule.RETIRED, f"catalog/{self.catalog}", successor)
        if entry.id not in self._pool:
            yield veto(entry.id, VetoRule.NOT_IN_POOL, f"policy/{self.policy}")
        plan = self.plans.excluding(entry.id)
        if plan is not None:
            yield veto(entry.id, VetoRule.NOT_IN_PLAN, plan)
        if self._approved is not None and entry.id not in self._approved:
            yield veto(entry.id, VetoRule.NOT_APPROVED, self.document)
        if entry.id in self._avoided:
            yield veto(entry.id, VetoRule.AVOIDED, self.document)
        short = self._dimensions.barring(entry.id, endpoints)
        if short is not None:
            yield veto(entry.id, VetoRule.DIMENSION, self.document, short)
        if not endpoints:
            yield veto(entry.id, VetoRule.NO_ENDPOINT, f"catalog/{self.catalog}")
        if rates is None:
            yield veto(entry.id, VetoRule.UNPRICED, f"prices/{self.price_book}")


def _budget(tenant: TenantDocument) -> BudgetPolicy:
    budget = tenant.budget
    return BudgetPolicy(
        daily=budget.daily,
        monthly=budget.monthly,
        per_request=budget.per_request,
        timezone=budget.timezone,
        daily_thresholds=budget.daily_thresholds,
        monthly_thresholds=budget.monthly_thresholds,
    )
