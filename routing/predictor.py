"""A published predictor: assembled from its documents, it says how well each model would answer a prompt (SPEC R16).

Assembling costs some ten milliseconds, once for each content: other configurations with the same predictor share it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from routing.quality_artefact import ArtefactError, decoded
from routing.quality_features import features_of
from routing.quality_model import QualityModel
from schemas.control_predictor import PredictorDocument, PredictorPart, QualityArtefact

_DECIMALS = 9
Find = Callable[[str], object]
"""From the name of a part to its document, or to anything else where there is none."""


class PredictorFaultError(ValueError):
    """Documents that make no predictor; the message says what is missing or damaged."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """A quality model whose columns mean models of the catalog."""

    reference: str
    """``name@version``."""
    model: QualityModel
    columns: tuple[tuple[str, int], ...]
    """(model of the catalog, column), by name of the model."""
    low: float
    high: float

    def predictions(self, text: str) -> dict[str, float]:
        """Return by model the share of good answers (0..1, nine decimals) that is expected for a prompt.

        Bounded work: of a long text a sample is read. The same on every machine.
        """
        model = self.model
        shares: list[int] = model.shares(model.space.vector(features_of(text))[None])[0].tolist()
        divisor, low, width = model.divisor, self.low, self.high - self.low
        return {
            name: round(min(1.0, max(0.0, (shares[column] / divisor - low) / width)), _DECIMALS)
            for name, column in self.columns
        }


def assembled(document: PredictorDocument, find: Find) -> Predictor:
    """Return the predictor of a document, ``find`` giving its parts. Raise `PredictorFaultError`."""
    parts = [part for part in map(find, document.parts) if isinstance(part, PredictorPart)]
    missing = len(document.parts) - len(parts)
    if missing:
        raise PredictorFaultError(f"{missing} of {len(document.parts)} parts are not there")
    model = _decoded(document.artefact.model_dump_json(), tuple(part.content for part in parts))
    if isinstance(model, str):
        raise PredictorFaultError(model)
    place = {column: index for index, column in enumerate(model.models)}
    columns = tuple(sorted((name, place[column]) for column, name in document.models.items()))
    return Predictor(document.reference, model, columns, document.low, document.high)


@lru_cache(maxsize=16)
def _decoded(description: str, contents: tuple[str, ...]) -> QualityModel | str:
    """Return the model, or why there is none; the same contents are decoded once."""
    try:
        return decoded(QualityArtefact.model_validate_json(description), "".join(contents), {})
    except ArtefactError as error:
        return str(error)
