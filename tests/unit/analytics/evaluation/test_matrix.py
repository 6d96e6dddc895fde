import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.evaluation.matrix import Columns, read_matrix, read_tasks, renamed
from analytics.evaluation.names import NamesError
from analytics.evaluation.rows import MatrixError

ROWS = [
    {"question": "one  plus one", "scores": {"small": 1.0, "large": 1.0}},
    {"question": "prove it", "scores": {"small": 0.0, "large": 1.0}},
    {"question": "one plus one\n", "scores": {"small": 0.5, "large": 1.0}},
]


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {"question": row["question"], **row["scores"]}


def _files(folder: Path) -> list[Path]:
    csv = "question,small,large\n" + "".join(
        f'"{row["question"]}",{row["scores"]["small"]},{row["scores"]["large"]}\n'  # type: ignore[index]
        for row in ROWS
    )
    parquet = folder / "m.parquet"
    pq.write_table(pa.Table.from_pylist([_flat(row) for row in ROWS]), parquet)
    nested = folder / "nested.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), nested)
    return [
        _write(folder / "m.csv", csv),
        _write(folder / "m.json", json.dumps(ROWS, indent=1)),
        _write(folder / "m.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
        _write(folder / "flat.jsonl", "".join(json.dumps(_flat(row)) + "\n" for row in ROWS)),
        parquet,
        nested,
    ]


def test_every_format_holds_the_same_matrix(tmp_path: Path) -> None:
    """CSV, JSON, JSONL and Parquet, with scores as an object or as columns, read alike (R16)."""
    for path in _files(tmp_path):
        matrix = read_matrix([path])
        by_model = dict(zip(matrix.models, matrix.scores.T.tolist(), strict=True))
        assert by_model == {"small": [0.75, 0.0], "large": [1.0, 1.0]}, path.name
        assert matrix.rows == 3


def test_questions_scored_twice_are_one_question_and_tell_the_noise(tmp_path: Path) -> None:
    """A question that stands twice counts once, with the mean of its scores, and its disagreement is reported."""
    path = _write(tmp_path / "m.json", json.dumps(ROWS))
    noise = read_matrix([path]).noise
    assert (noise.repeated, noise.disagreeing, noise.cells, noise.cells_disagreeing) == (1, 1, 2, 1)
    assert noise.mean_difference == 0.25


def test_several_files_are_one_matrix(tmp_path: Path) -> None:
    """Files of the same models add up whatever the order of their models; of other models they are refused."""
    one = _write(tmp_path / "a.jsonl", json.dumps({"prompt": "a", "x": 1, "y": 0}))
    two = _write(tmp_path / "b.jsonl", json.dumps({"prompt": "b", "y": 1, "x": 0}))
    assert read_matrix([one, two]).scores.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    odd = _write(tmp_path / "c.jsonl", json.dumps({"prompt": "b", "y": 1, "z": 0}))
    with pytest.raises(MatrixError, match=r"c\.jsonl: the files have different models: x, z"):
        read_matrix([one, odd])


def test_tasks_come_from_a_column_or_a_file(tmp_path: Path) -> None:
    """Tasks are read beside the scores or from another file of the same questions."""
    inside = _write(tmp_path / "a.jsonl", json.dumps({"prompt": "a", "task": "sums", "x": 1, "y": 0}))
    assert read_matrix([inside]).tasks == ("sums",)
    outside = _write(tmp_path / "b.jsonl", json.dumps({"prompt": "a  b", "x": 1, "y": 0}))
    names = _write(tmp_path / "t.jsonl", json.dumps({"query": "a b", "task_name": "words"}))
    assert read_matrix([outside], tasks=read_tasks(names)).tasks == ("words",)
    assert read_matrix([outside]).tasks is None


def test_tasks_are_renamed_and_merged(tmp_path: Path) -> None:
    """A file of names merges tasks or takes them away; without tasks it is refused."""
    rows = [{"prompt": name, "task": name, "x": 1, "y": 0} for name in ("gsm8k", "algebra", "poems")]
    matrix = read_matrix([_write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))])
    assert renamed(matrix, {"gsm8k": "math", "algebra": "math", "poems": None}).tasks == ("math", "math", "")
    bare = renamed(matrix, dict.fromkeys(("gsm8k", "algebra", "poems")))
    assert bare.tasks is None
    with pytest.raises(NamesError, match="names no tasks"):
        renamed(bare, {})


def test_measured_costs_are_read(tmp_path: Path) -> None:
    """Columns MODEL|total_cost hold what each answer cost; other columns with a bar are no models."""
    text = "prompt,x,y,x|total_cost,y|total_cost,x|seconds\nhello,1,0,0.5,0.25,3\n"
    matrix = read_matrix([_write(tmp_path / "m.csv", text)])
    assert matrix.models == ("x", "y")
    assert matrix.costs is not None
    assert matrix.costs.tolist() == [[0.5, 0.25]]


def test_rows_with_gaps_are_counted_and_left_out(tmp_path: Path) -> None:
    """A row without a score for every model is left out and counted."""
    text = "prompt,x,y\na,1,0\nb,,1\nc,NaN,1\nd,true,false\n"
    matrix = read_matrix([_write(tmp_path / "m.csv", text)])
    assert (matrix.prompts, matrix.incomplete, matrix.rows) == (("a", "d"), 2, 4)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.txt", "x", r"m\.txt: unknown kind of file"),
        ("m.csv", "", r"m\.csv: there are no rows"),
        ("m.csv", "prompt,x,y\n", r"m\.csv: there are no rows"),
        ("m.csv", 'prompt,x,y\n"two\nlines",1,0\nb,1\n', r"m\.csv:4: 2 values for 3 columns"),
        ("m.csv", "prompt,x,x\na,1,0\n", r"m\.csv:1: two columns have the same name"),
        ("m.csv", "words,x,y\na,1,0\n", r"m\.csv:2: no column with the prompt"),
        ("m.csv", "prompt,x\na,1\n", r"m\.csv:2: needs an object `scores`.*found: x"),
        ("m.csv", "prompt,x,y\n" + "a,1,0\n" * 150 + "a,good,0\n", r"m\.csv:152: the score of x is no number"),
        ("m.csv", "prompt,x,y\na,inf,0\n", r"m\.csv:2: the score of x is infinite"),
        ("m.csv", "prompt,x,y\n ,1,0\n", r"m\.csv:2: column 'prompt' holds no text"),
        ("m.csv", "prompt,x,y\na,,0\n", r"m\.csv:2: needs an object"),
        ("m.jsonl", '{"prompt": "a", "x": 1, "y": 0}\n{oops\n', r"m\.jsonl:2: not JSON"),
        ("m.jsonl", "[1]\n", r"m\.jsonl:1: a row is an object"),
        ("m.json", '[{"prompt": "a", "x": 1, "y": 0},\n {"prompt" "b"}]', r"m\.json:2: not JSON"),
        ("m.json", '[{"prompt": "a", "x": 1, "y": 0}', r"m\.json:1: the array does not end"),
        ("m.json", '[{"prompt": "a", "x": 1, "y": 0}]\n7', r"m\.json:2: something follows"),
        ("m.jsonl", '{"prompt": "a", "scores": 3}\n', r"m\.jsonl:1: column 'scores' holds no object"),
        (
            "m.jsonl",
            '{"prompt": "a", "scores": {"x": 1, "y": 0}}\n{"prompt": "b", "scores": {"x": 1, "w": 0}}\n',
            r"m\.jsonl:2: a score for 'w'",
        ),
        (
            "m.jsonl",
            '{"prompt": "a", "scores": {"x": 1, "y": null}}\n',
            r"m\.jsonl: no row has a score for every model; y lacks 1 of 1",
        ),
        ("m.parquet", "no", r"m\.parquet: not Parquet"),
    ],
)
def test_bad_input_is_explained_with_its_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    """What cannot be read is said with file, line and reason."""
    with pytest.raises(MatrixError, match=message):
        read_matrix([_write(tmp_path / name, text)])


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    """A file or column that is not there is named."""
    with pytest.raises(MatrixError, match="there is no such file"):
        read_matrix([tmp_path / "none.csv"])
    path = _write(tmp_path / "m.csv", "prompt,x,y\na,1,0\n")
    with pytest.raises(MatrixError, match=r"there is no column 'q' \(there are: prompt, x, y\)"):
        read_matrix([path], Columns(prompt="q"))


def test_a_large_json_array_is_read_in_pieces(tmp_path: Path) -> None:
    """An array much longer than one piece of reading gives every row (N9)."""
    rows = [{"prompt": f"{index} " + "word " * 200, "x": index % 2, "y": 1} for index in range(3000)]
    matrix = read_matrix([_write(tmp_path / "m.json", json.dumps(rows))])
    assert len(matrix.prompts) == 3000
    assert np.array_equal(matrix.scores[:, 0], np.arange(3000) % 2)
