import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest

from routing.quality_artefact import ArtefactError, as_json, encoded, from_json
from routing.quality_features import features_of
from routing.quality_model import QualityModel, Trees
from routing.quality_training import TrainingSettings, train
from schemas.control_predictor import PART_CHARACTERS

SMALL = TrainingSettings(dimensions=4, clusters=4, restarts=2, trees=6, rate=0.2, min_leaf=5)


@pytest.fixture(scope="module")
def model() -> QualityModel:
    texts = [f"{'sort the list' if number % 2 else 'a poem of the sea'} {number}" for number in range(80)]
    scores = np.array([[0.9, 0.2] if number % 2 else [0.1, 0.7] for number in range(80)])
    return train([features_of(text) for text in texts], scores, ("one", "two"), SMALL, {"data": "x"}, ["a", "b"] * 40)


def test_an_artefact_keeps_every_bit(model: QualityModel) -> None:
    """Written and read again, all arrays are equal, and so are the bytes written from them (R16)."""
    document = json.loads(json.dumps(as_json(model)))
    again = from_json(document)
    assert as_json(again) == document
    assert again.predict("sort a poem") == model.predict("sort a poem")
    assert again.facts["data"] == "x"


def test_an_artefact_of_the_usual_size_fits_the_log() -> None:
    """Trained with the default settings, the numbers take a megabyte of text at most (R16)."""
    generator = np.random.default_rng(0)
    letters = np.array(list("etaoinshrdlu"))
    words = ["".join(generator.choice(letters, size=6)) for _ in range(3000)]
    texts = [" ".join(generator.choice(words, size=60)) for _ in range(900)]
    model = train([features_of(text) for text in texts], generator.random((900, 9)), [f"m{n}" for n in range(9)])
    assert len(encoded(model)[1]) <= 1.5 * PART_CHARACTERS


def _changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**document, **changes}


def _content(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


def test_documents_that_are_no_artefact_are_refused(model: QualityModel) -> None:
    """Another kind, other features, damaged or oversized numbers are named, and none of them predicts."""
    document = as_json(model)
    raw = zlib.decompress(base64.b64decode(document["content"]))
    fewer = {name: form for name, form in document["arrays"].items() if name != "trees.base"}
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "no quality model of format 2"),
        (_changed(document, format=1), "no quality model of format 2"),
        (_changed(document, features="0" * 16), "trained on other features"),
        (_changed(document, arrays=3), "damaged at arrays"),
        (_changed(document, content=None), "lacks content"),
        (_changed(document, content="!"), "not base64"),
        (_changed(document, content=document["content"][:400]), "damaged|cut off"),
        (_changed(document, content=_content(b"\0" * (1 << 26))), "longer than"),
        (_changed(document, content=_content(raw[:-1])), "not those that the artefact names"),
        (_changed(document, arrays=fewer), "more numbers than it names"),
    )
    for case, message in cases:
        with pytest.raises(ArtefactError, match=message):
            from_json(case)


def test_numbers_that_could_fail_or_be_inexact_are_refused(model: QualityModel) -> None:
    """A tree that asks for a column that is not there, or scores beyond all bounds, are no artefact."""
    trees = model.trees
    wild = Trees(trees.features + 10_000, trees.thresholds, trees.leaves, trees.base)
    huge = Trees(trees.features, trees.thresholds, trees.leaves + (1 << 30), trees.base)
    short = Trees(trees.features, trees.thresholds, trees.leaves[:, :-1], trees.base)
    for found, message in ((wild, "column"), (huge, "beyond"), (short, "do not fit")):
        broken = QualityModel(model.models, model.space, model.clusters, found, model.kinds, 2, {})
        with pytest.raises(ArtefactError, match=message):
            encoded(broken)
