"""Faults of tenants and plans against the documents they name (see ``routing.config_check``). Pure."""

from collections.abc import Iterator

from routing.config_set import CrossFault, DocumentSet, Place
from routing.own_models import has_own, own_names
from routing.references import NameTable
from schemas.control_catalog import CatalogDocument, Model
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_prices import PricesDocument
from schemas.control_provider import ProviderDocument
from schemas.control_tenant import Space, TenantDocument

_CHOSEN_STATES = frozenset({"active", "preview"})


def _tenant_names(document: TenantDocument) -> Iterator[tuple[Place, str]]:
    """Yield every model reference of a tenant with its place."""
    for field in ("approved_models", "sensitive_models", "avoid_models", "preferred_models"):
        for index, text in enumerate(getattr(document, field)):
            yield (field, index), text
    for number, route in enumerate(document.routes):
        for index, text in enumerate(route.models):
            yield ("routes", number, "models", index), text
    if document.default_model is not None:
        yield ("default_model",), document.default_model
    for name, space in document.spaces.items():
        yield from _space_names(("spaces", name), space)


def _space_names(place: Place, space: Space) -> Iterator[tuple[Place, str]]:
    for text in (*space.prefer, *space.avoid):
        yield place, text
    for area_name, area in space.areas.items():
        where: Place = (*place, "areas", area_name)
        if area.lock is not None:
            yield (*where, "lock"), area.lock
        for text in (*area.prefer, *area.avoid):
            yield where, text


def check_tenant(  # noqa: C901 - one check per field
    document: TenantDocument, known: DocumentSet
) -> Iterator[CrossFault]:
    """Yield the faults of a tenant's references, lists, routes, plans."""
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
    names = own_names(document, catalog) if has_own(document) else known.table(catalog)
    yield from _own_models(document, catalog, known, names)
    for place, text in _tenant_names(document):
        reference = names.resolve(text)
        if reference.kind not in {"model", "pool"}:
            yield CrossFault(key, place, f"{text!r} means no model of {catalog.document_key}")
        elif reference.kind == "pool" and place[-1] in {"lock", "default_model"}:
            yield CrossFault(key, place, "names one model, not a pool")
    yield from _dimensions(document, known, names)
    for provider in document.preferred_providers:
        if known.providers and provider not in known.providers | {model.maker for model in catalog.models}:
            yield CrossFault(key, ("preferred_providers",), f"no provider or maker is called {provider}")
    yield from _plans(document, known)
    if isinstance(policy, PolicyDocument):
        yield from _sensitive(document, policy)
        yield from _routes(document, policy, names)
        yield from _profiles(document, policy)
    if isinstance(policy, PolicyDocument) and isinstance(book, PricesDocument):
        pool = set(names.resolve_all(policy.pool)[0])
        priced = {*book.prices, *document.model_prices}
        for model in catalog.models:
            if model.id in pool and model.lifecycle.state in _CHOSEN_STATES and model.id not in priced:
                yield CrossFault(
                    key, ("prices",), f"{book.document_key} has no price for {model.id} of the router's pool"
                )


def _sensitive(document: TenantDocument, policy: PolicyDocument) -> Iterator[CrossFault]:
    detection = document.sensitive_detection
    if detection is not None and detection.kinds and not (document.sensitive_models or policy.sensitive_models):
        message = "nothing follows from a finding: no sensitive_models are listed here or in the policy"
        yield CrossFault(document.document_key, ("sensitive_detection",), message, warning=True)


def _routes(document: TenantDocument, policy: PolicyDocument, names: NameTable) -> Iterator[CrossFault]:
    pool = set(names.resolve_all(policy.pool)[0])
    for number, route in enumerate(document.routes):
        models = names.resolve_all(route.models)[0]
        if models and pool.isdisjoint(models):
            message = f"none of its models is in the pool of {policy.document_key}: it could force nothing"
            yield CrossFault(document.document_key, ("routes", number, "models"), message)


def _profiles(document: TenantDocument, policy: PolicyDocument) -> Iterator[CrossFault]:
    for name, space in document.spaces.items():
        places: list[tuple[Place, str | None]] = [(("spaces", name, "profile"), space.profile)]
        places += [(("spaces", name, "areas", area, "profile"), one.profile) for area, one in space.areas.items()]
        for place, profile in places:
            if profile is not None and profile not in policy.profiles:
                message = (
                    f"{policy.document_key} has no profile {profile}; it has: {', '.join(policy.profiles) or 'none'}"
                )
                yield CrossFault(document.document_key, place, message)


def _own_models(
    document: TenantDocument, catalog: CatalogDocument, known: DocumentSet, names: NameTable
) -> Iterator[CrossFault]:
    key = document.document_key
    shared = {model.id for model in catalog.models}
    own = {model.id for model in document.models}
    for index, model in enumerate(document.models):
        if model.id in shared:
            yield CrossFault(key, ("models", index, "id"), f"{catalog.document_key} has a model of this id")
        if model.id not in document.model_prices:
            message = "model_prices has no price of it, and a model without a price is never called"
            yield CrossFault(key, ("models", index, "id"), message)
        yield from _own_endpoints(document, ("models", index), model, known)
    for text in document.capabilities:
        if names.resolve(text).kind not in {"model", "pool"}:
            yield CrossFault(key, ("capabilities", text), f"{text!r} means no model of {catalog.document_key}")
    for model_id in document.model_prices:
        if model_id not in shared | own:
            yield CrossFault(key, ("model_prices", model_id), "no model has this id")


def _own_endpoints(document: TenantDocument, place: Place, model: Model, known: DocumentSet) -> Iterator[CrossFault]:
    for number, served in enumerate(model.served_by):
        provider = known.find("provider", served.provider)
        where: Place = (*place, "served_by", number, "provider")
        if not isinstance(provider, ProviderDocument):
            yield CrossFault(document.document_key, where, f"no provider document is named {served.provider}")
        elif provider.tenant not in {None, document.name}:
            yield CrossFault(document.document_key, where, f"the endpoint {served.provider} belongs to another tenant")


def _dimensions(document: TenantDocument, known: DocumentSet, names: NameTable) -> Iterator[CrossFault]:
    for name, dimension in document.dimensions.items():
        for text in dimension.values:
            if text not in known.providers and names.resolve(text).kind not in {"model", "pool"}:
                message = f"{text!r} means no model, pool or provider"
                yield CrossFault(document.document_key, ("dimensions", name, "values", text), message)


def _plans(document: TenantDocument, known: DocumentSet) -> Iterator[CrossFault]:
    key = document.document_key
    if document.plan is not None and known.find("plan", document.plan) is None:
        message = f"no plan document is called {document.plan}: it is a label that rules may read, and limits nothing"
        yield CrossFault(key, ("plan",), message, warning=True)
    for number, name in enumerate(document.plans):
        if known.find("plan", name) is None:
            yield CrossFault(key, ("plans", number), f"no plan document is called {name}")


def check_plan(document: PlanDocument, known: DocumentSet) -> Iterator[CrossFault]:
    """Yield the faults of a plan: names that mean nothing to a tenant that uses it, a pool that leaves it nothing."""
    for tenant in known.newest():
        if not isinstance(tenant, TenantDocument) or document.name not in (tenant.plan, *tenant.plans):
            continue
        catalog, policy = known.find("catalog", tenant.catalog), known.find("policy", tenant.policy)
        if not isinstance(catalog, CatalogDocument) or not isinstance(policy, PolicyDocument):
            continue
        names = known.table(catalog)
        for number, text in enumerate(document.pool):
            if names.resolve(text).kind not in {"model", "pool"}:
                message = f"{text!r} means no model of {catalog.document_key}"
                yield CrossFault(document.document_key, ("pool", number), message)
        if set(names.resolve_all(document.pool)[0]).isdisjoint(names.resolve_all(policy.pool)[0]):
            message = f"it includes no model that {policy.document_key} offers to tenant {tenant.name}"
            yield CrossFault(document.document_key, ("pool",), message)
