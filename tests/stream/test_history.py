"""What the log's own history teaches, from the records of a real broker to a published document."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from deploy.shipped_config import shipped_documents
from pointsman.config_store import read_store
from schemas.control_predictor import PredictorDocument
from schemas.partition import partition_for
from streams.settings import Settings
from tests.installation import Installation
from tests.past_world import APART, EXPLORING, SURE, TENANT, config, documents, events
from tests.stage import prepared, publish

COUNT = 700


def _history(settings: Settings, exploration: Mapping[str, float], count: int) -> Installation:
    prepared(settings, [*shipped_documents(), *documents(exploration)])
    partition = partition_for(TENANT, settings.partitions)
    said = events(config(exploration), APART, count, partition=partition, since=datetime.now(UTC))
    publish(settings, (each.event.to_output(each.topic) for each in said))
    return Installation(settings)


def test_history_is_learned_published_and_rescored(settings: Settings) -> None:
    """Explored history becomes a predictor of the log with its training; a second run finds nothing to publish (R16).

    Another router is decided on the same history, with the worth of its choices (A5).
    """
    here = _history(settings, EXPLORING, COUNT)
    train = ("predictor", "train", "--name", "own", "--tenant", TENANT, "--no-wait")
    dry = here.json(*train, "--dry-run")
    assert (dry["verdict"], dry["published"]) == ("better", None)
    assert "predictor/own" not in read_store(settings).current
    done = here.json(*train)
    assert (done["verdict"], done["rewarded"], done["decisions"]) == ("better", COUNT, COUNT)
    assert done["published"][-1] == "predictor/own@1"
    document = read_store(settings).document("predictor", "own")
    assert isinstance(document, PredictorDocument)
    assert document.facts["learned_from"] == "history"
    assert document.facts["command"] == f"pointsman predictor train --name own --tenant {TENANT} --seed 0"
    assert document.facts["metrics"]["lift"]["low"] > 0
    assert here.json(*train)["published"] == []
    expected = {
        row["model"]: float(row["expected_quality"])
        for row in here.json("predictor", "show", "own", "--prompt", "a poem of the river and its sorrow")
    }
    assert max(expected, key=lambda model: expected[model]) == "claude-haiku-4.5"
    found = here.json("replay", "rescore", "--router", "exploring", "--tenant", TENANT)
    assert found["decisions"] == COUNT
    assert 0 < found["changed"] < COUNT
    assert found["covered_share"] == 1.0
    assert here.run("replay", "rescore", "--router", "nothing", "--tenant", TENANT, status=3).stdout == ""


@pytest.mark.parametrize("days", [(), ("--days", "1")])
def test_history_without_exploration_is_refused(settings: Settings, days: tuple[str, ...]) -> None:
    """Where no decision was explored nothing is published, and the answer says what is missing (R16, A5)."""
    here = _history(settings, SURE, 60)
    done = here.run("predictor", "train", "--name", "own", "--tenant", TENANT, "--no-wait", *days, status=6)
    assert "no overlap" in done.stdout
    assert "A router that explores" in done.stderr
    assert "predictor/own" not in read_store(settings).current
    told = here.run("replay", "rescore", "--router", "latency-first", "--tenant", TENANT, *days, status=6)
    assert "no estimate of quality" in told.stderr
    fitted = here.run("config", "fit-weights", "--tenant", TENANT, *days, status=6)
    assert "20 are needed" in fitted.stderr
    assert read_store(settings).current[f"tenant/{TENANT}"].version == 1
