"""Where a provider is reached and how its models differ: frozen data from configuration, never code.

An address comes from this configuration alone. No request field, and no answer of a provider, can change it.
"""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from schemas.control_provider import SIMULATED_ADDRESS, KeyReference, ProviderDocument


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked_base_url(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname
    if not host or parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ValueError("a base URL is scheme, host and path, without credentials, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("a base URL is https; plain http is for loopback addresses only")
    if parts.port == 0:
        raise ValueError("a base URL has no port 0")
    return url.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_checked_base_url)]


class ModelProfile(BaseModel):
    """The quirks of one model on one endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    """OpenAI dialect: the field that bounds the output."""
    system_role: Literal["system", "developer"] = "system"
    """OpenAI dialect: the role of instructions."""
    sampling: bool = True
    """Whether temperature and top_p are accepted; if not they are left out, with a warning."""
    stop: bool = True
    seed: bool = True
    reasoning: Literal["none", "effort", "budget"] = "none"
    """How reasoning is asked for: not at all, by effort, or by a budget of tokens."""
    response_format: Literal["none", "json_object", "json_schema"] = "json_schema"
    """The richest form of answer the model accepts."""
    stream_usage: bool = True
    """OpenAI dialect: whether ``stream_options.include_usage`` is accepted."""
    done_marker: bool = True
    """OpenAI dialect: whether streams end with ``[DONE]``; if not, with the finish reason and the end of the body."""


class EndpointConfig(BaseModel):
    """One endpoint. ``unbilled_statuses`` and ``unbilled_stream_codes`` carry the source of each claim as value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    dialect: Literal["openai", "anthropic"]
    base_url: BaseUrl
    key: KeyReference | None = None
    auth: Literal["bearer", "x-api-key"] | None = None
    """The header that carries the key; by default the dialect's own."""
    anthropic_version: str = "2026-10-21"
    anthropic_version_sampling: str | None = "2023-06-01"
    """Version sent when a request carries sampling parameters; None: they are left out, with a warning."""
    simulated: bool = False
    unbilled_statuses: dict[Annotated[int, Field(ge=400, le=599)], str] = {}
    unbilled_stream_codes: dict[str, str] = {}
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    max_connections: Annotated[int, Field(gt=0, le=10_000)] = 1000
    profile: ModelProfile = ModelProfile()
    """Applies to every model without an entry in ``profiles``."""
    profiles: dict[str, ModelProfile] = {}

    def profile_of(self, provider_model: str) -> ModelProfile:
        """Return the quirks of a model."""
        return self.profiles.get(provider_model, self.profile)


def endpoint_of(document: ProviderDocument, simulated_url: str | None = None) -> EndpointConfig:
    """Return the endpoint that a ``provider`` document of the configuration describes.

    ``simulated_url`` is the address of this installation's simulator, for documents that name no other. Raises
    ``ValueError`` (also as ``pydantic.ValidationError``) when the document does not make an endpoint.
    """
    fields = document.model_dump(
        include={"name", "dialect", "base_url", "key", "auth", "simulated", "connect_timeout_s"}
        | {"unbilled_statuses", "unbilled_stream_codes", "profile", "profiles"}
    )
    if document.base_url == SIMULATED_ADDRESS:
        if simulated_url is None:
            raise ValueError(f"provider {document.name} is simulated, and no simulator is running")
        fields["base_url"] = simulated_url + ("/v1" if document.dialect == "openai" else "")
        fields["simulated"] = True
    return EndpointConfig.model_validate(fields)
