import json
from pathlib import Path

import numpy as np
import pytest

from analytics.evaluation.names import NamesError, read_names
from deploy.doctor_kafka import documents_check
from deploy.shipped_config import config_event
from pointsman.config_store import Store
from pointsman.predictor_documents import ScoresError, bounds_of, named, predictor_documents, summary, to_publish
from routing.predictor import assembled
from routing.quality_features import features_of
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, train
from routing.references import NameTable
from schemas.control import DOCUMENT, ConfigDocument
from schemas.control_catalog import CatalogDocument
from schemas.control_predictor import PredictorDocument
from tests.brain import documents
from tests.unit.schemas.samples import NOON

CATALOG = next(document for document in documents().values() if isinstance(document, CatalogDocument))
TABLE = NameTable(CATALOG)
FIRST, SECOND = CATALOG.models[0], CATALOG.models[1]


@pytest.fixture(scope="module")
def model() -> QualityModel:
    texts = [f"{'sort a list' if number % 2 else 'a poem'} {number}" for number in range(60)]
    scores = np.array([[1.0, 0.0, 0.5] if number % 2 else [0.0, 1.0, 0.5] for number in range(60)])
    settings = TrainingSettings(dimensions=3, clusters=3, restarts=1, trees=3, min_leaf=5)
    columns = (FIRST.name, "their-second", "their-third")
    metrics = {"lift": {"value": 0.04, "low": 0.01, "high": 0.07}}
    return train([features_of(text) for text in texts], scores, columns, settings, {"metrics": metrics})


def test_names_of_a_matrix_become_models_of_the_catalog(model: QualityModel) -> None:
    """A display name is known, a file says what others mean, null leaves out, and the unknown are listed (R16, R20)."""
    found = named(model.models, {"their-second": SECOND.id}, TABLE)
    assert found.models == {FIRST.name: FIRST.id, "their-second": SECOND.id}
    assert (list(found.unknown), list(found.left_out)) == (["their-third"], [])
    left = named(model.models, {"their-second": "no such", "their-third": None}, TABLE)
    assert (list(left.unknown), list(left.left_out)) == (["their-second (no such)"], ["their-third"])


def test_names_that_cannot_be_meant_are_refused(model: QualityModel, tmp_path: Path) -> None:
    """Two columns of one model, a column that is not there, or a file of another form are explained."""
    with pytest.raises(NamesError, match="both mean"):
        named(model.models, {"their-second": FIRST.id}, TABLE)
    with pytest.raises(NamesError, match="has no column nothing"):
        named(model.models, {"nothing": FIRST.id}, TABLE)
    path = tmp_path / "names.yaml"
    path.write_text("- a\n")
    with pytest.raises(NamesError, match=r"names\.yaml: write one line"):
        read_names(path)
    path.write_text("their-second: null\n1: x\n")
    assert read_names(path) == {"their-second": None, "1": "x"}


def _published(documents: list[ConfigDocument], store: Store) -> None:
    for document in documents:
        event = config_event(document, NOON)
        store.published[event.key] = event
        store.current[f"{event.kind}/{event.name}"] = event


def test_publishing_again_publishes_what_changed(model: QualityModel) -> None:
    """The same predictor is published once; with other names it gets its next version, and parts are shared (R16)."""
    naming = named(model.models, {"their-second": SECOND.id}, TABLE)
    store = Store()
    first = to_publish(predictor_documents(model, "p", naming, 0, 1), store)
    assert [document.kind for document in first] == ["predictor-part", "predictor"]
    _published(first, store)
    assert to_publish(predictor_documents(model, "p", naming, 0, 1), store) == []
    fewer = named(model.models, {"their-second": None}, TABLE)
    [again] = to_publish(predictor_documents(model, "p", fewer, 0, 1), store)
    assert again.document_key == "predictor/p@2"


def test_scores_are_told_apart_from_qualities() -> None:
    """Scores of 0 to 1 are qualities; others need to be explained; a correction moves the bounds (R16)."""
    assert bounds_of({"score_range": [0.0, 1.0]}, None, None) == (0.0, 1.0)
    with pytest.raises(ScoresError, match="between 1 and 10: say with --low"):
        bounds_of({"score_range": [1.0, 10.0]}, None, None)
    assert bounds_of({"score_range": [1.0, 10.0]}, 1, 10) == (1.0, 10.0)
    low, high = bounds_of({"correction": {"intercept": -0.1, "slope": 1.25}}, None, None)
    corrected = (0.6 - low) / (high - low)
    assert corrected == pytest.approx(-0.1 + 1.25 * 0.6)


def test_what_is_published_survives_the_log(model: QualityModel) -> None:
    """Written as JSON and read again, the documents make the same predictor."""
    naming = named(model.models, {"their-second": SECOND.id}, TABLE)
    listed = predictor_documents(model, "p", naming, 0, 1)
    read = [DOCUMENT.validate_python(json.loads(document.model_dump_json())) for document in listed]
    [*parts, document] = read
    assert isinstance(document, PredictorDocument)
    found = assembled(document, {part.name: part for part in parts}.get)
    expected = model.predict("a poem of sorting")
    assert found.predictions("a poem of sorting")[FIRST.id] == round(min(1, max(0, expected[FIRST.name])), 9)
    assert summary(document)["lift"] == "+0.040 [0.01, 0.07]"


def test_the_doctor_tells_of_a_predictor_that_lacks_a_part(model: QualityModel) -> None:
    """A predictor without its parts is a warning that names it; whole, there is none (R16)."""
    naming = named(model.models, {"their-second": SECOND.id}, TABLE)
    listed = predictor_documents(model, "p", naming, 0, 1)
    whole = {**documents(), **{document.document_key: document for document in listed}}
    assert documents_check(whole).state == "ok"
    check = documents_check({**documents(), listed[-1].document_key: listed[-1]})
    assert check.state == "warn"
    assert "predictor/p@1: parts: 1 of 1 parts are not there" in check.found
