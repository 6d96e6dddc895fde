"""`pointsman clusters`, and clusters documents changed in their files."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.shipped_config import CATALOG
from pointsman.cli import build_app
from pointsman.cli.errors import CliError
from pointsman.cluster_files import ClusterFileError, clusters_in, write_example
from streams import encoders

SMALL = """# kept: a remark
kind: clusters
name: mine
encoder: wordllama-256-v1
clusters:
  boats:
    description: Boats.
    because: it is about boats
    examples:
      - moor the ferry at the pier   # kept too
      - "hoist the sail: now"
  # before trains
  trains:
    description: Trains.
    because: it is about trains
    examples:
      - couple the wagons

      - the train to Basel is late
---
kind: flags
name: other
flags: {fast: true}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["clusters", *arguments])


def data(*arguments: str) -> Any:
    result = run(*arguments, "--output", "json")
    assert result.exit_code == 0, result.stderr or result.exception
    return json.loads(result.stdout)


def refused(*arguments: str) -> CliError:
    result = run(*arguments)
    assert isinstance(result.exception, CliError)
    return result.exception


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_shipped_clusters_are_listed_where_nothing_runs() -> None:
    """Without a running pointsman `list` and `test` show the clusters it comes with (R6)."""
    rows = data("list")
    assert [row["cluster"] for row in rows] == [
        "coding",
        "analysis",
        "creative",
        "simple_qa",
        "research",
        "math_logic",
        "translation",
    ]
    assert all(row["usable"] and 50 <= row["examples"] <= 100 and row["models"] for row in rows)


def test_a_prompt_is_shown_with_its_scores() -> None:
    """`test` ranks all clusters and marks the one that counts; where none does it says what it needs."""
    rows = data("test", "Translate into German: the shop opens at nine")
    assert (rows[0]["cluster"], rows[0]["counts"]) == ("translation", True)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    lines = run("test", "Translate into German: the shop opens at nine", "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == rows
    none = run("test", "hm")
    assert "none counts: the first needs 0.25 and 0.06 more than the second" in none.stderr


def test_rebuilding_changes_centroids_and_nothing_else(file: Path) -> None:
    """`rebuild --file` writes centroids into their document; a second time there is nothing to do."""
    assert data("rebuild", "--file", str(file)) == [
        {"document": "clusters/mine@1", "examples": 4, "centroids": ["wordllama-256-v1"], "changed": True}
    ]
    text = file.read_text(encoding="utf-8")
    head, _, tail = text.partition("centroids:\n")
    assert head + "---" + tail.partition("---")[2] == SMALL
    assert data("rebuild", "--file", str(file))[0]["changed"] is False
    assert file.read_text(encoding="utf-8") == text
    assert data("test", "the ferry", "--file", str(file))[0]["cluster"] == "boats"


def test_an_example_is_added_with_its_centroid(file: Path) -> None:
    """`add` puts the example behind the others, computes centroids again, and keeps remarks and other documents."""
    run("rebuild", "--file", str(file))
    data("add", "trains", 'the signal says: "stop"', "--file", str(file))
    (document,) = clusters_in(file)
    assert document.clusters["trains"].examples[-1] == 'the signal says: "stop"'
    assert all(row["usable"] for row in data("list", "--file", str(file)))
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[lines.index("      - the train to Basel is late") + 1] == '      - "the signal says: \\"stop\\""'
    assert {"# kept: a remark", "      - moor the ferry at the pier   # kept too", "  # before trains"} <= set(lines)
    data("add", "boats", "reef the mainsail", "--file", str(file), "--dry-run")
    assert file.read_text(encoding="utf-8").splitlines() == lines


def test_stale_centroids_are_said_and_not_used(file: Path) -> None:
    """Where examples changed by hand, `test` refuses, names the command, and `list` says it (R6)."""
    run("rebuild", "--file", str(file))
    (document,) = clusters_in(file)
    write_example(file, document, "boats", "drop anchor")
    assert refused("test", "the ferry", "--file", str(file)).hint == "pointsman clusters rebuild"
    listed = run("list", "--file", str(file))
    assert "its centroids of wordllama-256-v1 are not those of its examples" in listed.stderr


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("add", "planes", "x", "--file", "mine.yaml"), "no cluster planes", "one of: boats, trains"),
        (("add", "trains", "couple the wagons", "--file", "mine.yaml"), "has this example already", ""),
        (("test", "x", "--document", "none"), "no clusters document none", "pointsman config show clusters"),
        (("list", "--document", "none"), "no clusters document none", "pointsman config show clusters"),
        (("test", "x", "--file", "nowhere.yaml"), "no such file: nowhere.yaml", ""),
        (("add", "coding", "x"), "does not run", "--file FILE"),
        (("rebuild",), "does not run", "--file FILE"),
        (("rebuild", "--file", "mine.yaml", "--encoder", "odd-1"), "knows no encoder odd-1", "wordllama-256-v1"),
        (("fetch", "odd-1"), "knows no encoder odd-1", "minilm-l6-int8-v1"),
    ],
)
def test_errors_say_what_to_do(arguments: tuple[str, ...], message: str, hint: str, file: Path) -> None:
    """Every mistake names what is wrong and the command that helps."""
    error = refused(*arguments)
    assert message in error.message
    assert hint in error.hint


def test_without_the_packages_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the encoder is not installed the error is the exact command that installs it."""

    def load(_name: str) -> None:
        raise encoders.EncoderUnavailableError("the encoder is not installed", "pip install 'pointsman[encoder]'")

    monkeypatch.setattr(encoders, "load", load)
    assert refused("test", "hello").hint == "pip install 'pointsman[encoder]'"


def test_files_that_cannot_be_changed_in_place_say_so(tmp_path: Path) -> None:
    """JSON, and examples in brackets, are not rewritten; faults of the file are told with their lines."""
    path = tmp_path / "short.yaml"
    path.write_text(
        "kind: clusters\nname: s\nencoder: e-1\nclusters:\n"
        "  a: {description: d, because: so it is, examples: [x]}\n"
        "  b: {description: d, because: so it is, examples: [y]}\n"
    )
    (document,) = clusters_in(path)
    with pytest.raises(ClusterFileError, match="one to a line"):
        write_example(path, document, "a", "z")
    path.write_text("kind: clusters\nname: s\n")
    with pytest.raises(ClusterFileError, match=r"short\.yaml:1"):
        clusters_in(path)


def test_the_shipped_file_is_the_one_that_rebuilding_writes(tmp_path: Path) -> None:
    """Computed again, the shipped centroids are the same bytes, on any machine (R6)."""
    copy = tmp_path / "clusters.yaml"
    shutil.copy(CATALOG / "clusters.yaml", copy)
    assert data("rebuild", "--file", str(copy))[0]["changed"] is False
    assert copy.read_bytes() == (CATALOG / "clusters.yaml").read_bytes()
