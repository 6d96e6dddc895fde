from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from routing.catalog import CompiledConfig
from routing.centroids import with_example
from routing.clusters import ClusterTable
from routing.encoder import Encoder
from schemas.control_policy import PolicyDocument
from schemas.control_tenant import TenantDocument
from streams import encoders, engine, minilm, wordllama
from streams.cluster_source import ClusterSource, EncoderMemo, tables_in_use
from tests.brain import with_documents
from tests.unit.routing.toy_encoder import document, toy


def using(*policies: str) -> CompiledConfig:
    """Return a config whose tenants use policies with clusters of the toys; the first of them does."""
    made = [PolicyDocument.model_validate({"name": name, "clusters": {"document": "toys"}}) for name in policies]
    return with_documents(document(), *made, TenantDocument(name="t", policy=policies[0]))


def missing(_name: str) -> Encoder:
    raise encoders.EncoderUnavailableError("the encoder is not installed", "pip install it")


def test_the_memo_is_bounded_and_changes_nothing() -> None:
    """Ten texts through a memo of three, again and again: the same vectors, never more than three kept."""
    memo, plain = EncoderMemo(toy(), 3), toy()
    for _ in range(3):
        for number in range(10):
            text = f"rain number {number % 7}"
            assert memo.encode(text).tolist() == plain.encode(text).tolist()
            assert len(memo) <= 3
    assert (memo.id, memo.dimension, memo.exact) == (plain.id, plain.dimension, plain.exact)


def test_what_the_memo_keeps_cannot_be_changed() -> None:
    """A vector from the memo is read-only: nobody can change what the next one gets."""
    with pytest.raises(ValueError, match="read-only"):
        EncoderMemo(toy()).encode("rain")[0] = 7


def test_the_encoder_is_loaded_once() -> None:
    """However many texts are read, the encoder is loaded once."""
    loaded: list[str] = []

    def load(name: str) -> Encoder:
        loaded.append(name)
        return toy()

    source, table = ClusterSource(load), ClusterTable(document())
    assert source.read(table, "salt") == table.read("salt", toy())
    assert source.read(table, "rain") == table.read("rain", toy())
    assert loaded == ["toy-24-v1"]


def stale() -> ClusterTable:
    return ClusterTable(with_example(document(), "food", "peel the onions"))


@pytest.mark.parametrize(
    ("table", "load", "following"),
    [
        (lambda: ClusterTable(document()), missing, "pip install it"),
        (stale, lambda _name: toy(), "pointsman clusters rebuild toys"),
    ],
)
def test_what_is_missing_is_said_once_and_nothing_is_read(
    table: Callable[[], ClusterTable], load: Callable[[str], Encoder], following: str
) -> None:
    """Without an encoder, or with centroids of other examples, there are no scores and one line in the log (R6)."""
    source, made = ClusterSource(load), table()
    with capture_logs() as said:
        assert [source.read(made, "salt") for _ in range(3)] == [None] * 3
    assert [(line["event"], line["next"]) for line in said] == [("clusters not used", following)]


def test_only_clusters_that_tenants_use_are_prepared() -> None:
    """A router loads encoders for the policies its tenants name, and for no others."""
    assert [table.reference for table in tables_in_use(using("own"))] == ["tasks@1", "toys@1"]
    others = with_documents(TenantDocument(name="t", policy="default"))
    assert [table.reference for table in tables_in_use(others)] == ["tasks@1"]
    loaded: list[str] = []

    def load(name: str) -> Encoder:
        loaded.append(name)
        return toy()

    ClusterSource(load).prepare(using("own"))
    assert loaded == ["wordllama-256-v1", "toy-24-v1"]


def test_an_unknown_encoder_names_the_known_ones() -> None:
    """Asked for an encoder of another version, the message lists those of this one."""
    with pytest.raises(encoders.EncoderUnavailableError) as caught:
        encoders.load("wordllama-999-v9")
    assert wordllama.NAME in caught.value.next
    assert minilm.NAME in caught.value.next


@pytest.mark.parametrize(("module", "extra"), [(wordllama, "encoder"), (minilm, "onnx")])
def test_an_encoder_that_is_not_installed_names_the_command(
    module: Any, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its packages an encoder is not at hand, and loading it says what to install."""
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    module.load.cache_clear()
    try:
        with pytest.raises(encoders.EncoderUnavailableError) as caught:
            module.load()
    finally:
        module.load.cache_clear()
    assert caught.value.next == f"pip install 'pointsman[{extra}]'"


def test_weights_that_were_not_fetched_name_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A stage never fetches: without the jar the message names the command that does."""
    monkeypatch.setenv("POINTSMAN_CACHE", str(tmp_path_factory.mktemp("empty")))
    minilm.load.cache_clear()
    try:
        with pytest.raises(encoders.EncoderUnavailableError, match="not in"):
            minilm.load()
    finally:
        minilm.load.cache_clear()


def test_another_wheel_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights other than those the id means are not used under its name."""
    monkeypatch.setitem(wordllama._SHA256, wordllama._WEIGHTS, "0" * 64)
    wordllama.load.cache_clear()
    try:
        with pytest.raises(encoders.EncoderUnavailableError, match="other data"):
            wordllama.load()
    finally:
        wordllama.load.cache_clear()


def test_the_engine_tells_the_encoders_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an encoder or without it, the engine of decisions is another one, and says which."""
    for names in ((), (wordllama.NAME,)):
        monkeypatch.setattr(engine, "at_hand", lambda names=names: names)
        engine.engine_version.cache_clear()
        assert engine.engine_version().split("+")[2:] == list(names)
    engine.engine_version.cache_clear()
