"""An evaluation matrix: the score of every model on every question, read from a file of anybody's."""

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from analytics.evaluation.names import NamesError
from analytics.evaluation.rows import MatrixError, Row, read_rows

FloatArray = npt.NDArray[np.float64]

PROMPT_COLUMNS: Final = ("prompt", "question", "query", "text", "input", "instruction")
TASK_COLUMNS: Final = ("task", "task_name", "eval_name", "category", "dataset", "subject")
SCORES_COLUMN: Final = "scores"
COST_SUFFIX: Final = "|total_cost"
"""Columns ``MODEL|total_cost`` hold what an answer did cost, in dollars."""
_NOT_MODELS: Final = frozenset(
    {
        "id",
        "index",
        "idx",
        "row",
        "sample_id",
        "question_id",
        "query_id",
        "cluster",
        "cluster_id",
        "split",
        "seed",
        "fold",
    }
)
_PEEK: Final = 100
"""Rows looked at to tell which columns are models."""
_SAME: Final = 1e-9
_SHOWN: Final = 60


@dataclass(frozen=True)
class Columns:
    """Names of the columns, where the usual ones are not meant."""

    prompt: str | None = None
    task: str | None = None


@dataclass(frozen=True)
class LabelNoise:
    """What questions scored more than once tell about the scores."""

    repeated: int
    """Questions that stand more than once."""
    disagreeing: int
    """Of them, those with another score for at least one model."""
    cells: int
    """Scores of one model on one repeated question."""
    cells_disagreeing: int
    mean_difference: float
    """Mean over the cells of highest minus lowest score."""


@dataclass(frozen=True)
class Matrix:
    """Scores by question and model; every question once, the mean where it was scored again."""

    models: tuple[str, ...]
    prompts: tuple[str, ...]
    tasks: tuple[str, ...] | None
    """One per prompt, or None where the file names no tasks."""
    scores: FloatArray
    """Shape (prompts, models)."""
    costs: FloatArray | None
    """Shape (prompts, models): dollars per answer as measured, or None."""
    rows: int
    incomplete: int
    """Rows left out because a model has no score there."""
    noise: LabelNoise

    def take(self, chosen: npt.NDArray[np.intp]) -> "Matrix":
        """Return the rows ``chosen``, in that order."""
        return Matrix(
            self.models,
            tuple(self.prompts[index] for index in chosen),
            None if self.tasks is None else tuple(self.tasks[index] for index in chosen),
            self.scores[chosen],
            None if self.costs is None else self.costs[chosen],
            len(chosen),
            0,
            self.noise,
        )


def question_key(prompt: str) -> str:
    """Return what makes two prompts the same question: their words, whatever the white space."""
    return " ".join(prompt.split())


def read_matrix(
    paths: Sequence[Path], columns: Columns | None = None, tasks: Mapping[str, str] | None = None
) -> Matrix:
    """Read one matrix from files of the same models (CSV, Parquet, JSON, JSONL), row by row.

    ``tasks`` names the task of questions by `question_key`, for files without a task column.
    Raises `MatrixError` with file and line.
    """
    collector = _Collector(columns or Columns(), tasks or {})
    for path in paths:
        collector.read(path)
    return collector.matrix(paths)


def read_tasks(path: Path, columns: Columns | None = None) -> dict[str, str]:
    """Read a file of questions with their task by `question_key`; the first one of a question counts."""
    wanted = columns or Columns()
    found: dict[str, str] = {}
    for row in read_rows(path):
        prompt = _named(row, wanted.prompt, PROMPT_COLUMNS, "prompt")
        task = _named(row, wanted.task, TASK_COLUMNS, "task")
        found.setdefault(question_key(_text(row, prompt)), _text(row, task))
    return found


def renamed(matrix: Matrix, names: Mapping[str, str | None]) -> Matrix:
    """Return the matrix with its tasks called as ``names`` says (None: no task). Raise `NamesError` without tasks."""
    if matrix.tasks is None:
        raise NamesError("the matrix names no tasks that could be renamed")
    tasks = tuple(names.get(task, task) or "" for task in matrix.tasks)
    return replace(matrix, tasks=tasks if any(tasks) else None)


class _Collector:
    """Gathers rows of one or several files: each question once, sums of its scores."""

    def __init__(self, columns: Columns, tasks: Mapping[str, str]) -> None:
        self._columns = columns
        self._given_tasks = tasks
        self._models: tuple[str, ...] = ()
        self._has_costs = False
        self._index: dict[str, int] = {}
        self._prompts: list[str] = []
        self._tasks: list[str] = []
        self._sums = array("d")
        self._lows = array("d")
        self._highs = array("d")
        self._costs = array("d")
        self._counts = array("q")
        self._rows = 0
        self._incomplete = 0
        self._gaps: dict[str, int] = {}

    def read(self, path: Path) -> None:
        rows = read_rows(path)
        head = [row for _, row in zip(range(_PEEK), rows, strict=False)]
        if not head:
            raise MatrixError("there are no rows", path)
        shape = _Shape(head, self._columns)
        if self._models and set(shape.models) != set(self._models):
            odd = sorted(set(shape.models) ^ set(self._models))
            raise MatrixError(f"the files have different models: {', '.join(odd)}", path)
        self._models = self._models or shape.models
        self._has_costs = shape.costs and (self._has_costs or self._rows == 0)
        for row in _chain(head, rows):
            self._add(row, shape)

    def _add(self, row: Row, shape: "_Shape") -> None:
        self._rows += 1
        prompt = _text(row, shape.prompt)
        scores = shape.scores(row, self._models)
        missing = [name for name, score in zip(self._models, scores, strict=True) if math.isnan(score)]
        if missing:
            self._incomplete += 1
            for name in missing:
                self._gaps[name] = self._gaps.get(name, 0) + 1
            return
        costs = shape.measured(row, self._models) if self._has_costs else [0.0] * len(self._models)
        key = question_key(prompt)
        at = self._index.get(key)
        if at is None:
            self._index[key] = len(self._prompts)
            self._prompts.append(prompt)
            self._tasks.append(self._task(row, shape, key))
            self._counts.append(1)
            for held in (self._sums, self._lows, self._highs):
                held.extend(scores)
            self._costs.extend(costs)
            return
        self._counts[at] += 1
        start = at * len(self._models)
        for offset, (score, cost) in enumerate(zip(scores, costs, strict=True), start):
            self._sums[offset] += score
            self._lows[offset] = min(self._lows[offset], score)
            self._highs[offset] = max(self._highs[offset], score)
            self._costs[offset] += cost

    def _task(self, row: Row, shape: "_Shape", key: str) -> str:
        value = row.values.get(shape.task) if shape.task is not None else None
        return self._given_tasks.get(key, "") if value in (None, "") else str(value)

    def matrix(self, paths: Sequence[Path]) -> Matrix:
        if not self._prompts:
            worst = max(self._gaps, key=lambda name: self._gaps[name], default="")
            reason = f"; {worst} lacks {self._gaps[worst]} of {self._rows} scores" if worst else ""
            raise MatrixError(f"no row has a score for every model{reason}", paths[0])
        shape = (len(self._prompts), len(self._models))
        counts = np.array(self._counts, dtype=np.float64)
        spread = np.array(self._highs).reshape(shape) - np.array(self._lows).reshape(shape)
        again = counts > 1
        cells = spread[again]
        noise = LabelNoise(
            int(again.sum()),
            int((cells > _SAME).any(axis=1).sum()),
            cells.size,
            int((cells > _SAME).sum()),
            float(cells.mean()) if cells.size else 0.0,
        )
        return Matrix(
            self._models,
            tuple(self._prompts),
            tuple(self._tasks) if any(self._tasks) else None,
            np.array(self._sums).reshape(shape) / counts[:, None],
            np.array(self._costs).reshape(shape) / counts[:, None] if self._has_costs else None,
            self._rows,
            self._incomplete,
            noise,
        )


class _Shape:
    """Which columns of a file are the prompt, the task and the models."""

    def __init__(self, head: Sequence[Row], columns: Columns) -> None:
        first = head[0]
        self.prompt = _named(first, columns.prompt, PROMPT_COLUMNS, "prompt")
        self.task: str | None = None
        if columns.task is not None or any(name in first.values for name in TASK_COLUMNS):
            self.task = _named(first, columns.task, TASK_COLUMNS, "task")
        self._object = SCORES_COLUMN in first.values
        if self._object:
            self.models = tuple(sorted(first.mapping(SCORES_COLUMN)))
        else:
            taken = {self.prompt, self.task} | _NOT_MODELS
            self.models = tuple(
                name
                for name in first.values
                if name not in taken and "|" not in name and name.lower() not in _NOT_MODELS and _is_score(head, name)
            )
        if len(self.models) < 2:
            found = ", ".join(self.models) or "none"
            raise MatrixError(
                f"needs an object `scores`, or a column of numbers for each of two or more models; found: {found}",
                first.path,
                first.line,
            )
        self.costs = all(name + COST_SUFFIX in first.values for name in self.models)

    def scores(self, row: Row, models: Sequence[str]) -> list[float]:
        if not self._object:
            return [row.number(name) for name in models]
        given = row.mapping(SCORES_COLUMN)
        unknown = given.keys() - set(models)
        if unknown:
            raise MatrixError(f"a score for {min(unknown)!r}, which the first row does not have", row.path, row.line)
        return [row.as_number(given.get(name), name) for name in models]

    def measured(self, row: Row, models: Sequence[str]) -> list[float]:
        costs = [row.number(name + COST_SUFFIX) for name in models]
        for name, cost in zip(models, costs, strict=True):
            if math.isnan(cost) or cost < 0:
                raise MatrixError(f"{name}{COST_SUFFIX} is not an amount of dollars", row.path, row.line)
        return costs


def _is_score(head: Sequence[Row], name: str) -> bool:
    values = [row.values.get(name) for row in head]
    given = [value for value in values if value not in (None, "")]
    return bool(given) and all(_numeric(value) for value in given)


def _numeric(value: Any) -> bool:
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return value.strip().lower() in {"true", "false"}
        return True
    return isinstance(value, bool | int | float)


def _named(row: Row, wanted: str | None, usual: Sequence[str], what: str) -> str:
    if wanted is not None:
        if wanted not in row.values:
            raise MatrixError(f"there is no column {wanted!r} (there are: {_listed(row)})", row.path, row.line)
        return wanted
    for name in usual:
        if name in row.values:
            return name
    raise MatrixError(
        f"no column with the {what}: looked for {', '.join(usual)} (there are: {_listed(row)})", row.path, row.line
    )


def _listed(row: Row) -> str:
    return ", ".join(sorted(str(name)[:_SHOWN] for name in row.values))


def _text(row: Row, column: str) -> str:
    value = row.values.get(column)
    if not isinstance(value, str) or not value.strip():
        raise MatrixError(f"column {column!r} holds no text", row.path, row.line)
    return value


def _chain(head: Sequence[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from head
    yield from rest
