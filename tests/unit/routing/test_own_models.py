"""Own models, endpoints, abilities and prices of a tenant: used by its decisions, unseen by all others (X4)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from routing.catalog import CompiledConfig
from routing.config_check import check_documents
from schemas.control import DOCUMENT, ConfigDocument
from schemas.control_tenant import TenantDocument
from schemas.decision import RefusalCode
from schemas.money import PICO
from tests.brain import NOW, chosen, denied, documents, request, with_documents
from tests.desk_world import DeskWorld

ABLE = {"coding": 99, "reasoning": 99, "creative": 99, "speed": 99, "context_handling": 99, "instruction": 99}
ENDPOINT = DOCUMENT.validate_python({"kind": "provider", "name": "mill-gpu", "tenant": "mill", "simulated": True})
ASK = request("Design a payment platform.", tenant="mill")


def model(name: str = "mill-large", **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name.title(),
        "maker": "mill",
        "capabilities": ABLE,
        "tokens_per_second": 200,
        "ttft_ms": 100,
        "context_window": 200_000,
        "max_output_tokens": 8192,
        "cost_tier": "economy",
        "served_by": [{"provider": "mill-gpu", "provider_model": "large"}],
        "cites": dict.fromkeys(
            ("capabilities", "context_window", "max_output_tokens", "tokens_per_second", "ttft_ms"), "own measurement"
        ),
        **fields,
    }


def price(since: str, dollars: float) -> dict[str, Any]:
    return {"since": since, "source": "contract", "input": dollars, "output": dollars}


def tenant(name: str = "mill", **fields: Any) -> TenantDocument:
    return TenantDocument.model_validate({"name": name, **fields})


PRICES = {"mill-large": [price("2025-01-01", 0.01)]}
MILL = tenant(models=[model()], model_prices=PRICES)


def both(*more: ConfigDocument) -> CompiledConfig:
    return with_documents(MILL, tenant("other"), ENDPOINT, *more)


def faults(*changed: ConfigDocument) -> list[str]:
    """Return the faults of the shipped documents and these."""
    return [str(fault) for fault in check_documents({**documents(), **{item.document_key: item for item in changed}})]


def test_an_own_model_competes_and_is_called_at_its_own_price() -> None:
    """The tenant's model competes beside the catalog's, at its own endpoint, its price cited by its document."""
    choice = chosen(both(), ASK)
    first = choice.chain[0]
    assert (first.model, first.provider, first.provider_model) == ("mill-large", "mill-gpu", "large")
    assert first.prices == "tenant/mill@1"
    assert first.bound > 0
    named = chosen(both(), request("x", tenant="mill", model="Mill-Large"))
    assert named.forced_by == "request"
    assert {plan.prices for plan in choice.chain[1:]} <= {None}


def test_no_other_tenant_sees_or_reaches_it() -> None:
    """For another tenant the name means nothing, in no spelling; it never competes, and is in no pool."""
    for spelling in ("mill-large", "Mill-Large", "mill/*", "mill-gpu:large", "mill-gpu/mill-large"):
        refused = denied(both(), request("x", tenant="other", model=spelling))
        assert refused.code is RefusalCode.UNKNOWN_MODEL
    other = both().tenant("other")
    assert other is not None
    assert "mill-large" not in other.models
    choice = chosen(both(), request("Design a payment platform.", tenant="other"))
    assert "mill" not in choice.model_dump_json()


def test_an_endpoint_of_one_tenant_serves_nobody_else() -> None:
    """A model that another tenant lists on this endpoint has none; a shared model there is out of reach, too."""
    thief = tenant("other", models=[model("copy")], model_prices={"copy": [price("2026-01-01", 0.01)]})
    made = with_documents(MILL, thief, ENDPOINT)
    refused = denied(made, request("x", tenant="other", model="copy"))
    assert "no endpoint serves it" in refused.reason
    assert any(
        "models.0.served_by.0.provider: the endpoint mill-gpu belongs to another tenant" in line
        for line in faults(ENDPOINT, thief)
    )


def test_an_own_model_cannot_take_the_place_of_a_shared_one() -> None:
    """An id of the catalog stays the catalog's, and is not let into the router's pool by that; it is a fault."""
    fake = tenant(models=[model("gpt-4o")], model_prices={"gpt-4o": [price("2026-01-01", 0.01)]})
    found = with_documents(fake, ENDPOINT).tenant("mill")
    assert found is not None
    assert not found.models["gpt-4o"].own
    assert found.models["gpt-4o"].maker == "openai"
    assert any("models.0.id: catalog/models@1 has a model of this id" in line for line in faults(fake, ENDPOINT))


def test_names_of_the_catalog_go_first() -> None:
    """A display name or provider's id that the catalog uses keeps its meaning for the tenant."""
    sly = tenant(models=[{**model(), "name": "Claude Opus 4.5"}], model_prices=PRICES)
    asked = request("x", tenant="mill", model="Claude Opus 4.5")
    assert chosen(with_documents(sly, ENDPOINT), asked).model == "claude-opus-4.5"


def test_abilities_as_the_tenant_found_them() -> None:
    """Stated abilities replace the catalog's for this tenant alone; of a pool and a model the model's count."""
    made = with_documents(
        tenant(capabilities={"anthropic/*": {"coding": 10}, "opus": {"coding": 77, "creative": 3}}), tenant("other")
    )
    mine, others = made.tenant("mill"), made.tenant("other")
    assert mine is not None
    assert others is not None
    assert (
        mine.models["claude-opus-4.5"].capabilities.coding,
        mine.models["claude-opus-4.5"].capabilities.creative,
    ) == (77, 3)
    assert mine.models["claude-sonnet-4"].capabilities.coding == 10
    assert (
        mine.models["claude-sonnet-4"].match["code-generation"]
        < others.models["claude-sonnet-4"].match["code-generation"]
    )
    assert others.models["claude-opus-4.5"].capabilities.coding > 77
    assert mine.models["gpt-4o"] is others.models["gpt-4o"]


def test_negotiated_prices_hold_from_their_day() -> None:
    """Before its first day the price book holds, from then on the tenant's price; nobody else pays it."""
    made = with_documents(
        tenant(model_prices={"gpt-4o": [price("2026-12-01", 0.5), price("2027-01-01", 0.25)]}), tenant("other")
    )

    def input_price(name: str, at: datetime) -> tuple[int, str | None]:
        plan = chosen(made, request("x", tenant=name, model="gpt-4o"), now=at).chain[0]
        policy = made.tenant(name)
        assert policy is not None
        return policy.row(policy.models["gpt-4o"], at).priced.input, plan.prices

    december, january = datetime(2026, 12, 24, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    book = input_price("other", NOW)
    assert input_price("mill", NOW) == book
    assert book[1] is None
    assert input_price("mill", december) == (PICO // 2, "tenant/mill@1")
    assert input_price("mill", january) == (PICO // 4, "tenant/mill@1")
    assert input_price("other", january) == book


def test_without_a_price_it_is_never_called() -> None:
    """An own model without a price is barred as unpriced, and that is a fault of the document."""
    bare = tenant(models=[model()])
    refused = denied(with_documents(bare, ENDPOINT), request("x", tenant="mill", model="mill-large"))
    assert refused.code is RefusalCode.UNPRICED
    assert any("models.0.id: model_prices has no price of it" in line for line in faults(bare, ENDPOINT))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"capabilities": {"nobody": {"coding": 1}}}, "capabilities.nobody: 'nobody' means no model"),
        ({"model_prices": {"nobody": [price("2026-01-01", 1)]}}, "model_prices.nobody: no model has this id"),
        (
            {"models": [model(served_by=[{"provider": "none", "provider_model": "x"}])]},
            "no provider document is named none",
        ),
    ],
)
def test_faults_of_own_models(fields: dict[str, Any], words: str) -> None:
    """Names that mean nothing are reported with their place."""
    wrong = tenant(**fields)
    assert any(words in line for line in faults(wrong)), faults(wrong)


@pytest.mark.parametrize(
    "fields",
    [
        {"models": [model(), model()]},
        {"model_prices": {"gpt-4o": [price("2027-01-01", 1), price("2026-01-01", 1)]}},
        {"capabilities": {"gpt-4o": {"charm": 1}}},
        {"capabilities": {"gpt-4o": {"coding": 101}}},
    ],
)
def test_a_document_is_well_formed(fields: dict[str, Any]) -> None:
    """Ids once, prices oldest first, known abilities in 0..100."""
    with pytest.raises(ValidationError):
        tenant(**fields)


def test_through_the_router() -> None:
    """The decision in the log names endpoint and price document; another tenant's request for it is refused."""
    world = DeskWorld("mill", MILL, ENDPOINT, restore_each_batch=True)
    world.ask("r1", model="mill-large")
    world.run()
    plan = world.decisions()[0]["chain"][0]
    assert (plan["provider"], plan["prices"]) == ("mill-gpu", "tenant/mill@1")
