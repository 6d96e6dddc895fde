import json
from itertools import pairwise

import numpy as np
import pytest

from routing.quality_artefact import as_json, from_json
from routing.quality_features import FORM_NAMES, SAMPLE, SCALE, damped, features_of, sampled
from routing.quality_model import QualityModel
from routing.quality_training import TrainingSettings, data_hash, train

MODELS = ("one", "two")
SMALL = TrainingSettings(dimensions=6, clusters=8, restarts=2, trees=20, rate=0.2, min_leaf=5)


def _lesson(count: int = 240) -> tuple[list[str], np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return prompts about code, which the first model can, and about poems, which the second can."""
    generator = np.random.default_rng(3)
    texts, scores = [], []
    for number in range(count):
        code = number % 2 == 0
        subject = generator.choice(["sort", "parse", "loop"] if code else ["moon", "river", "sorrow"])
        verb = "write a function to" if code else "a poem of the"
        texts.append(f"{verb} {subject} number {generator.integers(1000)}")
        scores.append([0.9, 0.2] if code else [0.1, 0.8])
    return texts, np.array(scores)


def _kinds(texts: list[str]) -> list[str]:
    return ["code" if "function" in text else "poem" for text in texts]


def _trained(*, kinds: bool) -> QualityModel:
    texts, scores = _lesson()
    features = [features_of(text) for text in texts]
    return train(features, scores, MODELS, SMALL, kinds=_kinds(texts) if kinds else None)


@pytest.fixture(scope="module", params=[False, True], ids=["scores alone", "kinds named"])
def model(request: pytest.FixtureRequest) -> QualityModel:
    return _trained(kinds=request.param)


def test_it_predicts_what_it_was_taught(model: QualityModel) -> None:
    """Prompts never seen get the scores of their kind, on the scale of the scores (R16)."""
    code = model.predict("write a function to parse a letter")
    poem = model.predict("a poem of the moon and the harbour")
    assert code["one"] == pytest.approx(0.9, abs=0.2)
    assert code["two"] == pytest.approx(0.2, abs=0.2)
    assert poem["one"] == pytest.approx(0.1, abs=0.2)
    assert poem["two"] == pytest.approx(0.8, abs=0.2)


def test_the_same_lesson_gives_the_same_artefact_to_the_last_bit(model: QualityModel) -> None:
    """Trained again on the same data, the artefact is equal byte by byte; its hash knows data, not order (R16)."""
    texts, scores = _lesson()
    again = _trained(kinds=model.kinds is not None)
    assert json.dumps(as_json(again)) == json.dumps(as_json(model))
    turned = data_hash(texts[::-1], scores[::-1], MODELS)
    assert turned == data_hash(texts, scores, MODELS)
    assert turned != data_hash(texts, 1 - scores, MODELS)


def test_an_artefact_predicts_as_the_model_it_came_from(model: QualityModel) -> None:
    """Written and read again, the model predicts the same to the last bit."""
    again = from_json(json.loads(json.dumps(as_json(model))))
    assert again.predict("write a function to sort") == model.predict("write a function to sort")
    assert again.models == MODELS


def test_one_by_one_is_as_all_at_once(model: QualityModel) -> None:
    """A prediction does not depend on the prompts beside it, not in one bit."""
    texts, _ = _lesson(40)
    together = model.predict_vectors(model.space.vectors([features_of(text) for text in texts]))
    alone = [list(model.predict(text).values()) for text in texts]
    assert together.tolist() == alone


@pytest.mark.parametrize(
    "text", ["", " ", "?", "\ud800 lone", "🙂" * 50, "مرحبا بالعالم", "a\u200bb", "x" * 1_000_000, "\x00\n\t"]
)
def test_any_text_is_predicted(model: QualityModel, text: str) -> None:
    """Empty, huge, broken and right-to-left texts give finite predictions."""
    assert all(np.isfinite(value) for value in model.predict(text).values())
    assert len(features_of(text).form) == len(FORM_NAMES)


def test_long_prompts_are_sampled_from_head_middle_and_tail() -> None:
    """The work is bounded: of a long prompt a sample of fixed size is read, the same each time."""
    text = "a" * 100_000 + "MIDDLE" + "b" * 100_000 + "END"
    sample = sampled(text)
    assert len(sample) <= SAMPLE + 2
    assert "MIDDLE" in sample
    assert sample.endswith("END")


def test_damping_is_the_binary_logarithm_in_whole_numbers() -> None:
    """Counts are damped without a logarithm of the machine: exact at powers of two, rising, close between (R16)."""
    assert [damped(2**power - 1) for power in range(12)] == [power * SCALE for power in range(12)]
    assert all(one < two for one, two in pairwise(map(damped, range(900))))
    assert all(abs(damped(count) / SCALE - np.log2(1 + count)) < 0.09 for count in range(10_000))


def test_kinds_are_told_by_the_text_alone() -> None:
    """The head learned from named kinds knows the kind of a prompt that names none (R16)."""
    model = _trained(kinds=True)
    assert model.kinds is not None
    texts = ["write a function to parse rivers", "a poem of the loop"]
    chances = model.kinds.chances(model.space.vectors([features_of(text) for text in texts]))
    assert chances.argmax(axis=1).tolist() == [0, 1]


def test_kinds_that_are_rare_or_alone_teach_nothing() -> None:
    """Fewer than two kinds with enough prompts make no head."""
    texts, scores = _lesson()
    features = [features_of(text) for text in texts]
    for kinds in (["same"] * len(texts), [str(number) for number in range(len(texts))], [""] * len(texts)):
        assert train(features, scores, MODELS, SMALL, kinds=kinds).kinds is None
