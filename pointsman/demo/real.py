"""The demo with real providers: which are switched on, and tenants that may use only models of those."""

from collections.abc import Iterable, Mapping

from schemas.control import ConfigDocument
from schemas.control_provider import ProviderDocument
from schemas.control_tenant import TenantDocument


def switched_on(real: Iterable[ConfigDocument], environ: Mapping[str, str]) -> list[ProviderDocument]:
    """Return the real endpoints whose key is in the environment."""
    return [
        document
        for document in real
        if isinstance(document, ProviderDocument)
        and document.key is not None
        and document.key.startswith("env:")
        and environ.get(document.key.removeprefix("env:"))
    ]


def bounded_tenants(
    providers: Iterable[ProviderDocument], shipped: Iterable[ConfigDocument], names: Iterable[str]
) -> list[TenantDocument]:
    """Return the next version of the tenants named, approved for models of the providers' makers alone.

    Models of other makers are still answered by the simulator: nobody should take its answers for real ones.
    """
    pools = tuple(f"{provider.name}/*" for provider in providers)
    wanted = set(names)
    return [
        document.model_copy(update={"approved_models": pools, "version": document.version + 1})
        for document in shipped
        if isinstance(document, TenantDocument) and document.name in wanted
    ]
