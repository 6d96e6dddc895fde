"""Names of models: every form people write resolves through one table (R11, R20)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.references import NameTable, Reference, normalise
from schemas.control_catalog import CatalogDocument
from tests.brain import chosen, denied, documents, request, tenant


def _catalog() -> CatalogDocument:
    catalog = documents()["catalog/models@1"]
    assert isinstance(catalog, CatalogDocument)
    return catalog


CATALOG = _catalog()
NAMES = NameTable(CATALOG)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("gpt-4.1", "gpt-4.1"),
        ("GPT-4.1", "gpt-4.1"),
        ("GPT\u20114.1\u2011mini", "gpt-4.1-mini"),
        (" Claude Sonnet 4 ", "claude-sonnet-4"),
        ("claude_sonnet_4", "claude-sonnet-4"),
        ("openai:gpt-4.1-mini", "gpt-4.1-mini"),
        ("openai/gpt-4.1", "gpt-4.1"),
        ("anthropic:claude-3.5", "claude-3.5-sonnet"),
        ("anthropic/claude-opus-4.5", "claude-opus-4.5"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("anthropic:claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("openrouter:x-ai/grok-4", "grok-4"),
        ("x-ai/grok-4", "grok-4"),
        ("moonshotai/kimi-k2", "kimi-k2"),
        ("replicate:model-a", "model-a"),
        ("replicate/your-upscale-model", "your-upscale-model"),
        ("elevenlabs:default", "elevenlabs-default"),
        ("opus", "claude-opus-4.5"),
        ("sonnet", "claude-sonnet-4.5"),
        ("haiku", "claude-haiku-4.5"),
        ("gpt-4", "gpt-4-turbo"),
        ("openai:gpt-4", "gpt-4-turbo"),
        ("Claude-4", "claude-sonnet-4"),
        ("Kimi K2", "kimi-k2"),
        ("Gemini Flash", "gemini-2.5-flash"),
        ("perplexity", "sonar-pro"),
        ("tavily", "tavily-search"),
        ("decart", "decart-lucy"),
        ("Whisper", "whisper-1"),
    ],
)
def test_name_of_one_model(text: str, model: str) -> None:
    """Ids, display names, aliases and provider forms of the seeds lead to one model (R20)."""
    reference = NAMES.resolve(text)
    assert (reference.kind, reference.models) == ("model", (model,))


SEED_NAMES = """GPT-4.1 | GPT-4.1-mini | o3 | Claude 3.5 | Whisper | openai:gpt-4.1-mini | openai:gpt-4.1 | Claude
anthropic:claude-3.5 | perplexity | tavily | decart | replicate:model-a | replicate:model-b
elevenlabs:default | replicate/your-model-id | replicate/your-upscale-model
replicate/your-style-model | Claude Opus 4.5 | Claude Sonnet 4 | Claude Haiku 4.5 | GPT-5.2 | GPT-5
GPT-4o | GPT-4o-mini | Gemini 3 Pro | Gemini 3 | Gemini | DeepSeek V3 | Haiku | Opus | Sonnet 4
Sonnet 4.5 | Haiku 4 | Opus 4.5 | GPT-4 Turbo | GPT-3.5 Turbo | Gemini 1.5 Pro | Gemini 1.5 Flash
opus | sonnet | haiku | gpt-4 | gpt-3.5 | Grok-4 | Claude-4 | Kimi K2 | Gemini Flash
claude-sonnet-4-20250514""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("name", SEED_NAMES)
def test_every_model_of_the_seeds_is_known(name: str) -> None:
    """Every model that a seed names is in the catalog (R20)."""
    assert NAMES.resolve(name).kind == "model"


def test_pools() -> None:
    """A wildcard is a pool by maker, provider or id (R11)."""
    anthropic = NAMES.resolve("anthropic/*")
    assert anthropic.kind == "pool"
    assert "claude-opus-4.5" in anthropic.models
    assert all(model.startswith("claude") for model in anthropic.models)
    assert NAMES.resolve("claude-*").models == anthropic.models
    assert set(NAMES.resolve("openrouter/*").models) >= {"grok-4", "kimi-k2"}
    assert len(NAMES.resolve("*").models) == len(CATALOG.models)
    assert NAMES.resolve("nobody/*").kind == "unknown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", Reference("auto")),
        ("auto:floor", Reference("auto", suffix="floor")),
        ("AUTO:Nitro", Reference("auto", suffix="nitro")),
        ("gpt-4.1:floor", Reference("model", ("gpt-4.1",), suffix="floor")),
        ("openai:gpt-4.1:nitro", Reference("model", ("gpt-4.1",), "openai", "nitro")),
        ("openai:gpt-4.1", Reference("model", ("gpt-4.1",), "openai")),
        ("floor", Reference("unknown")),
        ("openai:floor", Reference("unknown")),
        ("openai:", Reference("unknown")),
        (":", Reference("unknown")),
    ],
)
def test_suffixes_do_not_clash_with_providers(text: str, expected: Reference) -> None:
    """Suffixes come off before a provider is looked for (R11, R20)."""
    assert NAMES.resolve(text) == expected


@given(st.text(max_size=128))
def test_any_text_resolves_to_something(text: str) -> None:
    """No text raises; what resolves names models of the catalog (R20)."""
    reference = NAMES.resolve(text)
    assert all(model in {entry.id for entry in CATALOG.models} for model in reference.models)
    assert normalise(normalise(text)) == normalise(text)


def test_circular_aliases_lead_nowhere() -> None:
    """Aliases that go in circles are unknown, not endless."""
    table = NameTable(CATALOG.model_copy(update={"aliases": {"a": "b", "b": "a", "c": "gpt-4.1"}}))
    assert table.resolve("a").kind == "unknown"
    assert table.resolve("c").models == ("gpt-4.1",)


def test_provider_form_pins_the_endpoint() -> None:
    """``openrouter:gpt-4.1`` is served by OpenRouter, ``openai:gpt-4.1`` by OpenAI (R20)."""
    for provider in ("openai", "openrouter"):
        choice = chosen(tenant(), request(model=f"{provider}:gpt-4.1"))
        assert (choice.model, choice.chain[0].provider) == ("gpt-4.1", provider)


def test_retired_model_is_refused_by_name_with_its_successor() -> None:
    """A retired model keeps its entry and is refused by name, its successor told (R20)."""
    denial = denied(tenant(), request(model="gemini-1.5-pro"))
    assert denial.code == "no_candidate"
    assert "retired" in denial.reason
    assert denial.reason.endswith("its successor is Gemini 3.1 Pro")


def test_deprecated_model_resolves_with_a_warning() -> None:
    """A deprecated model may still be named; the decision says so (R20)."""
    choice = chosen(tenant(), request(model="claude-sonnet-4.5"))
    assert choice.model == "claude-sonnet-4.5"
    assert "deprecated_model" in choice.reason_codes


def test_unpriced_model_is_refused_by_name() -> None:
    """A model without a price is refused by name: unknown price means refuse (R20, DESIGN 7)."""
    denial = denied(tenant("s2", prices="s2"), request(model="gpt-5.2"))
    assert denial.code == "unpriced"
