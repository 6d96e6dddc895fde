"""What all configuration documents share: kind, name, version, sources; unknown fields are refused by name."""

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from schemas.envelope import Frozen

KINDS = (
    *("catalog", "prices", "policy", "taxonomy", "clusters", "tenant", "plan", "provider", "flags"),
    *("predictor", "predictor-part"),
)

DocumentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
DocumentReference = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(@[1-9][0-9]{0,8})?$")]
"""Name of a document of a known kind: ``name`` (its newest version) or ``name@version``."""
ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,95}$")]
ModelReference = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""A model as people write it: id, alias, display name, ``provider:model``, ``provider/model``, wildcard (SPEC R20)."""
Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(gt=0, le=86_400_000)]


class Strict(Frozen):
    """Base of configuration values: immutable, a field nobody knows is a fault, not a silence."""

    model_config = ConfigDict(extra="forbid")


class Source(Strict):
    """Where a figure comes from."""

    title: str
    date: date
    note: str | None = None


class DocumentBase(Strict):
    """Head of every document; ``kind/name@version`` identifies it for ever and its content never changes."""

    kind: str
    name: DocumentName
    version: Annotated[int, Field(ge=1, le=10**9)] = 1
    description: str = ""

    @property
    def reference(self) -> str:
        """``name@version``, as decisions cite it."""
        return f"{self.name}@{self.version}"

    @property
    def document_key(self) -> str:
        """Key on the ``config`` topic: ``kind/name@version``."""
        return f"{self.kind}/{self.name}@{self.version}"


class FlagsDocument(DocumentBase):
    """Feature flags: name -> on or off."""

    kind: Literal["flags"] = "flags"
    flags: dict[DocumentName, bool] = {}
