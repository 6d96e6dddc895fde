"""A trained predictor of quality as configuration (SPEC R16): what it was learned from, and its numbers in parts.

A record of the log holds at most 1 MiB, so the numbers lie in documents of their own, each named by its content. All of
it is in the log: the same log gives the same predictions.
"""

import hashlib
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.control_base import DocumentBase, ModelId, Strict

PART_CHARACTERS: Final = 700_000
"""Of one part, at most: the record around it stays below 1 MiB."""
NAME_LENGTH: Final = 40
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PartName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def part_name(content: str) -> str:
    """Return the name of the part that holds ``content``: the head of its SHA-256."""
    return hashlib.sha256(content.encode()).hexdigest()[:NAME_LENGTH]


class PredictorPart(DocumentBase):
    """A piece of a predictor's numbers: base64 text. Its name is the head of its SHA-256; its version is always 1."""

    kind: Literal["predictor-part"] = "predictor-part"
    version: Literal[1] = 1
    content: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/=]*$", min_length=1, max_length=PART_CHARACTERS)]

    @model_validator(mode="after")
    def _name_is_the_contents(self) -> Self:
        if self.name != part_name(self.content):
            raise ValueError("the name of a part is the head of its content's SHA-256: this one is damaged")
        return self


class ArrayForm(Strict):
    """One array of numbers: little-endian signed integers of so many bytes."""

    bytes: Literal[1, 2, 4]
    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=1 << 20)], ...], Field(max_length=3)]


class QualityArtefact(Strict):
    """A quality model without its numbers: what they are, and their SHA-256 (before compression)."""

    format: Literal[2] = 2
    columns: Annotated[tuple[ColumnName, ...], Field(min_length=2, max_length=500)]
    """The models it was trained on, as the evaluation matrix names them."""
    based: Annotated[int, Field(ge=2, le=500)]
    """How many of them, the first ones, were trained together; the others were added from a few probes."""
    features: Annotated[str, StringConstraints(max_length=64)]
    """Fingerprint of the features that it reads: another version of the code may read others."""
    arrays: Annotated[dict[str, ArrayForm], Field(max_length=64)]
    """In the order in which their bytes follow each other."""
    sha256: Sha256


class PredictorDocument(DocumentBase):
    """A predictor that policies can name. Ignored (and told by checks) until all its parts are there."""

    kind: Literal["predictor"] = "predictor"
    models: Annotated[dict[ColumnName, ModelId], Field(min_length=1, max_length=500)]
    """Column -> model of the catalog. Columns that are not listed are never predicted."""
    low: Annotated[float, Field(ge=-1e6, le=1e6)] = 0
    """The prediction that means a quality of 0."""
    high: Annotated[float, Field(ge=-1e6, le=1e6)] = 1
    """The prediction that means a quality of 1."""
    artefact: QualityArtefact
    parts: Annotated[tuple[PartName, ...], Field(min_length=1, max_length=16)]
    """Names of the parts, in order."""
    facts: dict[str, Any] = {}
    """Of the training: data hash, figures, settings, command."""

    @model_validator(mode="after")
    def _models_are_columns_once(self) -> Self:
        unknown = sorted(set(self.models) - set(self.artefact.columns))
        if unknown:
            message = f"models maps columns of the artefact; not among them: {', '.join(unknown[:5])}"
            raise ValueError(message)
        if len(set(self.models.values())) != len(self.models):
            raise ValueError("two columns mean the same model")
        if self.high <= self.low:
            raise ValueError("high is above low")
        return self
