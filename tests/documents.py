"""Config for tests: the shipped documents, and tenants of the tests' own."""

from functools import cache

from deploy.shipped_config import shipped_documents
from schemas.control import DOCUMENT, ConfigDocument


@cache
def shipped() -> tuple[ConfigDocument, ...]:
    """Return the shipped documents; read once, they are immutable."""
    return tuple(shipped_documents())


def tenant(name: str, version: int = 1, **values: object) -> ConfigDocument:
    """Return a tenant document; without ``budget`` the tenant has no cap."""
    return DOCUMENT.validate_python({"kind": "tenant", "name": name, "version": version, "policy": "default", **values})


def documents(*tenants: ConfigDocument) -> list[ConfigDocument]:
    """Return the shipped documents and these tenants."""
    return [*shipped(), *tenants]
