"""What probes change: the predictor that a router asks, else abilities; the table people read (R16)."""

from pathlib import Path

import numpy as np
import pytest

from deploy.shipped_config import config_event
from pointsman.config_store import Store
from pointsman.predictor_documents import Naming, predictor_documents, to_publish
from pointsman.probe_files import ProbeFileError, read_probes
from pointsman.probe_report import by_type
from pointsman.probe_teaching import TeachingError, abilities, asked_predictor, model_named, stated, taught_predictor
from pointsman.probing import Judged, digest
from routing.catalog import compile_config
from routing.predictor import assembled
from routing.quality_features import features_of
from routing.quality_training import TrainingSettings, train
from schemas.control import ConfigDocument
from schemas.control_policy import PolicyDocument, PredictorChoice
from schemas.control_predictor import PredictorDocument
from schemas.control_tenant import TenantDocument
from tests.brain import documents
from tests.unit.schemas.samples import NOON

PROBES = read_probes()
TENANT = TenantDocument(kind="tenant", name="t", policy="taught", capabilities={"haiku": {"coding": 12}})
NEW = "gemini-3.1-pro"
KNOWN = {"one": "gemini-2.5-flash", "two": "gpt-5-mini"}


def published(store: Store, wanted: list[ConfigDocument]) -> Store:
    for document in wanted:
        event = config_event(document, NOON)
        store.published[event.key] = event
        store.current[f"{event.kind}/{event.name}"] = event
    return store


@pytest.fixture
def store() -> Store:
    texts = [f"{'sort a list' if number % 2 else 'a poem'} {number}" for number in range(60)]
    scores = np.array([[0.9, 0.2] if number % 2 else [0.3, 0.8] for number in range(60)])
    settings = TrainingSettings(dimensions=3, clusters=3, restarts=1, trees=3, min_leaf=5)
    model = train([features_of(text) for text in texts], scores, tuple(KNOWN), settings)
    policy = PolicyDocument(kind="policy", name="taught", predictor=PredictorChoice(name="p"))
    found = published(Store(), [*documents().values(), policy, TENANT])
    return published(found, to_publish(predictor_documents(model, "p", Naming(KNOWN, (), ()), 0, 1), found))


def judged(passed: bool) -> list[Judged]:
    return [Judged(probe, f"r-{probe.id}", passed, cost=10, latency_ms=100) for probe in PROBES]


def expected(store: Store) -> dict[str, float]:
    document = asked_predictor(TENANT, store)
    assert document is not None
    return assembled(document, lambda part: store.document("predictor-part", part)).predictions("sort a list 3")


def taught(store: Store, answers: list[Judged]) -> list[ConfigDocument]:
    config = compile_config({key: event.document for key, event in store.published.items()})
    model, makers = model_named(config, TENANT, NEW)
    document = asked_predictor(TENANT, store)
    assert document is not None
    return taught_predictor(document, store, model, makers, answers)


def test_the_predictor_learns_one_model_more_and_forgets_earlier_probes(store: Store) -> None:
    """Published, it predicts the new model, the others to the last bit as before; other answers replace the first."""
    before = expected(store)
    published(store, taught(store, judged(passed=True)))
    good = expected(store)
    assert {model: good[model] for model in before} == before
    assert taught(store, judged(passed=True)) == []
    wanted = taught(store, judged(passed=False))
    assert [document.document_key for document in wanted if isinstance(document, PredictorDocument)] == [
        "predictor/p@3"
    ]
    published(store, wanted)
    assert expected(store)[NEW] < 0.5 < good[NEW]
    assert {model: expected(store)[model] for model in before} == before


def test_a_model_known_from_training_is_not_taught(store: Store) -> None:
    """What the predictor learned from an evaluation matrix is better than probes: it stays, and says so."""
    config = compile_config({key: event.document for key, event in store.published.items()})
    model, makers = model_named(config, TENANT, "gpt-5-mini")
    document = asked_predictor(TENANT, store)
    assert document is not None
    with pytest.raises(TeachingError, match="two was not added from probes"):
        taught_predictor(document, store, model, makers, judged(passed=True))


def test_abilities_join_those_the_tenant_states(store: Store) -> None:
    """Where no predictor is asked the tenant's document gets the model's abilities, and keeps all others."""
    config = compile_config({key: event.document for key, event in store.published.items()})
    model, _ = model_named(config, TENANT, NEW)
    found = abilities(model, judged(passed=False), config, TENANT)
    assert all(one.after < one.before for one in found)
    changed = stated(TENANT, NEW, found)
    assert changed["haiku"] == {"coding": 12}
    assert set(changed[NEW]) == {one.name for one in found}
    with pytest.raises(TeachingError, match="no single model"):
        model_named(config, TENANT, "anthropic/*")


def test_the_table_says_where_it_cannot_tell() -> None:
    """Rows carry Wilson's interval; half of four good cannot tell, all of four can, nothing answered says nothing."""
    rows = {row["type"]: row for row in by_type(judged(passed=True))}
    assert (rows["math"]["passed"], rows["math"]["tells"], rows["math"]["score"]) == (4, True, 1.0)
    assert rows["all"]["low"] > 0.9
    math = [one for one in judged(passed=True) if one.probe.type == "math"]
    half = [Judged(one.probe, "r", at < 2) for at, one in enumerate(math)]
    assert by_type(half)[-1]["tells"] is False
    nothing = by_type([Judged(one.probe, "r", None, "refused") for one in math])[-1]
    assert (nothing["score"], nothing["tells"], nothing["failures"]) == (None, False, 4)


def test_a_question_is_known_by_model_id_prompt_and_limit() -> None:
    """Another id, prompt, limit or model is another question; another check or type is the same, judged anew."""
    probe = PROBES[0]
    assert digest("m", probe) == digest("m", probe.model_copy(update={"reference": "x", "type": "math"}))
    others = [
        digest("n", probe),
        digest("m", probe.model_copy(update={"id": "other"})),
        digest("m", probe.model_copy(update={"prompt": "?"})),
    ]
    assert len({digest("m", probe), *others, digest("m", probe.model_copy(update={"max_output_tokens": 99}))}) == 5


def test_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    """No file, an empty one, or the same id twice is explained."""
    path = tmp_path / "probes.jsonl"
    with pytest.raises(ProbeFileError, match="no such file"):
        read_probes(path)
    path.write_text("\n")
    with pytest.raises(ProbeFileError, match="no probes"):
        read_probes(path)
    line = PROBES[0].model_dump_json()
    path.write_text(f"{line}\n{line}\n")
    with pytest.raises(ProbeFileError, match=r"probes\.jsonl:2: .* is the probe of line 1, too"):
        read_probes(path)
