"""Clusters in a running router: scores by a local encoder or by vectors that executors fetch; replay needs neither."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.doctor_kafka import clusters_check, configuration
from pointsman.cli import build_app
from pointsman.cluster_files import clusters_in
from schemas import topics as t
from schemas.control import DOCUMENT
from schemas.money import parse_usd
from streams import encoders
from streams.local_kafka import LocalKafka
from streams.replay import verify
from tests.documents import tenant
from tests.executed import bill, executing, simulator
from tests.scripted_executor import ScriptedExecutor
from tests.stage import Stage, everything, publish
from tests.stream.test_router import ask, settings_for, until_final, values

PROMPTS = {
    "coding": "Write a class in Python that counts the words of a file",
    "creative": "Write a story about two snails that run a hotel",
    "translation": "Translate into German: the shop opens at nine",
    "none": "the blue one near the window",
}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[Any], Stage]]:
    """Starts a router that is stopped at the end of the test."""
    stages: list[Stage] = []

    def start(settings: Any) -> Stage:
        stages.append(Stage(settings, tmp_path / "run", "router"))
        return stages[-1]

    yield start
    for stage in stages:
        stage.stop()


def test_scores_decide_live_and_replay_reads_what_was_stored(
    kafka: LocalKafka, prefix: str, started: Callable[[Any], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster decides in tier 3; history replays byte for byte where no encoder can be loaded (R6, A5)."""
    settings = settings_for(kafka, prefix, tenant("acme", policy="s2"))
    assert clusters_check(configuration(settings)).found == "tasks@1 by wordllama-256-v1"
    started(settings)
    executor = ScriptedExecutor(settings)
    publish(settings, [ask("acme", name, prompt=prompt) for name, prompt in PROMPTS.items()])
    until_final(settings, len(PROMPTS))
    executor.close()
    made = {one["request_id"]: one for one in values(everything(settings, t.DECISIONS), "decision.made")}
    assert all(one.get("cluster") == (None if name == "none" else name) for name, one in made.items())
    assert {one["tier"] for name, one in made.items() if name != "none"} == {3}
    classified = values(everything(settings, t.CLASSIFICATIONS))
    assert all(one["clusters"]["encoder"] == "wordllama-256-v1" for one in classified)
    assert all("wordllama-256-v1" in one["engine"].split("+") for one in classified)

    def load(name: str) -> None:
        raise encoders.EncoderUnavailableError(f"{name} is not here", "")

    monkeypatch.setattr(encoders, "load", load)
    report = verify(settings)
    assert report.mismatches == []
    assert report.equal


CLUSTERS = """kind: clusters
name: depot
encoder: text-embedding-3-small-256
embedding: {model: text-embedding-3-small, dimensions: 256, timeout_ms: 20000}
clusters:
  boats:
    description: Boats.
    because: it is about boats
    models: [gpt-4o]
    examples:
      - moor the ferry at the long pier
      - hoist the sail of the small ferry
  trains:
    description: Trains.
    because: it is about trains
    models: [gpt-4.1]
    examples:
      - couple the wagons of the night train
      - the night train waits at the signal
"""


def test_vectors_are_fetched_by_executors_once_and_replay_reads_the_log(
    kafka: LocalKafka, prefix: str, tmp_path: Path, started: Callable[[Any], Stage]
) -> None:
    """A vector is ordered, fetched, settled and kept; what it decides is decided again byte for byte (R6, B9)."""
    run_dir, file = tmp_path / "run", tmp_path / "depot.yaml"
    file.write_text(CLUSTERS, encoding="utf-8")
    with simulator(run_dir):
        rebuilt = CliRunner().invoke(
            build_app(), ["clusters", "rebuild", "--file", str(file), "--run-dir", str(run_dir)]
        )
        assert rebuilt.exit_code == 0, rebuilt.exception
        (clusters,) = clusters_in(file)
        use = {"document": "depot", "when": "always", "effect": "lock"}
        policy = DOCUMENT.validate_python({"kind": "policy", "name": "own", "clusters": use})
        acme = tenant("acme", policy="own", budget={"daily": 10})
        settings = settings_for(kafka, prefix, clusters, policy, acme).model_copy(update={"run_dir": run_dir})
        assert clusters_check(configuration(settings)).found.startswith("depot@1 by text-embedding-3-small-256,")
        started(settings)
        with executing(settings):
            publish(settings, [ask("acme", "first", prompt="the night train and the wagons wait")])
            until_final(settings, 1)
            publish(settings, [ask("acme", "again", prompt="The night train and the wagons wait")])
            publish(settings, [ask("acme", "other", prompt="purple evening colours please")])
            until_final(settings, 3)
    decisions = everything(settings, t.DECISIONS)
    orders = values(decisions, "advice.ordered")
    made = {one["request_id"]: one for one in values(decisions, "decision.made")}
    assert [one["request_id"] for one in orders] == ["first", "other"]
    assert {name: one.get("cluster") for name, one in made.items()} == {
        "first": "trains",
        "again": "trains",
        "other": None,
    }
    assert made["first"]["model"] == made["again"]["model"] == "gpt-4.1"
    calls = values(everything(settings, t.PROVIDER_CALLS), "call.finished")
    fetched = {one["decision_id"]: one for one in calls if one["purpose"] == "advice"}
    assert all("content" not in one and one["embedding"] for one in fetched.values())
    lines = bill(run_dir)
    settled = {one["decision_id"]: one["amount"] for one in values(everything(settings, t.LEDGER), "settled")}
    for order in orders:
        call = fetched[order["id"]]
        assert len(lines[call["attempt_id"]]) == 1
        assert settled[order["id"]] == call["cost"]
        assert 0 < parse_usd(call["cost"]) <= parse_usd(order["hold"]["amount"])
    by_request = {one["request_id"]: one for one in values(everything(settings, t.RESULTS), "result.final")}
    assert by_request["first"]["overhead"] == fetched[orders[0]["id"]]["cost"]
    assert by_request["again"].get("overhead", "0.000000000000") == "0.000000000000"
    report = verify(settings)
    assert report.mismatches == []
    assert report.equal
