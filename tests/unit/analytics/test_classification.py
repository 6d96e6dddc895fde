"""Figures of a classifier's evaluation, checked by hand-made counts."""

import math
from pathlib import Path

import pytest

from analytics.evaluation.classification import Judged, Tally, interval, report
from analytics.evaluation.classification_report import as_html, as_rows, remarks, shown
from analytics.evaluation.judging import Judge
from analytics.evaluation.labels import LabelsError, read_labels
from routing.words import TYPES
from tests.brain import shipped

RIGHT = [Judged("math", "math", 0.9, "en")] * 6
WRONG = [Judged("math", "factual", 0.5, "de")] * 2
OTHER = [Judged("factual", "factual", 0.7, "en")] * 2


def test_accuracy_and_f1_by_hand() -> None:
    """Accuracy is the share of right answers, macro F1 the mean over the labels that occur."""
    found = report(Tally.of([*RIGHT, *WRONG, *OTHER]))
    assert found["accuracy"]["value"] == 0.8
    assert found["macro_f1"]["value"] == pytest.approx((12 / 14 + 4 / 6) / 2, abs=1e-4)
    assert found["per_label"]["math"]["precision"] == 1.0
    assert found["per_label"]["math"]["recall"] == 0.75
    assert found["per_label"]["factual"]["precision"] == 0.5
    assert found["per_language"] == {"de": interval(0, 2), "en": interval(8, 8)}
    assert found["confusion"] == [{"truth": "math", "said": "factual", "count": 2}]


def test_calibration_error_by_hand() -> None:
    """The calibration error is the mean distance of confidence and accuracy, weighed by the prompts of a bin."""
    found = report(Tally.of([*RIGHT, *WRONG, *OTHER]))["ece"]
    assert found["value"] == pytest.approx((6 * 0.1 + 2 * 0.5 + 2 * 0.3) / 10, abs=1e-4)
    assert sum(part["n"] for part in found["bins"]) == 10


def test_coverage_by_hand() -> None:
    """Coverage says which share of prompts passes a threshold and how many of those are right."""
    found = report(Tally.of([*RIGHT, *WRONG, *OTHER]))["coverage"]
    assert found["0.6"]["value"] == 0.8
    assert found["0.6"]["accuracy"]["value"] == 1.0
    assert found["0.5"]["value"] == 1.0


def test_intervals_hold_the_figure() -> None:
    """Each interval holds its figure, and more prompts make it narrower."""
    for right, count in [(0, 5), (5, 5), (3, 9), (300, 900)]:
        part = interval(right, count)
        assert part["low"] <= part["value"] <= part["high"]
    assert interval(300, 900)["high"] - interval(300, 900)["low"] < interval(3, 9)["high"] - interval(3, 9)["low"]
    few, many = report(Tally.of([*RIGHT, *WRONG])), report(Tally.of([*RIGHT, *WRONG] * 50))
    for name in ("macro_f1", "ece"):
        assert many[name]["low"] <= many[name]["value"] <= many[name]["high"]
        assert many[name]["high"] - many[name]["low"] < few[name]["high"] - few[name]["low"]


def test_nothing_to_judge_has_no_figures() -> None:
    """Without prompts there is no accuracy, and no division by nothing."""
    found = report(Tally())
    assert found["accuracy"] == {"value": None, "low": None, "high": None, "n": 0}
    assert found["ece"]["value"] is None
    assert shown(found["accuracy"]) == "-"


def test_labels_of_others(tmp_path: Path) -> None:
    """A file maps labels to a type, to several types of which any is right, or leaves them out."""
    path = tmp_path / "map.yaml"
    path.write_text("gsm8k: math\ncoding: [code-generation, debugging]\nnoise: null\n", encoding="utf-8")
    labels = read_labels(path, shipped().taxonomy_of("t"))
    assert labels.compared("gsm8k", "math") == ("math", "math")
    assert labels.compared("gsm8k", "debugging") == ("math", "coding")
    assert labels.compared("coding", "debugging") == ("coding", "coding")
    assert labels.compared("coding", "math") == ("coding", "math")
    assert labels.compared("noise", "math") is None
    assert labels.compared("creative_writing", "creative") == ("creative", "creative")
    assert labels.compared("unheard of", "math") is None


@pytest.mark.parametrize(
    ("text", "words"), [("a: mathematics\n", "no type of work"), ("- a\n", "one line"), ("a: [\n", "map.yaml")]
)
def test_bad_files_of_labels_are_refused(tmp_path: Path, text: str, words: str) -> None:
    """A file that names an unknown type, or is no mapping, is refused with its name."""
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabelsError, match=words):
        read_labels(path, shipped().taxonomy_of("t"))


def test_the_judge_answers_as_the_router_does() -> None:
    """A prompt is judged by the shipped configuration; what no request may hold is cut or replaced."""
    judge = Judge(shipped())
    said, confidence, language = judge.answer(judge.request("Translate this letter into Polish, please"))
    assert (said, language) == ("translation", "en")
    assert 0 < confidence <= 1
    for text in ("", "x" * 200_000, "\ud800"):
        answer = judge.answer(judge.request(text))
        assert answer[0] in TYPES
        assert math.isfinite(answer[1])


def test_reports_show_every_figure_and_escape_labels() -> None:
    """The table has a line per figure; the page of HTML escapes what comes from the data."""
    tally = Tally.of([*RIGHT, Judged("<b>", "math", 0.4, "en")])
    found = {**report(tally), "examples": 7, "left_out": {"odd": 3}, "speed": {"p50_us": 80.0, "p99_us": 200.0}}
    whats = [row["what"] for row in as_rows(found)]
    assert {"accuracy", "macro F1", "calibration error", "label math", "language en", "<b> taken for math"} <= set(
        whats
    )
    assert any("odd (3)" in line for line in remarks(found))
    page = as_html(found)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
