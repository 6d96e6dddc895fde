from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from routing.catalog import CompiledConfig
from routing.classify import classify
from routing.config_check import check_documents
from routing.predictor import PredictorFaultError, assembled
from routing.quality_artefact import encoded
from routing.quality_features import features_of
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, train
from schemas.control import ConfigDocument
from schemas.control_policy import PolicyDocument
from schemas.control_predictor import PredictorDocument, PredictorPart, part_name
from schemas.control_tenant import TenantDocument
from tests.brain import documents, request, with_documents

CODE, POEM = "write a function that sorts numbers", "a poem of the sea and the moon"
STRONG, CHEAP = sorted(model.id for d in documents().values() if d.kind == "catalog" for model in d.models)[:2]


@pytest.fixture(scope="module")
def model() -> QualityModel:
    texts = [f"{CODE if number % 2 else POEM} {number}" for number in range(120)]
    scores = np.array([[0.9, 0.2] if number % 2 else [0.1, 0.8] for number in range(120)])
    settings = TrainingSettings(dimensions=4, clusters=4, restarts=2, trees=10, rate=0.3, min_leaf=5)
    return train([features_of(text) for text in texts], scores, ("Strong One", "cheap-one"), settings)


def published(model: QualityModel, pieces: int = 3, **fields: Any) -> list[ConfigDocument]:
    """Return the documents of a model, its content cut into ``pieces``."""
    artefact, content = encoded(model)
    step = len(content) // pieces + 1
    cut = [content[start : start + step] for start in range(0, len(content), step)]
    parts = [PredictorPart(name=part_name(piece), content=piece) for piece in cut]
    document = PredictorDocument(
        name="learned",
        models={"Strong One": STRONG, "cheap-one": CHEAP},
        artefact=artefact,
        parts=tuple(part.name for part in parts),
    )
    return [*parts, document.model_copy(update=fields)]


def config(*extra: ConfigDocument, predictor: str = "learned") -> CompiledConfig:
    policy = PolicyDocument.model_validate({"name": "taught", "predictor": {"name": predictor}})
    return with_documents(policy, TenantDocument(name="t", policy="taught"), *extra)


def test_a_published_predictor_speaks_in_the_classification(model: QualityModel) -> None:
    """Where the tenant's policy names a predictor, the task carries quality by model of the catalog (R16)."""
    compiled = config(*published(model))
    found = classify(request(CODE), compiled).predictions
    assert list(found) == sorted([STRONG, CHEAP])
    assert found[STRONG] > 0.7
    assert found[CHEAP] < 0.4
    expected = model.predict(CODE)
    assert found == {STRONG: round(expected["Strong One"], 9), CHEAP: round(expected["cheap-one"], 9)}
    assert classify(request(POEM), compiled).predictions[CHEAP] > 0.6


def test_only_tenants_whose_policy_names_it_are_predicted(model: QualityModel) -> None:
    """Without a predictor, without a text, or for pictures nothing is predicted."""
    listed = published(model)
    bare = with_documents(TenantDocument(name="t", policy="default"), *listed)
    assert classify(request(CODE), bare).predictions == {}
    assert classify(request(CODE), config()).predictions == {}
    picture = request(CODE, mode="vision_editing")
    assert classify(picture, config(*listed)).modality == "image"
    assert classify(picture, config(*listed)).predictions == {}


def test_scores_on_another_scale_become_shares(model: QualityModel) -> None:
    """``low`` and ``high`` map scores to 0..1, and what lies beyond is cut off."""
    [*parts, document] = published(model)
    assert isinstance(document, PredictorDocument)
    narrow = document.model_copy(update={"low": 0.3, "high": 0.5})
    found = classify(request(CODE), config(*parts, narrow)).predictions
    assert found == {STRONG: 1.0, CHEAP: 0.0}


def test_a_predictor_without_all_its_parts_predicts_nothing_and_is_told(model: QualityModel) -> None:
    """A part that is missing, or numbers that are not those named, leave the router as it was; checks tell (R16)."""
    [*parts, document] = published(model)
    assert isinstance(document, PredictorDocument)
    assert classify(request(CODE), config(*parts[1:], document)).predictions == {}
    assert any("1 of 3 parts are not there" in fault for fault in _faults(*parts[1:], document))
    turned = document.model_copy(update={"parts": document.parts[::-1]})
    assert classify(request(CODE), config(*parts, turned)).predictions == {}
    assert any("predictor/learned@1" in fault and "damaged" in fault for fault in _faults(*parts, turned))
    assert not any("predictor" in fault for fault in _faults(*parts, document))


def _faults(*extra: ConfigDocument) -> list[str]:
    known = {**documents(), **{document.document_key: document for document in extra}}
    return [str(fault) for fault in check_documents(known)]


def test_names_that_mean_nothing_are_told(model: QualityModel) -> None:
    """A policy that names no predictor, and a predictor of a model that no catalog has, are faults."""
    policy = PolicyDocument.model_validate({"name": "taught", "predictor": {"name": "absent"}})
    assert any("no predictor document is called absent" in fault for fault in _faults(policy))
    [*parts, document] = published(model)
    odd = document.model_copy(update={"models": {"cheap-one": "nobody-knows"}})
    assert any("no catalog has a model of the id nobody-knows" in fault for fault in _faults(*parts, odd))


def test_the_same_numbers_are_decoded_once(model: QualityModel) -> None:
    """Configurations that hold the same predictor share what was decoded."""
    [*parts, document] = published(model)
    assert isinstance(document, PredictorDocument)
    held = {part.name: part for part in parts}
    renamed = document.model_copy(update={"name": "other", "version": 7})
    assert assembled(document, held.get).model is assembled(renamed, held.get).model
    with pytest.raises(PredictorFaultError, match="3 of 3 parts"):
        assembled(document, lambda _: None)


def test_damaged_parts_and_wrong_columns_are_refused(model: QualityModel) -> None:
    """A part must be named by its content; a predictor maps columns of its artefact, each to another model."""
    artefact, _ = encoded(model)
    with pytest.raises(ValidationError, match="this one is damaged"):
        PredictorPart(name="0" * 40, content="AAAA")
    head: dict[str, Any] = {"name": "p", "artefact": artefact, "parts": ["0" * 40]}
    with pytest.raises(ValidationError, match="not among them: other"):
        PredictorDocument(models={"other": "m"}, **head)
    with pytest.raises(ValidationError, match="two columns mean the same model"):
        PredictorDocument(models={"Strong One": "m", "cheap-one": "m"}, **head)
    with pytest.raises(ValidationError, match="high is above low"):
        PredictorDocument(models={"cheap-one": "m"}, low=1, high=1, **head)
