"""Faults between documents: names that mean nothing, aliases that go in circles, missing prices and endpoints. Pure.

A document alone is checked by its model (``schemas.control``); this is what only shows when all are seen together.
"""

from collections.abc import Iterator, Mapping

from routing.classifier_model import description
from routing.clusters import ClusterTable
from routing.config_check_tenant import check_plan, check_tenant
from routing.config_set import CrossFault, DocumentSet, Place
from routing.predictor import PredictorFaultError, assembled
from schemas.control import ConfigDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_clusters import ClustersDocument
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_predictor import PredictorDocument
from schemas.control_prices import PricesDocument
from schemas.control_taxonomy import TaxonomyDocument
from schemas.control_tenant import TenantDocument


def check_documents(documents: Mapping[str, ConfigDocument]) -> list[CrossFault]:
    """Return all faults between the newest versions of ``documents`` (key ``kind/name@version``), by document."""
    known = DocumentSet(documents.values())
    faults: list[CrossFault] = []
    for document in known.newest():
        if isinstance(document, CatalogDocument):
            faults += _catalog(document, known)
        elif isinstance(document, PricesDocument):
            faults += _prices(document, known)
        elif isinstance(document, PolicyDocument):
            faults += _policy(document, known)
        elif isinstance(document, TenantDocument):
            faults += check_tenant(document, known)
        elif isinstance(document, PlanDocument):
            faults += check_plan(document, known)
        elif isinstance(document, TaxonomyDocument):
            faults += _taxonomy(document)
        elif isinstance(document, ClustersDocument):
            faults += _clusters(document, known)
        elif isinstance(document, PredictorDocument):
            faults += _predictor(document, known)
    return sorted(set(faults), key=lambda fault: (fault.document, [str(part) for part in fault.place], fault.message))


def _catalog(document: CatalogDocument, known: DocumentSet) -> Iterator[CrossFault]:
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


def _prices(document: PricesDocument, known: DocumentSet) -> Iterator[CrossFault]:
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
    for model in document.adaptations:
        yield ("adaptations", model), model
    if document.shares is not None:
        for model in (*document.shares.targets, *document.shares.upper_limits):
            yield ("shares",), model
    for model in document.targets:
        yield ("targets", model), model


def _taxonomy(document: TaxonomyDocument) -> Iterator[CrossFault]:
    if document.classifier is not None and description(document.classifier.artefact) is None:
        message = f"no classifier {document.classifier.artefact} comes with this version: the words would decide alone"
        yield CrossFault(document.document_key, ("classifier", "artefact"), message)


def _predictor(document: PredictorDocument, known: DocumentSet) -> Iterator[CrossFault]:
    key = document.document_key
    try:
        assembled(document, lambda part: known.find("predictor-part", part))
    except PredictorFaultError as error:
        yield CrossFault(key, ("parts",), f"{error}: it predicts nothing")
    catalogs = [item for item in known.newest() if isinstance(item, CatalogDocument)]
    ids = {model.id for catalog in catalogs for model in catalog.models}
    for column, model in document.models.items():
        if catalogs and model not in ids:
            yield CrossFault(key, ("models", column), f"no catalog has a model of the id {model}")


def _clusters(document: ClustersDocument, known: DocumentSet) -> Iterator[CrossFault]:
    key, fault = document.document_key, ClusterTable(document).fault
    if fault is not None:
        yield CrossFault(key, ("centroids",), f"{fault}; run: pointsman clusters rebuild --file FILE")
    catalogs = [item for item in known.newest() if isinstance(item, CatalogDocument)]
    if document.embedding is not None and catalogs:
        models = {model.id: model for catalog in catalogs for model in catalog.models}
        found = models.get(document.embedding.model)
        if found is None or "embedding" not in found.modalities:
            yield CrossFault(
                key, ("embedding", "model"), f"{document.embedding.model!r} is no model for embeddings of a catalog"
            )
    tables = [known.table(item) for item in catalogs]
    for name, cluster in document.clusters.items():
        for index, text in enumerate(cluster.models):
            if tables and not any(names.resolve(text).kind in {"model", "pool"} for names in tables):
                yield CrossFault(key, ("clusters", name, "models", index), f"{text!r} means no model of a catalog")


def _cluster_names(document: PolicyDocument, known: DocumentSet) -> Iterator[CrossFault]:
    """Yield clusters that a policy's rules name and its clusters document does not have."""
    use = document.clusters
    found = None if use is None else known.find("clusters", use.document)
    if use is not None and not isinstance(found, ClustersDocument):
        yield CrossFault(
            document.document_key, ("clusters", "document"), f"no clusters document is called {use.document}"
        )
        return
    names = found.clusters if isinstance(found, ClustersDocument) else {}
    for number, rule in enumerate(document.rules):
        for index, name in enumerate(rule.when.cluster):
            if name not in names:
                place: Place = ("rules", number, "when", "cluster", index)
                reason = f"no cluster is called {name}" if names else "the policy names no clusters document"
                yield CrossFault(document.document_key, place, reason)


def _policy(document: PolicyDocument, known: DocumentSet) -> Iterator[CrossFault]:
    for catalog in known.catalogs_of(document):
        names = known.table(catalog)
        for place, text in _named(document):
            if names.resolve(text).kind not in {"model", "pool"}:
                yield CrossFault(document.document_key, place, f"{text!r} means no model of {catalog.document_key}")
        if document.default_model is not None and names.resolve(document.default_model).kind == "pool":
            yield CrossFault(document.document_key, ("default_model",), "names one model, not a pool")
    yield from _cluster_names(document, known)
    if document.predictor is not None and known.find("predictor", document.predictor.name) is None:
        message = f"no predictor document is called {document.predictor.name}"
        yield CrossFault(document.document_key, ("predictor", "name"), message)
    if document.shares is not None and abs(sum(document.shares.targets.values()) - 1) > document.shares.tolerance:
        yield CrossFault(document.document_key, ("shares", "targets"), "target shares sum to 1")
