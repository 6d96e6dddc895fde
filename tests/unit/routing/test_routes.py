"""An organisation's own routes stand before the rules of its router (U4)."""

from typing import Any

import pytest
from pydantic import ValidationError

from routing.config_check import check_documents
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from tests.brain import chosen, documents, request, with_documents
from tests.desk_world import DeskWorld
from tests.documents import tenant as tenant_document

ROUTE = {"name": "legal", "layer": "specialisation", "effect": "lock", "because": "legal work stays with one model"}


def route(*models: str, **fields: Any) -> dict[str, Any]:
    return {**ROUTE, "when": {"team": ["legal"]}, "models": list(models), **fields}


LEGAL = request("hello", team="legal", planning=True)


def test_a_route_goes_before_every_rule_of_the_router() -> None:
    """A route wins against the router's most specific rule, whatever layer it names, and is cited as the tenant's."""
    rule = {"name": "p", "layer": "area", "when": {"planning": True}, "effect": "lock", "models": ["gpt-4o"]}
    own = PolicyDocument.model_validate({"name": "own", "rules": [{**rule, "because": "planning"}]})
    tenant = TenantDocument.model_validate({"name": "t", "policy": "own", "routes": [route("opus", "sonnet")]})
    choice = chosen(with_documents(own, tenant), LEGAL)
    assert (choice.model, choice.tier, choice.rule) == ("claude-opus-4.5", 2, "legal")
    assert choice.rule_source == "tenant/t@1"
    assert (
        choice.reason == "legal work stays with one model; the organisation's own route names Claude Opus 4.5 for that"
    )
    assert {"tenant_route", "rule_lock"} <= set(choice.reason_codes)
    other = chosen(with_documents(own, tenant), request("hello", planning=True))
    assert other.rule_source == "policy/own@1"
    assert "tenant_route" not in other.reason_codes


def test_routes_follow_the_precedence_among_themselves() -> None:
    """Of two routes that hold, the more specific layer decides."""
    routes = [route("opus"), route("sonnet", name="space", layer="space")]
    tenant = TenantDocument.model_validate({"name": "t", "routes": routes})
    assert chosen(with_documents(tenant), LEGAL).rule_source == "tenant/t@1"


def test_a_route_may_refuse_rather_than_go_elsewhere() -> None:
    """`otherwise: deny` leaves nothing when its models are barred; the router's pool bounds routes, too."""
    own = PolicyDocument.model_validate({"name": "own", "pool": ["openai/*"]})
    tenant = TenantDocument.model_validate({"name": "t", "policy": "own", "routes": [route("opus")]})
    choice = chosen(with_documents(own, tenant), LEGAL)
    assert "rule_unavailable" in choice.reason_codes
    found = [
        str(fault) for fault in check_documents({**documents(), own.document_key: own, tenant.document_key: tenant})
    ]
    assert any("routes.0.models: none of its models is in the pool of policy/own@1" in line for line in found)


def test_route_names_appear_once() -> None:
    """Two routes of one name are a fault of the document."""
    with pytest.raises(ValidationError, match="route names appear once"):
        TenantDocument.model_validate({"name": "t", "routes": [route("opus"), route("sonnet")]})


def test_through_the_router() -> None:
    """The decision in the log names document and route."""
    world = DeskWorld("t", tenant_document("t", routes=[route("claude-haiku-4.5")]), restore_each_batch=True)
    world.ask("r1", team="legal")
    world.run()
    (decision,) = world.decisions()
    assert (decision["rule"], decision["rule_source"]) == ("legal", "tenant/t@1")
    assert decision["model"] == "claude-haiku-4.5"
