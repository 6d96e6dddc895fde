"""Configuration documents: what is refused, and by which words."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.control import DOCUMENT, ConfigPublished
from schemas.control_base import KINDS
from schemas.money import PICO
from tests.brain import documents

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MODEL: dict[str, Any] = {
    "id": "m1",
    "name": "M 1",
    "maker": "maker",
    "capabilities": dict.fromkeys(["coding", "reasoning", "creative", "speed", "context_handling", "instruction"], 50),
    "tokens_per_second": 100,
    "ttft_ms": 300,
    "context_window": 1000,
    "max_output_tokens": 100,
    "cost_tier": "economy",
    "served_by": [{"provider": "p", "provider_model": "m-1"}],
    "cites": dict.fromkeys(
        ["capabilities", "context_window", "max_output_tokens", "tokens_per_second", "ttft_ms"], "s"
    ),
}
SOURCES = {"s": {"title": "A source", "date": "2026-11-20"}}


def catalog(**fields: Any) -> dict[str, Any]:
    return {"kind": "catalog", "name": "c", "sources": SOURCES, "models": [MODEL], **fields}


def prices(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "prices", "name": "p", "sources": SOURCES, "prices": {"m1": list(rows)}}


def rule(**fields: Any) -> dict[str, Any]:
    return {
        "name": "r",
        "layer": "job",
        "when": {"planning": True},
        "effect": "lock",
        "models": ["m1"],
        "because": "it says so",
        **fields,
    }


def policy(**fields: Any) -> dict[str, Any]:
    return {"kind": "policy", "name": "p", **fields}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("unknown kind", {"kind": "colour", "name": "x"}, "kind"),
    ("unknown field", policy(colour="red"), "colour"),
    ("bad name", policy(name="No Spaces"), "name"),
    ("version 0", policy(version=0), "version"),
    ("weights", policy(weights={"capability": 0.5, "cost": 0.5, "quality": 0.5}), "weights sum to 1"),
    ("rule twice", policy(rules=[rule(), rule()]), "rule names appear once"),
    ("rule without condition", policy(rules=[rule(when={})]), "at least one condition"),
    ("precedence", policy(precedence=["area", "job"]), "precedence lists each layer once"),
    ("no default output", policy(max_output_tokens={"math": 100}), "entry `default`"),
    ("model twice", catalog(models=[MODEL, MODEL]), "model ids appear once"),
    ("uncited", catalog(models=[{**MODEL, "cites": {}}]), "cites names the source"),
    ("unknown source", catalog(sources={}), "sources that are not listed"),
    ("capability 101", catalog(models=[{**MODEL, "capabilities": {**MODEL["capabilities"], "coding": 101}}]), "coding"),
    ("dates fall", prices({"since": "2026-02-01", "source": "s"}, {"since": "2026-01-01", "source": "s"}), "oldest"),
    ("price uncited", prices({"since": "2026-01-01", "source": "x"}), "not listed"),
    ("negative price", prices({"since": "2026-01-01", "source": "s", "input": -1}), "input"),
    ("NaN price", prices({"since": "2026-01-01", "source": "s", "input": float("nan")}), "input"),
    ("tiers fall", prices({"since": "2026-01-01", "source": "s", "tiers": [
        {"above": 2, "input": 1, "output": 1}, {"above": 1, "input": 1, "output": 1}]}), "rising"),
    ("zone", {"kind": "tenant", "name": "t", "budget": {"timezone": "Mars/Olympus"}}, "IANA zone"),
    ("negative cap", {"kind": "tenant", "name": "t", "budget": {"daily": -1}}, "daily"),
    ("threshold", {"kind": "tenant", "name": "t", "budget": {"daily_thresholds": [120]}}, "daily_thresholds"),
    ("tenant weights", {"kind": "tenant", "name": "t", "weights": {"cost": 1.0}}, "full set"),
    ("plain http", {"kind": "provider", "name": "p", "base_url": "http://example.com"}, "https"),
    ("key inline", {"kind": "provider", "name": "p", "key": "sk-123"}, "key"),
    ("type without profile", {"kind": "taxonomy", "name": "t", "types": {}}, "every type of work"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_document_is_refused_with_words(document: dict[str, Any], words: str) -> None:
    """A bad document is refused with the field or the rule it breaks (X1)."""
    with pytest.raises(ValidationError) as error:
        DOCUMENT.validate_python(document)
    assert words in str(error.value)


def test_values_never_show_in_errors() -> None:
    """A refused document's values do not show in the error: a key pasted by mistake is not logged."""
    with pytest.raises(ValidationError) as error:
        DOCUMENT.validate_python({"kind": "provider", "name": "p", "key": "sk-very-secret"})
    assert "sk-very-secret" not in str(error.value)


@pytest.mark.parametrize("key", sorted(documents()))
def test_document_survives_the_log(key: str) -> None:
    """A published document read back from JSON is equal, and its event has the key of the topic (X1)."""
    document = documents()[key]
    event = ConfigPublished(
        id="1",
        occurred_at=NOW,
        tenant="system",
        kind=document.kind,
        name=document.name,
        version=document.version,
        document=document,
    )
    again = ConfigPublished.model_validate_json(event.to_json())
    assert again.document == document
    assert again.key == key
    assert again.to_json() == event.to_json()


def test_event_must_name_its_document() -> None:
    """Kind, name and version of the event are those of its document, or it is refused."""
    document = documents()["policy/s2@1"]
    with pytest.raises(ValidationError, match="those of its document"):
        ConfigPublished(
            id="1", occurred_at=NOW, tenant="system", kind="policy", name="s3", version=1, document=document
        )


def test_prices_are_exact() -> None:
    """Prices written in dollars per million tokens are kept as whole pico-dollars (B8)."""
    document = DOCUMENT.validate_python(
        prices({"since": "2026-01-01", "source": "s", "input": 0.2574, "output": "1.0287", "cached_input": 0.003625})
    )
    assert document.kind == "prices"
    price = document.prices["m1"][0]
    assert (price.input, price.output, price.cached_input) == (257_400_000_000, 1_028_700_000_000, 3_625_000_000)
    assert price.since_instant == datetime(2026, 1, 1, tzinfo=UTC)
    assert price.input * 1_000_000 == 257_400 * PICO


def test_kinds_are_those_of_the_union() -> None:
    """The list of kinds and the union of documents name the same kinds."""
    tags = {
        choice["properties"]["kind"]["const"]
        for choice in DOCUMENT.json_schema()["$defs"].values()
        if "kind" in choice.get("properties", {}) and "const" in choice["properties"]["kind"]
    }
    assert tags == set(KINDS)
