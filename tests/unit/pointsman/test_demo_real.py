from deploy.shipped_config import CATALOG, shipped_documents
from pointsman.config_files import cross_faults, load
from pointsman.demo.real import bounded_tenants, switched_on
from pointsman.demo.script import load as load_script

REAL = load([CATALOG / "real"]).documents
SCRIPT = load_script()


def test_only_endpoints_with_a_key_are_switched_on() -> None:
    """A real endpoint is used only where its key is in the environment; an empty key is none."""
    documents = [located.document for located in REAL]
    assert switched_on(documents, {}) == []
    found = switched_on(documents, {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": ""})
    assert [document.name for document in found] == ["openai"]
    assert not found[0].simulated


def test_tenants_are_bound_to_models_that_are_real() -> None:
    """With --real the demo's tenants may use models of the real providers alone, under their caps (U4)."""
    providers = switched_on([located.document for located in REAL], {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "y"})
    tenants = bounded_tenants(providers, shipped_documents(), SCRIPT.real.tenants)
    assert {tenant.name for tenant in tenants} == set(SCRIPT.real.tenants)
    for tenant in tenants:
        assert set(tenant.approved_models) == {"openai/*", "anthropic/*"}
        assert tenant.version == 2
        assert tenant.budget.daily is not None
        assert tenant.budget.per_request is not None


def test_the_real_endpoints_fit_the_catalog() -> None:
    """The documents of real endpoints are valid beside the shipped ones, and replace simulated ones by version."""
    assert load([CATALOG / "real"]).faults == ()
    assert cross_faults(REAL, shipped_documents()) == []
    shipped = {document.name: document for document in shipped_documents() if document.kind == "provider"}
    for located in REAL:
        assert located.document.version > shipped[located.document.name].version
