"""The page: every number of the seeds has a line, what is not measured says so."""

import json
from pathlib import Path

import pytest

from analytics.evaluation.intervals import Estimate
from tests.success.page import document
from tests.success.page_rest import UNMEASURED, public_part, speed_part
from tests.success.public import read
from tests.success.report import Line, Part, table
from tests.success.speed import EMBEDDING_TIER, Speed

MEASURED = ("N2", "N3", "N4", "N5", "N6", "N9", "N12", "N15")


def figures(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def test_every_number_is_measured_or_listed_as_not() -> None:
    """N1 to N19 are either measured or named as not measured yet, never both."""
    later = [name for name, _ in UNMEASURED]

    assert sorted([*MEASURED, *later], key=lambda name: int(name[1:])) == [f"N{at}" for at in range(1, 20)]


def test_lines_stand_in_the_order_of_their_numbers() -> None:
    """The summary is ordered by number, verdicts that are sure are bold."""
    lines = [
        Line("N12", "g", "w", "m", "cannot tell", "simulated"),
        Line("N2", "g", "w", "m", "missed", "simulated"),
    ]

    page = document([Part("p", lines, ["text"])], 10)

    assert page.index("| N2 |") < page.index("| N12 |")
    assert "| **missed** |" in page
    assert "| cannot tell |" in page
    assert page.endswith("## p\n\ntext\n")


def test_public_data_is_read_from_an_evaluation(tmp_path: Path) -> None:
    """The gain is relative to the best single model, and judged with its interval."""
    path = tmp_path / "report.json"
    path.write_text(
        json.dumps(
            {
                "accuracy": figures(0.66, 0.64, 0.68),
                "baselines": {"best_single": figures(0.6, 0.58, 0.62), "oracle": figures(0.9, 0.88, 0.92)},
                "lift_over_best_single": figures(0.06, 0.03, 0.09),
            }
        )
    )

    found = read(path)
    (line,) = public_part(found).lines

    assert found.gain.as_json() == Estimate(0.1, 0.05, 0.15).as_json()
    assert found.most == pytest.approx(0.5)
    assert line.verdict == "missed"


def test_without_a_file_public_data_is_not_measured() -> None:
    """The line says so and where the figures are."""
    (line,) = public_part(None).lines

    assert line.verdict == "not measured"
    assert "routing-quality.md" in line.measured


def test_speed_is_judged_by_the_99th_percentile() -> None:
    """A median within the goal is not enough; the tier of an encoder that is not there is not measured."""
    lines = speed_part([Speed("slow", 1, 12, 10), Speed("fast", 1, 2, 10)], 100).lines

    assert [line.verdict for line in lines] == ["missed", "met", "not measured"]


def test_an_encoder_that_is_there_is_measured() -> None:
    """With the time of an encoder, nothing is left to measure."""
    lines = speed_part([Speed(f"{EMBEDDING_TIER}, small", 1, 12, 50)], 100).lines

    assert [line.verdict for line in lines] == ["met"]


def test_tables_are_markdown() -> None:
    """A head, a rule, and the rows."""
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
