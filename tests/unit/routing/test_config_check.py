"""Faults between documents, and the shipped set that has none."""

from typing import Any

import pytest

from routing.centroids import with_example
from routing.clusters import ClusterTable
from routing.config_check import check_documents
from schemas.control import ConfigDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_clusters import ClustersDocument
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_prices import PricesDocument
from schemas.control_tenant import Area, Space, TenantDocument
from tests.brain import documents


def faults(*changed: ConfigDocument) -> list[str]:
    """Return the faults of the shipped documents with newer versions of some."""
    return [str(fault) for fault in check_documents({**documents(), **{item.document_key: item for item in changed}})]


def catalog(**fields: Any) -> CatalogDocument:
    shipped = documents()["catalog/models@1"]
    assert isinstance(shipped, CatalogDocument)
    return shipped.model_copy(update={"version": 2, **fields})


ROUTE = {
    "name": "r",
    "layer": "job",
    "when": {"planning": True},
    "effect": "lock",
    "models": ["gpt-9000"],
    "because": "so it is",
}


def tenant(**fields: Any) -> TenantDocument:
    return TenantDocument(kind="tenant", name="t", **fields)


def test_shipped_documents_have_no_fault() -> None:
    """The shipped documents fit together: every reference means a model, every active model has price and endpoint."""
    assert faults() == []


def test_a_plan_that_leaves_nothing_is_a_fault() -> None:
    """A plan none of whose models its tenant's router offers is reported, a warning is none."""
    router = PolicyDocument(kind="policy", name="p", pool=["openai/*"])
    plan = PlanDocument(name="gold", pool=["anthropic/*"])
    assert any(
        "it includes no model that policy/p@1 offers" in line
        for line in faults(router, plan, tenant(policy="p", plan="gold"))
    )
    found = check_documents({**documents(), "tenant/t@1": tenant(plan="label")})
    assert [fault.warning for fault in found] == [True]


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (catalog(aliases={"a": "b", "b": "a"}), "aliases.a: this alias leads to no model"),
        (catalog(aliases={"a": "nothing-of-the-sort"}), "leads to no model"),
        (tenant(policy="none"), "policy: no policy document is called none"),
        (tenant(prices="none@3"), "prices: no prices document is called none@3"),
        (tenant(catalog="none"), "catalog: no catalog document is called none"),
        (tenant(approved_models=["gpt-9000"]), "approved_models.0: 'gpt-9000' means no model"),
        (tenant(default_model="anthropic/*"), "default_model: names one model, not a pool"),
        (tenant(spaces={"s": Space(areas={"a": Area(lock="nobody")})}), "spaces.s.areas.a.lock: 'nobody'"),
        (tenant(preferred_providers=["nobody"]), "no provider or maker is called nobody"),
        (tenant(policy="default", prices="s2"), "has no price for gpt-4.1 of the router's pool"),
        (tenant(spaces={"s": Space(profile="dreamy")}), "spaces.s.profile: policy/default@1 has no profile dreamy"),
        (
            tenant(policy="s2", spaces={"s": Space(areas={"a": Area(profile="fast")})}),
            "spaces.s.areas.a.profile: policy/s2@1 has no profile fast; it has: none",
        ),
        (
            tenant(dimensions={"home": {"values": {"nobody": 1}, "weight": 0.1}}),
            "dimensions.home.values.nobody: 'nobody' means no model, pool or provider",
        ),
        (tenant(plan="gold"), "plan: no plan document is called gold: it is a label"),
        (tenant(plans=["gold"]), "plans.0: no plan document is called gold"),
        (tenant(plan="gold", routes=[ROUTE]), "routes.0.models.0: 'gpt-9000' means no model"),
        (PlanDocument(name="studio", version=2, pool=["gpt-9000"]), "plan/studio@2: pool.0: 'gpt-9000' means no model"),
        (tenant(sensitive_detection={"kinds": ["iban"]}), "sensitive_detection: nothing follows from a finding"),
        (PolicyDocument(kind="policy", name="p", pool=["nothing/*"]), "pool.0: 'nothing/*' means no model"),
        (PolicyDocument(kind="policy", name="p", fallbacks={"opus": ("sonet",)}), "fallbacks.opus.0: 'sonet'"),
    ],
)
def test_fault_between_documents(document: ConfigDocument, words: str) -> None:
    """A fault between documents is reported with document and place (X1)."""
    assert any(words in line for line in faults(document)), faults(document)


def test_price_of_an_unknown_model_is_a_fault() -> None:
    """A price book that prices a model no catalog has is reported."""
    shipped = documents()["prices/s2@1"]
    assert isinstance(shipped, PricesDocument)
    row = next(iter(shipped.prices.values()))
    changed = shipped.model_copy(update={"version": 2, "prices": {**shipped.prices, "typo-1": row}})
    assert faults(changed) == ["prices/s2@2: prices.typo-1: no catalog has a model of this id"]


def test_all_faults_at_once() -> None:
    """Every fault is reported, not only the first."""
    assert len(faults(tenant(policy="none", prices="none", avoid_models=["x", "y"]))) == 4


def test_unknown_endpoint_and_successor_are_faults() -> None:
    """A model served by an undocumented provider or followed by an unknown model is reported."""
    shipped = documents()["catalog/models@1"]
    assert isinstance(shipped, CatalogDocument)
    first = shipped.models[0]
    served = first.served_by[0].model_copy(update={"provider": "nobody"})
    lifecycle = first.lifecycle.model_copy(update={"successor": "nothing"})
    broken = first.model_copy(update={"served_by": (served,), "lifecycle": lifecycle})
    found = faults(catalog(models=(broken, *shipped.models[1:])))
    assert [line.split(": ", 1)[1] for line in found] == [
        "models.0.lifecycle.successor: no model has the id nothing",
        "models.0.served_by.0.provider: no provider document is named nobody",
    ]


def test_clusters_are_checked_with_what_names_them() -> None:
    """Stale centroids, models nobody has, clusters and documents that do not exist are told with their place (R6)."""
    shipped = documents()["clusters/tasks@1"]
    assert isinstance(shipped, ClustersDocument)
    coding = shipped.clusters["coding"]
    clusters = shipped.clusters | {"coding": coding.model_copy(update={"models": ("nobody-1",)})}
    stale = with_example(shipped.model_copy(update={"version": 2, "clusters": clusters}), "coding", "brand new")
    assert faults(stale) == [
        f"clusters/tasks@2: centroids: {ClusterTable(stale).fault}; run: pointsman clusters rebuild --file FILE",
        "clusters/tasks@2: clusters.coding.models.0: 'nobody-1' means no model of a catalog",
    ]
    rule = {"name": "r", "layer": "cluster", "effect": "lock", "models": ["gpt-4o"], "because": "so it is"}
    rules = [{**rule, "when": {"cluster": ["coding", "cooking"]}}]
    for use, expected in (
        ({"document": "tasks"}, ["policy/p@1: rules.0.when.cluster.1: no cluster is called cooking"]),
        ({"document": "none"}, ["policy/p@1: clusters.document: no clusters document is called none"]),
    ):
        policy = PolicyDocument.model_validate({"kind": "policy", "name": "p", "clusters": use, "rules": rules})
        assert faults(policy) == expected
