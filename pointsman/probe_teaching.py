"""What probes change: a published predictor that knows one model more, else the tenant's abilities of that model."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pointsman.config_store import Store
from pointsman.predictor_documents import Naming, predictor_documents, to_publish
from pointsman.probing import Judged
from routing.catalog import CompiledConfig
from routing.predictor import PredictorFaultError, assembled
from routing.probe_abilities import Ability, probed_abilities
from routing.quality_cold_start import LEAST_PROBES, Probes, ProbesError, extended, without
from routing.quality_features import features_of
from schemas.control import ConfigDocument
from schemas.control_catalog import CatalogDocument, Model
from schemas.control_policy import PolicyDocument
from schemas.control_predictor import PredictorDocument
from schemas.control_tenant import TenantDocument

LEAST: int = LEAST_PROBES
"""Judged answers below which nothing is published."""


class TeachingError(ValueError):
    """Nothing can be taught; the message says why."""


def asked_predictor(tenant: TenantDocument, store: Store) -> PredictorDocument | None:
    """Return the newest predictor of the name that the tenant's router asks; None: it asks none that works."""
    event = (store.published if "@" in tenant.policy else store.current).get(f"policy/{tenant.policy}")
    policy = None if event is None else event.document
    if not isinstance(policy, PolicyDocument) or policy.predictor is None:
        return None
    document = store.document("predictor", policy.predictor.name.partition("@")[0])
    return document if isinstance(document, PredictorDocument) else None


def taught_predictor(
    document: PredictorDocument, store: Store, model: Model, makers: dict[str, str], judged: Sequence[Judged]
) -> list[ConfigDocument]:
    """Return what is to be published so that the predictor knows ``model`` by these answers; nothing if it does so.

    ``makers``: model -> maker. Answers of earlier probes are forgotten first. Raise `TeachingError`.
    """
    answered = [one for one in judged if one.passed is not None]
    column = next((column for column, known in document.models.items() if known == model.id), model.id)
    try:
        known = assembled(document, lambda part: store.document("predictor-part", part)).model
        known = replace(known, facts=document.facts)
        if column in known.models:
            known = without(known, column)
        scores = np.array([document.high if one.passed else document.low for one in answered])
        probes = Probes([features_of(one.probe.prompt) for one in answered], scores)
        family = [of for of, other in document.models.items() if makers.get(other) == model.maker and of != column]
        grown = extended(known, column, probes, family)
    except (PredictorFaultError, ProbesError) as error:
        raise TeachingError(f"{document.document_key}: {error}") from None
    naming = Naming({**document.models, column: model.id}, (), ())
    return to_publish(predictor_documents(grown, document.name, naming, document.low, document.high), store)


def abilities(model: Model, judged: Sequence[Judged], config: CompiledConfig, tenant: TenantDocument) -> list[Ability]:
    """Return the model's abilities by the catalog and after the probes."""
    found = config.tenant(tenant.name)
    if found is None:
        raise TeachingError(f"tenant {tenant.name} has no router")
    results = [(one.probe.type.value, one.passed) for one in judged if one.passed is not None]
    return probed_abilities(model.capabilities, results, found.taxonomy.needs)


def stated(tenant: TenantDocument, model: str, found: Sequence[Ability]) -> dict[str, dict[str, float]]:
    """Return the tenant's abilities of models with those that the probes found."""
    before = {name: {str(key): score for key, score in scores.items()} for name, scores in tenant.capabilities.items()}
    return {**before, model: {**before.get(model, {}), **{one.name: one.after for one in found}}}


def model_named(config: CompiledConfig, tenant: TenantDocument, text: str) -> tuple[Model, dict[str, str]]:
    """Return the one model that ``text`` means for the tenant, and the makers of all. Raise `TeachingError`."""
    catalog, policy = config.document("catalog", tenant.catalog), config.tenant(tenant.name)
    if not isinstance(catalog, CatalogDocument) or policy is None:
        raise TeachingError(f"tenant {tenant.name} has no catalog or no router")
    reference = policy.names.resolve(text)
    known = {model.id: model for model in (*tenant.models, *catalog.models)}
    if reference.kind != "model" or reference.models[0] not in known:
        raise TeachingError(f"{text!r} means no single model of {catalog.document_key}")
    return known[reference.models[0]], {model.id: model.maker for model in known.values()}
