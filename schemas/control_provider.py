"""A provider endpoint: where it is, what it speaks, where its key lies (SPEC X4). Only config can name an address."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from schemas.control_base import DocumentBase, DocumentName

KeyReference = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$", max_length=1024)]
SIMULATED_ADDRESS = "simulated"
"""``base_url`` of an endpoint whose address is that of the simulated providers of this installation."""


class ProviderDocument(DocumentBase):
    """One endpoint. ``unbilled_statuses`` and ``unbilled_stream_codes`` carry the source of each claim as value."""

    kind: Literal["provider"] = "provider"
    tenant: DocumentName | None = None
    """The only tenant whose decisions may use it; every version of a document names the same, or none."""
    dialect: Literal["openai", "anthropic"] = "openai"
    base_url: Annotated[str, StringConstraints(max_length=512)] = SIMULATED_ADDRESS
    """https (http for loopback only), or ``simulated``."""
    key: KeyReference | None = None
    """Where the secret lies, never the secret."""
    auth: Literal["bearer", "x-api-key"] | None = None
    simulated: bool = False
    unbilled_statuses: dict[Annotated[int, Field(ge=400, le=599)], str] = {}
    unbilled_stream_codes: dict[str, str] = {}
    concurrency: Annotated[int, Field(gt=0, le=100_000)] = 256
    concurrency_per_tenant: Annotated[int, Field(gt=0, le=100_000)] = 64
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    profile: dict[str, Any] = {}
    """Quirks of every model served here, in the adapter's words."""
    profiles: dict[str, dict[str, Any]] = {}
    """The same by the provider's model id."""

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value != SIMULATED_ADDRESS and not value.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("base_url is https://…, http:// to loopback, or `simulated`")
        return value
