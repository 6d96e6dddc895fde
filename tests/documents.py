"""Config for tests: the shipped documents, and tenants of the tests' own."""

from deploy.shipped_config import shipped_documents
from schemas.control import DOCUMENT, ConfigDocument


def tenant(name: str, version: int = 1, **values: object) -> ConfigDocument:
    """Return a tenant document; without ``budget`` the tenant has no cap."""
    return DOCUMENT.validate_python({"kind": "tenant", "name": name, "version": version, "policy": "default", **values})


def documents(*tenants: ConfigDocument) -> list[ConfigDocument]:
    """Return the shipped documents and these tenants."""
    shipped = shipped_documents()
    if not any(document.kind == "policy" for document in shipped):
        shipped.append(DOCUMENT.validate_python({"kind": "policy", "name": "default", "version": 1}))
    return [*shipped, *tenants]
