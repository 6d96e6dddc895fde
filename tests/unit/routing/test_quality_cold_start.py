import json

import numpy as np
import pytest

from routing.quality_artefact import as_json, from_json
from routing.quality_cold_start import Probes, ProbesError, extended, without
from routing.quality_features import features_of
from routing.quality_model import FloatArray, QualityModel
from routing.quality_training import TrainingSettings, train

KNOWN = ("maker-small", "maker-large", "other")
CODE, POEM = "write a function that sorts numbers", "a poem of the sea and the moon"


def _texts(count: int, seed: int) -> tuple[list[str], FloatArray]:
    """Return prompts of two kinds, and 1 for those about code."""
    generator = np.random.default_rng(seed)
    code = generator.random(count) < 0.5
    return [f"{CODE if each else POEM} {generator.integers(1000)}" for each in code], code.astype(np.float64)


@pytest.fixture(scope="module", params=[False, True], ids=["scores alone", "kinds named"])
def model(request: pytest.FixtureRequest) -> QualityModel:
    texts, code = _texts(300, 1)
    scores = np.stack([0.3 + 0.2 * code, 0.5 + 0.4 * code, 0.8 - 0.3 * code], axis=1)
    kinds = ["code" if each else "poem" for each in code] if request.param else None
    settings = TrainingSettings(dimensions=4, clusters=6, restarts=3, trees=30, rate=0.2, min_leaf=5)
    return train([features_of(text) for text in texts], scores, KNOWN, settings, kinds=kinds)


def _probes(count: int, good_at_code: float, good_at_poems: float) -> Probes:
    texts, code = _texts(count, 2)
    return Probes([features_of(text) for text in texts], good_at_poems + (good_at_code - good_at_poems) * code)


def test_a_new_model_is_told_from_a_few_probes(model: QualityModel) -> None:
    """From sixty scored prompts the new model's strength is known by kind of prompt (R16)."""
    grown = extended(model, "new", _probes(60, 0.2, 0.9))
    code, poem = grown.predict(CODE), grown.predict(POEM)
    assert poem["new"] > code["new"] + 0.2
    assert poem["new"] > poem["maker-large"]
    assert code["new"] < code["maker-large"]


def test_what_is_known_of_the_others_does_not_change(model: QualityModel) -> None:
    """Predictions of the models trained before are the same to the last bit, also after the artefact's way."""
    grown = from_json(json.loads(json.dumps(as_json(extended(model, "new", _probes(30, 0.9, 0.9))))))
    for text in (CODE, POEM, "something else"):
        before, after = model.predict(text), grown.predict(text)
        assert {name: after[name] for name in KNOWN} == before
    assert grown.facts["probed"] == {"new": 30}


def test_few_probes_are_drawn_to_the_family(model: QualityModel) -> None:
    """With few probes the new model differs by prompt as its makers' models do, at the level of its own probes."""
    family = ("maker-small", "maker-large", "unknown-to-the-predictor")
    kin = extended(model, "new", _probes(20, 0.6, 0.6), family).predict
    stranger = extended(model, "new", _probes(20, 0.6, 0.6)).predict
    assert kin(CODE)["new"] - kin(POEM)["new"] > stranger(CODE)["new"] - stranger(POEM)["new"] + 0.03
    assert (kin(CODE)["new"] + kin(POEM)["new"]) / 2 == pytest.approx(0.6, abs=0.08)


def test_probes_of_which_nothing_can_be_learned_are_refused(model: QualityModel) -> None:
    """Fewer than twenty probes, a gap, or a model that is known already are explained."""
    with pytest.raises(ProbesError, match="at least 20 scored prompts, here are 19"):
        extended(model, "new", _probes(19, 0.5, 0.5))
    with pytest.raises(ProbesError, match="knows other already"):
        extended(model, "other", _probes(20, 0.5, 0.5))
    gap = _probes(20, 0.5, 0.5)
    gap.scores[3] = np.nan
    with pytest.raises(ProbesError, match="no number"):
        extended(model, "new", gap)


def test_a_model_added_from_probes_can_be_taken_out_again(model: QualityModel) -> None:
    """Without the new model the predictor is what it was, byte for byte; one it was trained on stays (R16)."""
    grown = extended(model, "new", _probes(30, 0.9, 0.2))
    other = extended(grown, "newer", _probes(30, 0.4, 0.4))
    assert as_json(without(grown, "new")) == as_json(model)
    assert as_json(without(without(other, "new"), "newer")) == as_json(model)
    for name in ("other", "nobody"):
        with pytest.raises(ProbesError, match="not added from probes"):
            without(grown, name)
