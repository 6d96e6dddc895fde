import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from analytics.evaluation.comparison import Report
from analytics.evaluation.matrix import Matrix
from analytics.evaluation.router import EvaluationError, evaluate
from analytics.evaluation.router_report import as_html, as_json, as_rows
from analytics.evaluation.splits import EvaluationSettings
from pointsman.cli import build_app
from routing.quality_training import TrainingSettings

_SPEC = importlib.util.spec_from_file_location("planted", Path(__file__).with_name("planted.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
_planted = importlib.util.module_from_spec(_SPEC)
sys.modules["planted"] = _planted
_SPEC.loader.exec_module(_planted)
planted, costs_of, MODELS, COSTS = _planted.planted, _planted.costs_of, _planted.MODELS, _planted.COSTS

QUICK = EvaluationSettings(
    splits=2, resamples=200, training=TrainingSettings(clusters=16, restarts=3, trees=40, rate=0.15, dimensions=12)
)
FIGURES = ("accuracy", "cost", "apgr", "cpt50", "cpt80", "saving_at_equal_quality")
BASELINES = {"random", "best_single", "length_only", "task_label", "knn", "oracle"}


@pytest.fixture(scope="module")
def report() -> Report:
    matrix = planted(900, 11)
    found = evaluate(matrix, costs_of(matrix), QUICK)
    return dataclasses.replace(found, facts={**found.facts, "cost_unit": "units"})


def test_a_planted_signal_is_found(report: Report) -> None:
    """Where models are good at different kinds of prompts, the router beats the best single one and saves (R16, N2)."""
    router = report.policies["router"]
    assert router.lift.low is not None
    assert router.lift.low > 0.03
    assert router.saving.value is not None
    assert router.saving.value > 0.2
    assert router.apgr.value is not None
    assert router.apgr.value > 0.7
    length = report.policies["length_only"].accuracy.value
    assert router.accuracy.value is not None
    assert length is not None
    assert router.accuracy.value > length + 0.03


def test_fixed_policies_have_their_known_quality(report: Report) -> None:
    """Random, best single and oracle lie where the planted chances put them."""
    policies = report.policies
    assert policies["best_single"].accuracy.value == pytest.approx((0.5 + 0.85 + 0.8) / 3, abs=0.05)
    assert policies["random"].accuracy.value == pytest.approx(np.mean([1.7 / 3, 1.55 / 3, 0.8]), abs=0.04)
    assert policies["best_single"].cost.value == 8.0
    oracle = policies["oracle"].accuracy.value
    assert oracle is not None
    assert all(found.accuracy.value is not None and found.accuracy.value <= oracle for found in policies.values())


def test_scores_that_have_nothing_to_do_with_prompts_give_no_lift() -> None:
    """With shuffled scores the lift is within noise: nothing leaks from the test part (R16)."""
    matrix = planted(900, 12, shuffled=True)
    router = evaluate(matrix, costs_of(matrix), QUICK).policies["router"]
    assert router.lift.low is not None
    assert router.lift.high is not None
    assert router.lift.low <= 0.01
    assert router.lift.high >= -0.04
    assert router.apgr.value is not None


def test_the_report_has_its_keys(report: Report) -> None:
    """Every figure is an object with value, low and high; every baseline has its accuracy."""
    document = json.loads(json.dumps(as_json(report)))
    assert set(document["baselines"]) == BASELINES
    for figure in [*(document[name] for name in FIGURES), *document["baselines"].values()]:
        assert figure["low"] <= figure["value"] <= figure["high"]


def test_expected_quality_is_what_comes(report: Report) -> None:
    """On data that is learned well, expectations are right on average, and the bins add up to all predictions."""
    document = as_json(report)["calibration"]
    assert document["all"]["ece"]["value"] < 0.08
    assert document["corrected"]["ece"]["value"] < 0.08
    assert document["all"]["ece"]["low"] <= document["all"]["ece"]["high"]
    assert 0.7 < report.line.slope < 1.6
    questions = 2 * round(0.2 * report.facts["questions"])
    assert sum(each["count"] for each in document["all"]["bins"]) == questions * len(MODELS)
    assert sum(each["count"] for each in document["chosen"]["bins"]) == questions
    for each in document["all"]["bins"]:
        assert each["low"] <= each["expected"] <= each["high"]


def test_the_page_stands_alone(report: Report) -> None:
    """The HTML report has table and chart and asks nothing of the network; the table has a row per policy."""
    page = as_html(report)
    assert "<svg" in page
    assert "src=" not in page
    assert "href=" not in page
    assert page.count("http") == page.count('xmlns="http://www.w3.org/2000/svg"')
    assert len(as_rows(report)) == 7


def test_the_same_seed_gives_the_same_report() -> None:
    """An evaluation is repeated to the last digit."""
    matrix = planted(200, 13)
    tiny = dataclasses.replace(QUICK, splits=1, resamples=50)
    one, two = (_document(matrix, tiny) for _ in range(2))
    assert one == two


def _document(matrix: Matrix, settings: EvaluationSettings) -> dict[str, Any]:
    return as_json(evaluate(matrix, costs_of(matrix), settings))


def test_too_few_questions_are_refused() -> None:
    """Of a handful of questions nothing is said."""
    matrix = planted(20, 14)
    with pytest.raises(EvaluationError, match="at least 50 different questions, here are 20"):
        evaluate(matrix, costs_of(matrix))


def _files(folder: Path, count: int, seed: int = 15) -> tuple[Path, Path]:
    matrix = planted(count, seed)
    path = folder / f"matrix{seed}.jsonl"
    rows = zip(matrix.prompts, matrix.tasks, matrix.scores.tolist(), strict=True)
    path.write_text(
        "".join(
            json.dumps({"query": prompt, "task": task, "scores": dict(zip(MODELS, scores, strict=True))}) + "\n"
            for prompt, task, scores in rows
        )
    )
    prices = folder / "prices.json"
    prices.write_text(
        json.dumps(
            {name: {"input_price": cost, "output_price": cost} for name, cost in zip(MODELS, COSTS, strict=True)}
        )
    )
    return path, prices


def _cli(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(build_app(), ["evaluate", "router", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, result.stdout


def test_the_command_judges_saves_and_judges_what_it_saved(tmp_path: Path) -> None:
    """`evaluate router` prints JSON, saves the same artefact byte by byte, and judges it on other questions."""
    path, prices = _files(tmp_path, 150)
    names, chart = tmp_path / "names.yaml", tmp_path / "reliability.svg"
    names.write_text("code: work\nprose: work\n")
    code, text = _cli(path, "--labels", names, "--splits", 1, "--output", "json", "--reliability-chart", chart)
    assert (code, json.loads(text)["tasks"]) == (0, 2)
    assert chart.read_text().startswith("<svg")
    artefact, again = tmp_path / "quality.json", tmp_path / "again" / "quality.json"
    again.parent.mkdir()
    code, text = _cli(path, "--prices", prices, "--splits", 1, "--output", "json", "--save", artefact)
    assert code == 0
    assert json.loads(text)["questions"] == 150
    assert _cli(path, "--prices", prices, "--splits", 1, "--save", again)[0] == 0
    assert artefact.read_bytes() == again.read_bytes()
    other, _ = _files(tmp_path, 120, 16)
    code, text = _cli(other, "--prices", prices, "--artefact", artefact, "--splits", 1, "--output", "json")
    assert code == 0
    assert json.loads(text)["accuracy"]["value"] > 0.6
    code, text = _cli(path, "--prices", prices, "--artefact", artefact, "--splits", 1)
    assert code == 1
    assert "was trained on these very questions" in text


def test_mistakes_at_the_command_line_are_explained(tmp_path: Path) -> None:
    """A wrong file, price list or artefact is named."""
    path, prices = _files(tmp_path, 60)
    assert "there is no such file" in _cli(tmp_path / "none.csv")[1]
    (tmp_path / "half.json").write_text('{"cheap": {"input_price": 1, "output_price": 1}}')
    assert "no price for coder, writer" in _cli(path, "--prices", tmp_path / "half.json")[1]
    (tmp_path / "broken.json").write_text("{")
    assert "not JSON" in _cli(path, "--prices", tmp_path / "broken.json")[1]
    assert "no quality model" in _cli(path, "--prices", prices, "--artefact", prices)[1]
