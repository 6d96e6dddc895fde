"""From endpoint configuration to adapters. Nothing registers itself: this table is the registry."""

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Self

import httpx

from providers.adapter import Dialect, HttpAdapter
from providers.anthropic import AnthropicDialect
from providers.base import ProviderAdapter
from providers.endpoint import EndpointConfig
from providers.keys import read_key
from providers.openai import OpenAIDialect
from providers.transport import Transport, new_client

DIALECTS: Mapping[str, Callable[[EndpointConfig], Dialect]] = MappingProxyType(
    {"openai": OpenAIDialect, "anthropic": AnthropicDialect}
)


class Registry:
    """The adapters of a configuration, by endpoint name; an async context manager that closes them."""

    def __init__(self, adapters: Mapping[str, ProviderAdapter]) -> None:
        self._adapters = dict(adapters)

    def __getitem__(self, name: str) -> ProviderAdapter:
        """Return the adapter; ``KeyError`` when no such endpoint is configured."""
        return self._adapters[name]

    def __contains__(self, name: object) -> bool:
        return name in self._adapters

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all endpoints, sorted."""
        return tuple(sorted(self._adapters))

    async def aclose(self) -> None:
        """Close all connections."""
        for adapter in self._adapters.values():
            await adapter.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()


def build_adapter(
    endpoint: EndpointConfig,
    environ: Mapping[str, str],
    *,
    client: httpx.AsyncClient | None = None,
    clock: Callable[[], float] = time.time,
) -> HttpAdapter:
    """Return the adapter of one endpoint; raises ``KeyReferenceError`` when its key cannot be read."""
    key = None if endpoint.key is None else read_key(endpoint.key, environ)
    transport = Transport(endpoint, client if client is not None else new_client(endpoint), key, clock)
    return HttpAdapter(endpoint, DIALECTS[endpoint.dialect](endpoint), transport)


def build_registry(endpoints: Iterable[EndpointConfig], environ: Mapping[str, str]) -> Registry:
    """Return the adapters of all endpoints; every key is read before the first client is made."""
    configured = tuple(endpoints)
    names = [endpoint.name for endpoint in configured]
    if len(set(names)) != len(names):
        raise ValueError("two endpoints have the same name")
    for endpoint in configured:
        if endpoint.key is not None:
            read_key(endpoint.key, environ)
    return Registry({endpoint.name: build_adapter(endpoint, environ) for endpoint in configured})
