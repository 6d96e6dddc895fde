"""Configuration is events: versioned documents on the topic ``config``, keyed ``kind/name@version`` (DESIGN 10)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from schemas.control_base import KINDS, FlagsDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_clusters import ClustersDocument
from schemas.control_plan import PlanDocument
from schemas.control_policy import PolicyDocument
from schemas.control_predictor import PredictorDocument, PredictorPart
from schemas.control_prices import PricesDocument
from schemas.control_provider import ProviderDocument
from schemas.control_taxonomy import TaxonomyDocument
from schemas.control_tenant import TenantDocument
from schemas.envelope import Event

__all__ = ["DOCUMENT", "KINDS", "ConfigDocument", "ConfigPublished"]

ConfigDocument = Annotated[
    CatalogDocument
    | PricesDocument
    | PolicyDocument
    | TaxonomyDocument
    | ClustersDocument
    | TenantDocument
    | PlanDocument
    | ProviderDocument
    | PredictorDocument
    | PredictorPart
    | FlagsDocument,
    Field(discriminator="kind"),
]
DOCUMENT: TypeAdapter[ConfigDocument] = TypeAdapter(ConfigDocument, config=ConfigDict(hide_input_in_errors=True))
"""Validates any document by its ``kind``."""


class ConfigPublished(Event):
    """A document was published. ``tenant`` is ``system``; the record's key is ``key``."""

    TYPE: ClassVar[str] = "pointsman.config.published.v1"

    type: Literal["pointsman.config.published.v1"] = "pointsman.config.published.v1"
    kind: str
    name: str
    version: int
    document: ConfigDocument
    comment: str | None = None

    @property
    def key(self) -> str:
        """Key on the ``config`` topic: ``kind/name@version``."""
        return self.document.document_key

    @model_validator(mode="after")
    def _head_is_the_documents(self) -> Self:
        document = self.document
        if (self.kind, self.name, self.version) != (document.kind, document.name, document.version):
            raise ValueError("kind, name and version of the event are those of its document")
        return self
