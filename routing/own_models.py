"""A tenant's own models, abilities and prices over the shared catalog: what only its decisions see (SPEC X4). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from routing.models import ModelEntry, compile_model
from routing.pricing import Rates
from routing.references import NameTable
from schemas.control_catalog import CatalogDocument, Model
from schemas.control_prices import Price
from schemas.control_tenant import TenantDocument

Needs = Mapping[str, Mapping[str, float]]
History = tuple[tuple[datetime, Rates], ...]


def has_own(tenant: TenantDocument) -> bool:
    """Return whether the tenant sees anything else than the shared catalog and price book."""
    return bool(tenant.models or tenant.capabilities or tenant.model_prices)


def own_names(tenant: TenantDocument, catalog: CatalogDocument) -> NameTable:
    """Return the names of the catalog and of the tenant's models; those of the catalog go first."""
    return NameTable(catalog.model_copy(update={"models": (*catalog.models, *own_models(tenant, catalog))}))


def own_models(tenant: TenantDocument, catalog: CatalogDocument) -> tuple[Model, ...]:
    """Return the tenant's models; one whose id the catalog has is no model of its own (a fault of the document)."""
    shared = {model.id for model in catalog.models}
    return tuple(model for model in tenant.models if model.id not in shared)


def own_entries(
    tenant: TenantDocument, catalog: CatalogDocument, shared: Sequence[ModelEntry], names: NameTable, needs: Needs
) -> tuple[ModelEntry, ...]:
    """Return the entries as the tenant sees them, in catalog order, its own models last."""
    abilities = _abilities(tenant, names)
    by_id = {entry.id: entry for entry in shared}
    entries: list[ModelEntry] = []
    for model in (*catalog.models, *own_models(tenant, catalog)):
        entry = by_id.get(model.id)
        changes = abilities.get(model.id)
        if entry is None or changes:
            seen = model.model_copy(update={"capabilities": model.capabilities.model_copy(update=changes or {})})
            own, prices = entry is None, entry.prices if entry is not None else ()
            entry = replace(compile_model(seen, needs, prices), own=own)
        entries.append(_priced(entry, tenant.model_prices.get(model.id, ())))
    return tuple(entries)


def _abilities(tenant: TenantDocument, names: NameTable) -> dict[str, dict[str, float]]:
    """Return model -> abilities that the tenant states; of a model and a pool that has it, the model's go first."""
    found: dict[str, dict[str, float]] = {}
    references = sorted(tenant.capabilities, key=lambda text: names.resolve(text).kind == "model")
    for text in references:
        for model in names.resolve(text).models:
            stated = {str(name): score for name, score in tenant.capabilities[text].items()}
            found[model] = {**found.get(model, {}), **stated}
    return found


def _priced(entry: ModelEntry, prices: Sequence[Price]) -> ModelEntry:
    """Return the entry with the tenant's prices from their first day on; before it the price book holds."""
    if not prices:
        return entry
    since = prices[0].since_instant
    own: History = tuple((price.since_instant, Rates.of(price)) for price in prices)
    before = tuple(item for item in entry.prices if item[0] < since)
    return replace(entry, prices=(*before, *own), own_prices_since=since)
