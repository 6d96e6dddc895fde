"""`pointsman evaluate classifier`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pointsman.cli import build_app

KEYS = ("accuracy", "macro_f1", "ece", "coverage", "per_label", "per_language")
ROWS = [
    {"text": "Translate this sentence into Greek", "label": "translation"},
    {"text": "Write unit tests for the parser", "label": "testing"},
    {"text": "What is the capital of Chile?", "label": "simple_qa", "language": "en"},
    {"text": "17 * 23", "label": "puzzles"},
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["evaluate", "classifier", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_json_has_the_promised_keys(file: Path) -> None:
    """JSON has accuracy, macro_f1, ece, coverage, per_label and per_language, with value, low and high."""
    result = run(str(file), "--output", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert set(KEYS) <= set(found)
    for name in ("accuracy", "macro_f1", "ece"):
        assert {"value", "low", "high"} <= set(found[name])
    assert found["examples"] == 3
    assert found["left_out"] == {"puzzles": 1}
    assert set(found["per_label"]) == {"translation", "testing", "factual"}
    assert found["speed"]["p99_us"] >= found["speed"]["p50_us"] > 0


def test_a_file_of_labels_brings_the_rest_in(file: Path, tmp_path: Path) -> None:
    """With --labels all rows count, in table and in HTML."""
    labels = tmp_path / "map.yaml"
    labels.write_text("puzzles: math\n", encoding="utf-8")
    table = run(str(file), "--labels", str(labels))
    assert table.exit_code == 0
    assert "label math" in table.stdout
    page = run(str(file), "--labels", str(labels), "--output", "html")
    assert page.stdout.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "a"}\n', "a text and a label are needed"),
        ("{oops\n", "prompts.jsonl:1"),
        ('{"text": "a", "label": "unheard"}\n', "no label means a type of work"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, content: str, words: str) -> None:
    """A missing column, broken JSON or labels without meaning end as a usage error that names the place."""
    path = tmp_path / "prompts.jsonl"
    path.write_text(content, encoding="utf-8")
    result = run(str(path))
    assert result.exit_code != 0
    assert words in str(result.exception)


def test_another_taxonomy_is_judged(file: Path, tmp_path: Path) -> None:
    """--taxonomy judges a taxonomy of one's own, here one whose words decide alone."""
    shipped = Path("deploy/catalog/taxonomy.yaml").read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("\n".join(line for line in shipped.splitlines() if not line.startswith("classifier:")) + "\n")
    result = run(str(file), "--taxonomy", str(own), "--output", "json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["examples"] == 3
