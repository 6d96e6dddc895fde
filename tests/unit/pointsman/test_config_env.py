import pytest
from pydantic import ValidationError

from pointsman.config_env import VariableError, from_environment
from schemas.control_policy import PolicyDocument
from schemas.control_steering import DecisionCache, Exploration
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
    found = from_environment(
        {"ROUTING_MAX_RETRIES": "3", "ROUTING_COLOUR": "red", "ROUTING_DEBUG": "1"}, TENANT, POLICY
    )
    assert found.notes == ("ROUTING_MAX_RETRIES has no effect in this version", "ROUTING_COLOUR is not known")
    assert found.documents == (TENANT,)


def policy_of(variables: dict[str, str], policy: PolicyDocument = POLICY) -> PolicyDocument:
    """Return the policy that the variables make of one; itself where they change nothing."""
    made = from_environment(variables, TENANT, policy).documents[0]
    return made if isinstance(made, PolicyDocument) else policy


def test_the_cache_is_switched_on_and_lives_for_seconds() -> None:
    """The cache of decisions is switched on with its lifetime in seconds, an hour by default (X1, R15)."""
    hour, short = DecisionCache(), DecisionCache(ttl_ms=90_000)
    cached = POLICY.model_copy(update={"cache": short})
    on, off, ttl = {"ROUTING_ENABLE_CACHE": "true"}, {"ROUTING_ENABLE_CACHE": "false"}, {"ROUTING_CACHE_TTL": "90"}

    assert policy_of(on).cache == hour
    assert policy_of({**on, **ttl}).cache == short
    assert policy_of(on, cached).cache == short
    assert policy_of({"ROUTING_CACHE_TTL": "3600"}, cached).cache == hour
    assert policy_of(off, cached).cache is None
    assert policy_of({**off, **ttl}, cached).cache is None


def test_a_lifetime_without_a_cache_is_told() -> None:
    """A lifetime alone does not switch the cache on, and that is said (X1)."""
    found = from_environment({"ROUTING_CACHE_TTL": "90"}, TENANT, POLICY)
    assert found.documents == (TENANT,)
    assert found.notes == ("ROUTING_CACHE_TTL has no effect without a cache: ROUTING_ENABLE_CACHE=true switches it on",)


def test_without_learning_nothing_is_explored() -> None:
    """Learning switched off ends exploration too: nothing would be learned from it (X1)."""
    exploring = POLICY.model_copy(update={"exploration": Exploration(share=0.1, new_models=0.05)})
    made = policy_of({"ROUTING_ENABLE_LEARNING": "0"}, exploring)
    assert (made.exploration.share, made.exploration.new_models) == (0, 0)


@pytest.mark.parametrize(
    "variable",
    [
        {"ROUTING_TIMEOUT": "soon"},
        {"ROUTING_FALLBACK_ENABLED": "perhaps"},
        {"ROUTING_ENABLE_CACHE": "2"},
        {"ROUTING_CACHE_TTL": "1h", "ROUTING_ENABLE_CACHE": "yes"},
    ],
)
def test_values_that_mean_nothing_are_refused(variable: dict[str, str]) -> None:
    """A value that is no number or switch is refused by the variable's name (X1)."""
    with pytest.raises(VariableError, match=next(iter(variable))):
        from_environment(variable, TENANT, POLICY)


def test_budgets_are_validated_as_in_files() -> None:
    """A budget below zero is refused as in a file."""
    with pytest.raises(ValidationError):
        from_environment({"ROUTING_DAILY_BUDGET": "-1"}, TENANT, POLICY)
