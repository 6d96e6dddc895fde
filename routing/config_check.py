"""Faults between documents: names that mean nothing, aliases that go in circles, missing prices and endpoints. Pure.

A document alone is checked by its model (``schemas.control``); this is what only shows when all are seen together.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from routing.classifier_model import description
from routing.references import NameTable
from schemas.control import ConfigDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_policy import PolicyDocument
from schemas.control_prices import PricesDocument
from schemas.control_taxonomy import TaxonomyDocument
from schemas.control_tenant import TenantDocument

_CHOSEN_STATES = frozenset({"active", "preview"})
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class CrossFault:
    """One fault: in which document (``kind/name@version``), at which place in it, and what is wrong."""

    document: str
    place: Place
    message: str

    def __str__(self) -> str:
        """Return the fault on one line."""
        where = ".".join(str(part) for part in self.place)
        return f"{self.document}: {where}: {self.message}"


class _Set:
    """All documents, by kind; references resolve to the newest version."""

    def __init__(self, documents: Iterable[ConfigDocument]) -> None:
        self._documents = list(documents)
        self._by_key = {item.document_key: item for item in self._documents}
        self._newest: dict[tuple[str, str], ConfigDocument] = {}
        for item in self._documents:
            known = self._newest.get((item.kind, item.name))
            if known is None or known.version < item.version:
                self._newest[item.kind, item.name] = item
        self._tables: dict[str, NameTable] = {}
        self.providers = {name for (kind, name), _ in self._newest.items() if kind == "provider"}

    def newest(self) -> list[ConfigDocument]:
        return list(self._newest.values())

    def find(self, kind: str, reference: str) -> ConfigDocument | None:
        if "@" in reference:
            return self._by_key.get(f"{kind}/{reference}")
        return self._newest.get((kind, reference))

    def table(self, catalog: CatalogDocument) -> NameTable:
        if catalog.document_key not in self._tables:
            self._tables[catalog.document_key] = NameTable(catalog)
        return self._tables[catalog.document_key]

    def catalogs_of(self, policy: PolicyDocument) -> list[CatalogDocument]:
        """Return the catalogs under which tenants use a policy; all of them when none does."""
        tenants = [item for item in self.newest() if isinstance(item, TenantDocument)]
        users = [item for item in tenants if self.find("policy", item.policy) is policy]
        found = [self.find("catalog", item.catalog) for item in users] or self.newest()
        return list({item.document_key: item for item in found if isinstance(item, CatalogDocument)}.values())


def check_documents(documents: Mapping[str, ConfigDocument]) -> list[CrossFault]:
    """Return all faults between the newest versions of ``documents`` (key ``kind/name@version``), by document."""
    known = _Set(documents.values())
    faults: list[CrossFault] = []
    for document in known.newest():
        if isinstance(document, CatalogDocument):
            faults += _catalog(document, known)
        elif isinstance(document, PricesDocument):
            faults += _prices(document, known)
        elif isinstance(document, PolicyDocument):
            faults += _policy(document, known)
        elif isinstance(document, TenantDocument):
            faults += _tenant(document, known)
        elif isinstance(document, TaxonomyDocument):
            faults += _taxonomy(document)
    return sorted(set(faults), key=lambda fault: (fault.document, [str(part) for part in fault.place], fault.message))


def _catalog(document: CatalogDocument, known: _Set) -> Iterator[CrossFault]:
    key, names = document.document_key, known.table(document)
    ids = {model.id for model in document.models}
    for alias in document.aliases:
        if names.resolve(alias).kind == "unknown":
            yield CrossFault(key, ("aliases", alias), "this alias leads to no model (unknown name, or a circle)")
    for index, model in enumerate(document.models):
        successor = model.lifecycle.successor
        if successor is not None and successor not in ids:
            yield CrossFault(key, ("models", index, "lifecycle", "successor"), f"no model has the id {successor}")
        for place, served in enumerate(model.served_by):
            if known.providers and served.provider not in known.providers:
                where: Place = ("models", index, "served_by", place, "provider")
                yield CrossFault(key, where, f"no provider document is named {served.provider}")


def _prices(document: PricesDocument, known: _Set) -> Iterator[CrossFault]:
    catalogs = [item for item in known.newest() if isinstance(item, CatalogDocument)]
    ids = {model.id for catalog in catalogs for model in catalog.models}
    for model in document.prices:
        if catalogs and model not in ids:
            yield CrossFault(document.document_key, ("prices", model), "no catalog has a model of this id")


def _named(  # noqa: C901 - one loop per field that names models
    document: PolicyDocument,
) -> Iterator[tuple[Place, str]]:
    """Yield every model reference of a policy with its place."""
    for index, text in enumerate(document.pool):
        yield ("pool", index), text
    if document.default_model is not None:
        yield ("default_model",), document.default_model
    for index, text in enumerate(document.sensitive_models):
        yield ("sensitive_models", index), text
    for number, rule in enumerate(document.rules):
        for index, text in enumerate(rule.models):
            yield ("rules", number, "models", index), text
    for model, chain in document.fallbacks.items():
        yield ("fallbacks", model), model
        for index, text in enumerate(chain):
            yield ("fallbacks", model, index), text
    if document.shares is not None:
        for model in (*document.shares.targets, *document.shares.upper_limits):
            yield ("shares",), model
    for model in document.targets:
        yield ("targets", model), model


def _taxonomy(document: TaxonomyDocument) -> Iterator[CrossFault]:
    if document.classifier is not None and description(document.classifier.artefact) is None:
        message = f"no classifier {document.classifier.artefact} comes with this version: the words would decide alone"
        yield CrossFault(document.document_key, ("classifier", "artefact"), message)


def _policy(document: PolicyDocument, known: _Set) -> Iterator[CrossFault]:
    for catalog in known.catalogs_of(document):
        names = known.table(catalog)
        for place, text in _named(document):
            if names.resolve(text).kind not in {"model", "pool"}:
                yield CrossFault(document.document_key, place, f"{text!r} means no model of {catalog.document_key}")
        if document.default_model is not None and names.resolve(document.default_model).kind == "pool":
            yield CrossFault(document.document_key, ("default_model",), "names one model, not a pool")
    if document.shares is not None and abs(sum(document.shares.targets.values()) - 1) > document.shares.tolerance:
        yield CrossFault(document.document_key, ("shares", "targets"), "target shares sum to 1")


def _tenant_names(document: TenantDocument) -> Iterator[tuple[Place, str]]:
    """Yield every model reference of a tenant with its place."""
    for field in ("approved_models", "sensitive_models", "avoid_models", "preferred_models"):
        for index, text in enumerate(getattr(document, field)):
            yield (field, index), text
    if document.default_model is not None:
        yield ("default_model",), document.default_model
    for name, space in document.spaces.items():
        for text in (*space.prefer, *space.avoid):
            yield ("spaces", name), text
        for area_name, area in space.areas.items():
            where: Place = ("spaces", name, "areas", area_name)
            if area.lock is not None:
                yield (*where, "lock"), area.lock
            for text in (*area.prefer, *area.avoid):
                yield where, text


def _tenant(  # noqa: C901 - one check per field
    document: TenantDocument, known: _Set
) -> Iterator[CrossFault]:
    key = document.document_key
    policy = known.find("policy", document.policy)
    catalog = known.find("catalog", document.catalog)
    book = known.find("prices", document.prices)
    taxonomy = known.find("taxonomy", document.taxonomy)
    for kind, found in (("policy", policy), ("catalog", catalog), ("prices", book), ("taxonomy", taxonomy)):
        if found is None:
            yield CrossFault(key, (kind,), f"no {kind} document is called {getattr(document, kind)}")
    if not isinstance(catalog, CatalogDocument):
        return
    names = known.table(catalog)
    for place, text in _tenant_names(document):
        reference = names.resolve(text)
        if reference.kind not in {"model", "pool"}:
            yield CrossFault(key, place, f"{text!r} means no model of {catalog.document_key}")
        elif reference.kind == "pool" and place[-1] in {"lock", "default_model"}:
            yield CrossFault(key, place, "names one model, not a pool")
    for provider in document.preferred_providers:
        if known.providers and provider not in known.providers | {model.maker for model in catalog.models}:
            yield CrossFault(key, ("preferred_providers",), f"no provider or maker is called {provider}")
    if isinstance(policy, PolicyDocument) and isinstance(book, PricesDocument):
        pool = set(names.resolve_all(policy.pool)[0])
        for model in catalog.models:
            if model.id in pool and model.lifecycle.state in _CHOSEN_STATES and model.id not in book.prices:
                yield CrossFault(
                    key, ("prices",), f"{book.document_key} has no price for {model.id} of the router's pool"
                )
