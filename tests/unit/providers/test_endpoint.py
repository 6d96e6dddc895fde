import dataclasses
from typing import Any

import pytest
from pydantic import ValidationError

from providers.base import ChatRequest, Message
from providers.endpoint import endpoint_of
from providers.keys import KeyReferenceError
from providers.registry import build_registry
from schemas.control_provider import ProviderDocument
from tests.unit.providers.wire_samples import endpoint


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "http://169.254.169.254/latest",
        "http://2130706433.example.com",
        "https://user:secret@api.example.com",
        "https://api.example.com/v1?key=secret",
        "https://api.example.com/v1#x",
        "https://",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "//api.example.com",
        "api.example.com",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://[::ffff:169.254.169.254]/",
        "https://api.example.com:0/",
    ],
)
def test_addresses_that_could_carry_a_key_elsewhere_are_refused(url: str) -> None:
    """Only https, or http to loopback, without credentials, query or fragment (A1, A2)."""
    with pytest.raises(ValidationError):
        endpoint(base_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/v1/", "http://[::1]:1/v1", "http://localhost:1/v1"])
def test_loopback_may_be_plain_http(url: str) -> None:
    """Plain http is for this machine; a trailing slash is dropped."""
    assert endpoint(base_url=url).base_url == url.rstrip("/")


# fmt: off
URL_FIELDS = [
    "url", "uri", "base_url", "baseUrl", "api_base", "apiBase", "api_url", "endpoint", "host", "hostname",
    "proxy", "proxies", "http_proxy", "https_proxy", "callback", "callback_url", "webhook", "webhook_url",
    "redirect", "redirect_uri", "image_url", "imageUrl", "file_url", "audio_url", "video_url", "source_url",
    "server", "server_url", "target", "origin", "address", "api_host", "azure_endpoint",
    "aws_bedrock_runtime_endpoint", "organization_url", "headers", "extra_headers", "extra_body",
    "extra_query", "default_headers", "transport", "http_client", "client",
]
# fmt: on


@pytest.mark.parametrize("field", URL_FIELDS)
def test_no_request_field_can_carry_an_address(field: str) -> None:
    """A request has no field that names where a call goes (A1)."""
    assert field not in {known.name for known in dataclasses.fields(ChatRequest)}
    assert field not in {known.name for known in dataclasses.fields(Message)}
    values: dict[str, Any] = {"provider_model": "m", "messages": (Message(role="user"),), "max_output_tokens": 1}
    with pytest.raises(TypeError, match=field):
        ChatRequest(**values | {field: "http://169.254.169.254/"})


def test_metadata_never_leaves() -> None:
    """Our own notes on a request are not sent to a provider."""
    from tests.unit.providers.wire_samples import chat_request, dialect_of  # noqa: PLC0415

    request = chat_request(metadata={"base_url": "http://169.254.169.254/", "note": "canary"})
    for dialect in ("openai", "anthropic"):
        built = dialect_of(dialect).build_request(request)
        assert b"canary" not in built.body
        assert b"169.254" not in built.body


def test_a_provider_document_becomes_an_endpoint() -> None:
    """A config document with its quirks gives the endpoint of the same name (X4)."""
    document = ProviderDocument(
        name="made-up",
        dialect="openai",
        base_url="https://api.example.com/v1",
        key="env:MADE_UP_KEY",
        unbilled_statuses={503: "their terms, 2026-10-01"},
        profile={"sampling": False},
        profiles={"old-model": {"max_tokens_field": "max_tokens"}},
    )
    found = endpoint_of(document)
    assert not found.profile_of("any").sampling
    assert found.profile_of("old-model").max_tokens_field == "max_tokens"
    assert found.unbilled_statuses == {503: "their terms, 2026-10-01"}


@pytest.mark.parametrize(("dialect", "url"), [("openai", "http://127.0.0.1:7/v1"), ("anthropic", "http://127.0.0.1:7")])
def test_a_simulated_document_gets_the_simulators_address(dialect: str, url: str) -> None:
    """The address `simulated` is that of the running simulator; without one, the document is refused."""
    document = ProviderDocument.model_validate({"name": "made-up", "dialect": dialect})
    found = endpoint_of(document, "http://127.0.0.1:7")
    assert (found.base_url, found.simulated) == (url, True)
    with pytest.raises(ValueError, match="no simulator"):
        endpoint_of(document)


async def test_the_registry_builds_all_or_says_which_key_is_missing() -> None:
    """Adapters come from data; a missing key stops before any client exists; names are unique."""
    one, two = endpoint(name="one"), endpoint("anthropic", name="two", key="env:TWO_KEY")
    async with build_registry([one, two], {"TWO_KEY": "sk-2"}) as registry:
        assert registry.names == ("one", "two")
        assert registry["one"].capabilities.stream
        assert "three" not in registry
    with pytest.raises(KeyReferenceError, match="TWO_KEY"):
        build_registry([one, two], {})
    with pytest.raises(ValueError, match="same name"):
        build_registry([one, one], {})
