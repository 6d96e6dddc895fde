"""From a trained quality model to the documents that publish it: names of a matrix become models of the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analytics.evaluation.names import NamesError
from pointsman.config_store import Store, content
from routing.quality_artefact import encoded
from routing.quality_model import QualityModel
from routing.references import NameTable
from schemas.control import ConfigDocument
from schemas.control_predictor import PART_CHARACTERS, PredictorDocument, PredictorPart, part_name


@dataclass(frozen=True)
class Naming:
    """What the columns of a model mean."""

    models: Mapping[str, str]
    """Column -> model of the catalog."""
    unknown: Sequence[str]
    """Columns, and what they were said to mean, that are no single model of the catalog."""
    left_out: Sequence[str]
    """Columns that the file of names leaves out on purpose."""


class ScoresError(ValueError):
    """Scores of which nobody said what they mean; the message says what to do."""


def bounds_of(facts: Mapping[str, Any], low: float | None, high: float | None) -> tuple[float, float]:
    """Return the predictions that mean a quality of 0 and of 1, for scores ``low`` and ``high`` (0 and 1).

    Predictions are corrected by the line that the evaluation fitted on questions kept apart, where ``facts`` have one.
    Raise `ScoresError` for scores beyond 0..1 of which neither bound is said.
    """
    least, most = facts.get("score_range") or (0.0, 1.0)
    if (low is None or high is None) and (least < 0 or most > 1):
        raise ScoresError(
            f"the scores it learned lie between {least:g} and {most:g}: "
            "say with --low and --high which score is a quality of 0 and which of 1"
        )
    line = facts.get("correction") or {"intercept": 0.0, "slope": 1.0}
    wanted = (0.0 if low is None else low, 1.0 if high is None else high)
    first, last = ((score - line["intercept"]) / line["slope"] for score in wanted)
    return first, last


def named(columns: Sequence[str], names: Mapping[str, str | None], table: NameTable) -> Naming:
    """Return what each column means: as ``names`` says, else as the catalog knows the name. Raise `NamesError`."""
    odd = sorted(set(names) - set(columns))
    if odd:
        raise NamesError(f"the predictor has no column {', '.join(odd)} (it has {', '.join(columns)})")
    models: dict[str, str] = {}
    unknown: list[str] = []
    for column in columns:
        text = names.get(column, column)
        reference = None if text is None else table.resolve(text)
        if reference is None:
            continue
        if reference.kind != "model":
            unknown.append(column if text == column else f"{column} ({text})")
        elif reference.models[0] in models.values():
            other = next(name for name, model in models.items() if model == reference.models[0])
            raise NamesError(f"{other} and {column} both mean {reference.models[0]}: leave one out")
        else:
            models[column] = reference.models[0]
    return Naming(models, unknown, [column for column in columns if column in names and names[column] is None])


def predictor_documents(
    model: QualityModel, name: str, naming: Naming, low: float, high: float, version: int = 1
) -> list[ConfigDocument]:
    """Return the documents that publish a model: its parts, then the predictor that names them."""
    artefact, numbers = encoded(model)
    cut = [numbers[start : start + PART_CHARACTERS] for start in range(0, len(numbers), PART_CHARACTERS)]
    parts = [PredictorPart(name=part_name(piece), content=piece) for piece in cut]
    document = PredictorDocument(
        name=name,
        version=version,
        models=dict(naming.models),
        low=low,
        high=high,
        artefact=artefact,
        parts=tuple(part.name for part in parts),
        facts=dict(model.facts),
    )
    return [*parts, document]


def to_publish(documents: Sequence[ConfigDocument], store: Store) -> list[ConfigDocument]:
    """Return what of the documents is not in the log yet; a changed predictor gets the next version."""
    wanted: list[ConfigDocument] = []
    for document in documents:
        before = store.document(document.kind, document.name)
        if before is not None and content(before) == content(document):
            continue
        version = store.next_version(document.kind, document.name)
        wanted.append(document.model_copy(update={"version": version}))
    return wanted


def summary(document: PredictorDocument) -> dict[str, Any]:
    """Return one row about a predictor: what it knows, and how good it was on data it had not seen."""
    metrics: Any = document.facts.get("metrics")
    lift = metrics.get("lift") if isinstance(metrics, dict) else None
    shown = None
    if isinstance(lift, dict) and isinstance(lift.get("value"), float):
        shown = f"{lift['value']:+.3f} [{lift.get('low')}, {lift.get('high')}]"
    return {
        "predictor": document.reference,
        "models": len(document.models),
        "columns": len(document.artefact.columns),
        "trained_on": document.facts.get("prompts"),
        "lift": shown,
        "parts": len(document.parts),
    }
