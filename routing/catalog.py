"""Configuration compiled for decisions: per tenant everything ``decide`` reads, computed once (DESIGN 10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from routing.clusters import ClusterTable
from routing.models import ModelEntry, compile_model
from routing.own_models import has_own, own_entries, own_names
from routing.predictor import Predictor, PredictorFaultError, assembled
from routing.pricing import Rates, rates_at
from routing.references import NameTable
from routing.sensitive import Detector
from routing.taxonomy import Taxonomy
from routing.tenant_policy import TenantPolicy
from schemas.control import ConfigDocument
from schemas.control_base import FlagsDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_clusters import ClustersDocument
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_predictor import PredictorDocument
from schemas.control_prices import PricesDocument
from schemas.control_provider import ProviderDocument
from schemas.control_taxonomy import TaxonomyDocument
from schemas.control_tenant import TenantDocument

__all__ = ["CompiledConfig", "TenantPolicy", "compile_config"]

_Parts = tuple[CatalogDocument, PricesDocument, Taxonomy]


class CompiledConfig:
    """All documents in force. Tenants compile when first asked for; look-ups after that are dictionary reads."""

    def __init__(self, documents: Mapping[str, ConfigDocument]) -> None:
        """Index ``documents`` (key ``kind/name@version`` -> document) by kind and name, newest version first."""
        self._by_key: dict[tuple[str, str, int], ConfigDocument] = {}
        newest: dict[tuple[str, str], ConfigDocument] = {}
        for document in documents.values():
            self._by_key[document.kind, document.name, document.version] = document
            known = newest.get((document.kind, document.name))
            if known is None or known.version < document.version:
                newest[document.kind, document.name] = document
        self._newest = newest
        self._taxonomies: dict[str, Taxonomy] = {}
        self._clusters: dict[str, ClusterTable] = {}
        self._entries: dict[tuple[str, str, str], tuple[tuple[ModelEntry, ...], NameTable]] = {}
        self._tenants: dict[str, TenantPolicy | None] = {}
        self._by_plan: dict[tuple[str, str], TenantPolicy | None] = {}
        self._histories: dict[tuple[str, str], tuple[tuple[datetime, Rates], ...]] = {}
        self._predictors: dict[str, Predictor | None] = {}
        self._bare = Taxonomy()
        self.providers: Mapping[str, ProviderDocument] = {
            document.name: document for document in newest.values() if isinstance(document, ProviderDocument)
        }
        """The endpoints in force, by name."""
        self.tenants: tuple[str, ...] = tuple(sorted(name for kind, name in newest if kind == "tenant"))
        """The tenants that have a document."""

    def document(self, kind: str, reference: str) -> ConfigDocument | None:
        """Return the document that ``name`` (newest) or ``name@version`` means, or None."""
        name, _, version = reference.partition("@")
        if not version:
            return self._newest.get((kind, name))
        return self._by_key.get((kind, name, int(version)))

    def documents(self, kind: str) -> tuple[ConfigDocument, ...]:
        """Return the newest version of each document of a kind, by name."""
        return tuple(self._newest[key] for key in sorted(self._newest) if key[0] == kind)

    def replaced(self, document: TenantDocument | PolicyDocument) -> Self:
        """Return the configuration with another document in the place of its kind, name and version.

        What was compiled of catalogs, prices, taxonomies, clusters and predictors is shared.
        """
        changed = self._by_key | {(document.kind, document.name, document.version): document}
        other = type(self)({known.document_key: known for known in changed.values()})
        other._taxonomies, other._clusters = self._taxonomies, self._clusters  # noqa: SLF001 - of its own class
        other._entries, other._histories = self._entries, self._histories  # noqa: SLF001 - of its own class
        other._predictors = self._predictors  # noqa: SLF001 - of its own class
        return other

    def flag(self, name: str) -> bool:
        """Return whether a feature flag is on in any flags document."""
        return any(
            document.flags.get(name, False)
            for document in self.documents("flags")
            if isinstance(document, FlagsDocument)
        )

    def tenant(self, name: str, plan: str | None = None) -> TenantPolicy | None:
        """Return what decisions of a tenant (or ``tenant#shard``) read; None without a complete set of documents.

        ``plan``: the one a request names; it counts where the tenant lists it and its document is published.
        """
        name = name.partition("#")[0]
        if plan is not None:
            narrower = self._narrower(name, plan)
            if narrower is not None:
                return narrower
        if name not in self._tenants:
            if len(self._tenants) > 100_000:
                self._tenants.clear()
            document = self._newest.get(("tenant", name))
            self._tenants[name] = self._compile_tenant(document) if isinstance(document, TenantDocument) else None
        return self._tenants[name]

    def _narrower(self, name: str, plan: str) -> TenantPolicy | None:
        key = (name, plan)
        if key not in self._by_plan:
            document, named = self._newest.get(("tenant", name)), self._newest.get(("plan", plan))
            if not isinstance(document, TenantDocument) or plan not in document.plans or plan == document.plan:
                return None
            if len(self._by_plan) > 100_000:
                self._by_plan.clear()
            self._by_plan[key] = self._compile_tenant(document, named) if isinstance(named, PlanDocument) else None
        return self._by_plan[key]

    def taxonomy_of(self, tenant: str) -> Taxonomy:
        """Return the tenant's taxonomy; for unknown tenants the published default, before that a bare one."""
        policy = self.tenant(tenant)
        return policy.taxonomy if policy is not None else self._taxonomy("default")

    def detector_of(self, tenant: str) -> Detector | None:
        """Return what the tenant looks for in prompts; None where it looks for nothing."""
        policy = self.tenant(tenant)
        return policy.detector if policy is not None else None

    def area_type(self, tenant: str, space: str | None, area: str | None, named: str | None) -> str | None:
        """Return the type of work an area is for: as the request names it, else as the tenant's document says."""
        policy = self.tenant(tenant)
        if policy is not None:
            return policy.area_type(space, area, named)
        return self.taxonomy_of(tenant).type_named(named) if named is not None else None

    def predictor(self, reference: str) -> Predictor | None:
        """Return a published predictor; None where a part of it is missing or damaged, as checks tell."""
        document = self.document("predictor", reference)
        if not isinstance(document, PredictorDocument):
            return None
        if document.reference not in self._predictors:
            try:
                found = assembled(document, lambda part: self.document("predictor-part", part))
            except PredictorFaultError:
                found = None
            self._predictors[document.reference] = found
        return self._predictors[document.reference]

    def rates(self, price_book: str, model: str, at: datetime) -> Rates | None:
        """Return the rates of ``model`` in a price book (``name@version``) in force at ``at``; None: unpriced."""
        history = self._histories.get((price_book, model))
        if history is None:
            document = self.document("prices", price_book)
            prices = document.prices.get(model, ()) if isinstance(document, PricesDocument) else ()
            history = self._histories[price_book, model] = tuple(
                (price.since_instant, Rates.of(price)) for price in prices
            )
        return rates_at(history, at)

    def models(self, catalog: str = "models", prices: str = "current") -> tuple[ModelEntry, ...]:
        """Return the entries of a catalog under a price book; empty when either is unknown."""
        book, listed = self.document("prices", prices), self.document("catalog", catalog)
        if not isinstance(book, PricesDocument) or not isinstance(listed, CatalogDocument):
            return ()
        return self._models(listed, book, self._taxonomy("default"))[0]

    def clusters(self, reference: str) -> ClusterTable | None:
        """Return the clusters that ``name`` (newest) or ``name@version`` means, compiled, or None."""
        document = self.document("clusters", reference)
        if not isinstance(document, ClustersDocument):
            return None
        if document.reference not in self._clusters:
            self._clusters[document.reference] = ClusterTable(document)
        return self._clusters[document.reference]

    def _taxonomy(self, reference: str) -> Taxonomy:
        document = self.document("taxonomy", reference)
        if not isinstance(document, TaxonomyDocument):
            return self._bare
        if document.reference not in self._taxonomies:
            self._taxonomies[document.reference] = Taxonomy(document)
        return self._taxonomies[document.reference]

    def _models(
        self, catalog: CatalogDocument, book: PricesDocument, taxonomy: Taxonomy
    ) -> tuple[tuple[ModelEntry, ...], NameTable]:
        key = (catalog.reference, book.reference, taxonomy.document.reference)
        if key not in self._entries:
            entries = tuple(
                compile_model(
                    model,
                    taxonomy.needs,
                    tuple((price.since_instant, Rates.of(price)) for price in book.prices.get(model.id, ())),
                )
                for model in catalog.models
            )
            self._entries[key] = (entries, NameTable(catalog))
        return self._entries[key]

    def _compile_tenant(self, tenant: TenantDocument, narrower: PlanDocument | None = None) -> TenantPolicy | None:
        policy = self.document("policy", tenant.policy)
        catalog = self.document("catalog", tenant.catalog)
        book = self.document("prices", tenant.prices)
        if not (
            isinstance(policy, PolicyDocument)
            and isinstance(catalog, CatalogDocument)
            and isinstance(book, PricesDocument)
        ):
            return None
        taxonomy = self._taxonomy(tenant.taxonomy)
        entries, names = self._models(catalog, book, taxonomy)
        if has_own(tenant):
            names = own_names(tenant, catalog)
            entries = own_entries(tenant, catalog, entries, names, taxonomy.needs)
        plan = None if tenant.plan is None else self._newest.get(("plan", tenant.plan))
        changes = sorted({since for entry in entries for since, _ in entry.prices})
        return TenantPolicy(
            tenant=tenant,
            policy=policy,
            catalog=catalog.reference,
            price_book=book.reference,
            taxonomy=taxonomy,
            clusters=None if policy.clusters is None else self.clusters(policy.clusters.document),
            entries=entries,
            names=names,
            price_changes=tuple(changes),
            providers=frozenset(
                name for name, provider in self.providers.items() if provider.tenant in {None, tenant.name}
            ),
            plans=tuple(found for found in (plan, narrower) if isinstance(found, PlanDocument)),
            predictor=self.predictor(policy.predictor.name) if policy.predictor is not None else None,
        )


def compile_config(documents: Mapping[str, ConfigDocument]) -> CompiledConfig:
    """Return the compiled form of all published documents (key ``kind/name@version``). Total: never raises.

    A tenant whose documents are not complete yet has no policy; a model without a price is vetoed as unpriced.
    """
    return CompiledConfig(documents)
