"""Clusters in a running router: scores by the wheel's encoder are stored, and replay needs no encoder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.doctor_kafka import clusters_check, configuration
from schemas import topics as t
from streams import encoders
from streams.local_kafka import LocalKafka
from streams.replay import verify
from tests.documents import tenant
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
