"""A set of configuration documents seen together, and the faults that show only then. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from routing.references import NameTable
from schemas.control import ConfigDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class CrossFault:
    """One fault: in which document (``kind/name@version``), at which place in it, and what is wrong.

    A ``warning`` is allowed, and probably not what was meant.
    """

    document: str
    place: Place
    message: str
    warning: bool = False

    def __str__(self) -> str:
        """Return the fault on one line."""
        where = ".".join(str(part) for part in self.place)
        return f"{self.document}: {where}: {self.message}"


class DocumentSet:
    """All documents, by kind; references resolve to the newest version."""

    def __init__(self, documents: Iterable[ConfigDocument]) -> None:
        """Index the documents by kind and name."""
        self._documents = list(documents)
        self._by_key = {item.document_key: item for item in self._documents}
        self._newest: dict[tuple[str, str], ConfigDocument] = {}
        for item in self._documents:
            known = self._newest.get((item.kind, item.name))
            if known is None or known.version < item.version:
                self._newest[item.kind, item.name] = item
        self._tables: dict[str, NameTable] = {}
        self.providers = {name for (kind, name), _ in self._newest.items() if kind == "provider"}

    def newest(self) -> list[ConfigDocument]:
        """Return the newest version of each document."""
        return list(self._newest.values())

    def find(self, kind: str, reference: str) -> ConfigDocument | None:
        """Return the document that ``name`` (newest) or ``name@version`` means, or None."""
        if "@" in reference:
            return self._by_key.get(f"{kind}/{reference}")
        return self._newest.get((kind, reference))

    def table(self, catalog: CatalogDocument) -> NameTable:
        """Return the names of a catalog."""
        if catalog.document_key not in self._tables:
            self._tables[catalog.document_key] = NameTable(catalog)
        return self._tables[catalog.document_key]

    def catalogs_of(self, policy: PolicyDocument) -> list[CatalogDocument]:
        """Return the catalogs under which tenants use a policy; all of them when none does."""
        tenants = [item for item in self.newest() if isinstance(item, TenantDocument)]
        users = [item for item in tenants if self.find("policy", item.policy) is policy]
        found = [self.find("catalog", item.catalog) for item in users] or self.newest()
        return list({item.document_key: item for item in found if isinstance(item, CatalogDocument)}.values())
