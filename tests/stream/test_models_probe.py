"""Probing a new model over the command line, the real router and simulated providers: paid once, capped, told apart."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from schemas import topics as t
from schemas.money import parse_usd
from streams.local_kafka import LocalKafka
from streams.log_reader import read_range
from streams.replay import verify
from tests.installation import Installation, installed
from tests.waiting import eventually

MODEL = "gemini-3.1-pro"


@pytest.fixture(scope="module")
def here(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Installation]:
    """All stages on the shared broker."""
    with installed(kafka, tmp_path_factory.mktemp("probe")) as installation:
        yield installation


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four probes of which a simulated model passes every other one, whatever it answers."""
    path = tmp_path_factory.mktemp("files") / "own.jsonl"
    lines = [
        {
            "id": f"own-{number}",
            "type": ("math", "factual", "translation")[number % 3],
            "prompt": f"Say something, please: {number}",
            "check": {"kind": "regex", "pattern": r"\[simulated\]" if number % 2 else "never said"},
            "reference": "[simulated] yes" if number % 2 else "never said",
        }
        for number in range(24)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def probed(here: Installation, probes: Path, *more: str) -> dict[str, Any]:
    found: dict[str, Any] = here.json("models", "probe", MODEL, "--tenant", "harbor", "--probes", str(probes), *more)
    return found


def complete(here: Installation, probes: Path) -> dict[str, Any]:
    """Simulated providers fail now and then: what failed is asked again by the next run, and nothing else."""
    found = probed(here, probes)
    for _ in range(4):
        if found["all"]["failures"]:
            found = probed(here, probes)
    assert not found["all"]["failures"], found["probes"]
    return found


def finals(here: Installation) -> list[dict[str, Any]]:
    """Results of probes, from the log."""
    places = {(t.RESULTS, partition): 0 for partition in range(here.settings.partitions)}
    values = [json.loads(record.value or b"{}") for record in read_range(here.settings, places)]
    return [value for value in values if value["request_id"].startswith("probe-") and value.get("status")]


def test_probes_are_paid_once_and_teach_the_router(here: Installation, probes: Path) -> None:
    """Half pass; all cost is overhead; a second run asks nothing; published abilities move towards what was seen."""
    first = complete(here, probes)
    assert first["published"] == []
    assert first["all"]["probes"] == 24
    assert first["all"]["passed"] == 12
    assert first["all"]["low"] < 0.5 < first["all"]["high"]
    assert {row["type"] for row in first["types"]} == {"math", "factual", "translation"}
    paid = finals(here)
    assert all(value["overhead"] == value["cost"] for value in paid)
    second = probed(here, probes, "--publish")
    assert len(finals(here)) == len(paid)
    assert all(row["earlier"] for row in second["probes"])
    assert [key.partition("@")[0] for key in second["published"]] == ["tenant/harbor"]
    for ability in second["abilities"]:
        assert abs(ability["after_probes"] - 50) < abs(ability["catalog"] - 50)
    assert probed(here, probes, "--publish")["published"] == []
    told = here.run("models", "probe", MODEL, "--tenant", "harbor", "--probes", str(probes))
    assert "in the log already" in told.stderr
    assert "cannot tell" in told.stdout


def test_a_cap_of_all_probes_is_a_cap(here: Installation, probes: Path) -> None:
    """With little money few probes are asked, what they cost stays below it, and nothing is taught of too few."""
    limit = "0.016"
    found = probed(here, probes, "--again", "--max-cost", limit, "--publish")
    asked = [row for row in found["probes"] if row["request_id"] is not None]
    assert 0 < len(asked) < 24
    assert sum(parse_usd(row["cost"]) for row in asked) <= parse_usd(limit)
    assert found["published"] == []
    assert {row["reason"] for row in found["probes"] if row["request_id"] is None} == {"not asked: over --max-cost"}


def test_probes_teach_no_statistics_and_replay_alike(here: Installation) -> None:
    """An ordinary call of the model is counted, its probes are not; the log gives the same decisions (promise 3)."""
    here.run("submit", "Hello", "--tenant", "harbor", "--model", MODEL)

    def calls() -> int:
        places = {(t.MODEL_STATS, partition): 0 for partition in range(here.settings.partitions)}
        rows = [json.loads(record.value) for record in read_range(here.settings, places) if record.value]
        return sum(row["calls"] for row in rows if row.get("model") == MODEL)

    eventually(lambda: calls() >= 1, "the ordinary call is counted", 30)
    assert calls() == 1
    report = verify(here.settings)
    assert report.equal, report.mismatches


def test_what_cannot_be_probed_is_explained(here: Installation, tmp_path: Path) -> None:
    """An unknown model, a faulty file, all faults with their lines: nothing is asked."""
    assert "no single model" in here.run("models", "probe", "nothing-such", status=3).stderr
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b", "type": "math", "prompt": "1+1?", "reference": "3", '
                    '"check": {"kind": "number", "answer": "2"}}\n')  # fmt: skip
    told = here.run("models", "probe", MODEL, "--probes", str(path), status=2).stderr
    assert "bad.jsonl:1: type" in told
    assert "bad.jsonl:2: b: its own reference answer fails its check" in told
