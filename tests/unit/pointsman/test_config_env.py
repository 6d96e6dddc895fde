import pytest
from pydantic import ValidationError

from pointsman.config_env import VariableError, from_environment
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from schemas.money import PICO

TENANT = TenantDocument(name="acme")
POLICY = PolicyDocument(name="default", version=3)


def test_caps_and_default_model_become_the_tenants() -> None:
    """Budgets and the default model become fields of the tenant's document; the policy stays (X1)."""
    found = from_environment(
        {
            "ROUTING_DAILY_BUDGET": "10.00",
            "ROUTING_MONTHLY_BUDGET": "250",
            "ROUTING_PER_REQUEST_LIMIT": "0.5",
            "ROUTING_DEFAULT_MODEL": "sonnet",
            "HOME": "/",
        },
        TENANT,
        POLICY,
    )
    (tenant,) = found.documents
    assert isinstance(tenant, TenantDocument)
    assert (tenant.budget.daily, tenant.budget.monthly, tenant.budget.per_request) == (10 * PICO, 250 * PICO, PICO // 2)
    assert tenant.default_model == "sonnet"
    assert tenant.policy == "default"
    assert found.notes == ()


def test_switches_make_a_policy_for_this_tenant_alone() -> None:
    """Timeout, fallback and learning become a policy of the tenant's own, made from the one it used (X1)."""
    found = from_environment(
        {"ROUTING_TIMEOUT": "30000", "ROUTING_FALLBACK_ENABLED": "false", "ROUTING_ENABLE_LEARNING": "no"},
        TENANT,
        POLICY,
    )
    policy, tenant = found.documents
    assert isinstance(policy, PolicyDocument)
    assert isinstance(tenant, TenantDocument)
    assert tenant.policy == policy.name == "acme-env"
    assert policy.timeout_ms["interactive"] == 30_000
    assert policy.chain_length == 1
    assert policy.weights.history == 0
    assert policy.scoring.preference == 0
    assert sum(policy.weights.model_dump().values()) == pytest.approx(1)


def test_variables_without_effect_are_named() -> None:
    """What this version cannot follow, and what it does not know, is said rather than passed over (X1)."""
    found = from_environment({"ROUTING_ENABLE_CACHE": "true", "ROUTING_COLOUR": "red"}, TENANT, POLICY)
    assert found.notes == ("ROUTING_ENABLE_CACHE has no effect in this version", "ROUTING_COLOUR is not known")
    assert found.documents == (TENANT,)


@pytest.mark.parametrize("variable", [{"ROUTING_TIMEOUT": "soon"}, {"ROUTING_FALLBACK_ENABLED": "perhaps"}])
def test_values_that_mean_nothing_are_refused(variable: dict[str, str]) -> None:
    """A value that is no number or switch is refused by the variable's name (X1)."""
    with pytest.raises(VariableError, match=next(iter(variable))):
        from_environment(variable, TENANT, POLICY)


def test_budgets_are_validated_as_in_files() -> None:
    """A budget below zero is refused as in a file."""
    with pytest.raises(ValidationError):
        from_environment({"ROUTING_DAILY_BUDGET": "-1"}, TENANT, POLICY)
