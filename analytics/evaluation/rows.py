"""Rows of a table in a file, one at a time, with the line each begins on: CSV, Parquet, JSON (an array) and JSONL."""

import csv
import importlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

_CHUNK: Final = 1 << 20
_FIELD_LIMIT: Final = 1 << 27
_SPACE: Final = re.compile(r"\s*")
_TRUTH: Final = {"true": 1.0, "false": 0.0}
_GAPS: Final = frozenset({"", "nan", "null", "none", "na", "n/a"})
FORMATS: Final = (".csv", ".parquet", ".json", ".jsonl", ".ndjson")


class MatrixError(ValueError):
    """A file that cannot be read as meant; the message names file and line and what is wrong there."""

    def __init__(self, message: str, path: Path, line: int | None = None) -> None:
        place = f"{path.name}:{line}" if line is not None else path.name
        super().__init__(f"{place}: {message}")


@dataclass(frozen=True)
class Row:
    """One row: its values by column, and where it stands."""

    values: Mapping[str, Any]
    path: Path
    line: int

    def number(self, column: str) -> float:
        """Return the number in ``column``, NaN where there is none; raise `MatrixError` for anything else."""
        return self.as_number(self.values.get(column), column)

    def as_number(self, value: Any, name: str) -> float:
        """Return ``value`` as a number (True is 1), NaN for a gap; raise `MatrixError` naming ``name``."""
        if value is None:
            return math.nan
        if isinstance(value, str):
            plain = value.strip().lower()
            if plain in _GAPS:
                return math.nan
            if plain in _TRUTH:
                return _TRUTH[plain]
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise MatrixError(f"the score of {name} is no number", self.path, self.line) from None
        if math.isinf(number):
            raise MatrixError(f"the score of {name} is infinite", self.path, self.line)
        return number

    def mapping(self, column: str) -> Mapping[str, Any]:
        """Return the object in ``column``, also one written as JSON text; raise `MatrixError`."""
        value = self.values.get(column)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except json.JSONDecodeError:
                value = None
        if not isinstance(value, Mapping):
            raise MatrixError(f"column {column!r} holds no object of scores by model", self.path, self.line)
        return value


def read_rows(path: Path) -> Iterator[Row]:
    """Return the rows of ``path`` by the ending of its name; raise `MatrixError`, also while reading."""
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise MatrixError(f"unknown kind of file (known: {', '.join(FORMATS)})", path)
    if not path.is_file():
        raise MatrixError("there is no such file", path)
    if ending == ".parquet":
        return _parquet(path)
    return _decoded(path, ending)


def _decoded(path: Path, ending: str) -> Iterator[Row]:
    read = {".csv": _csv, ".json": _json}.get(ending, _jsonl)
    try:
        with path.open(encoding="utf-8-sig", newline="" if ending == ".csv" else None) as file:
            yield from read(file, path)
    except UnicodeDecodeError as error:
        raise MatrixError(f"not UTF-8 text: {error.reason}", path) from None


def _csv(file: IO[str], path: Path) -> Iterator[Row]:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(file, strict=True)
    start = 1
    try:
        header = next(reader, None)
        if header is None:
            return
        if len(set(header)) != len(header):
            raise MatrixError("two columns have the same name", path, 1)
        start = reader.line_num + 1
        for values in reader:
            if values and len(values) != len(header):
                raise MatrixError(f"{len(values)} values for {len(header)} columns", path, start)
            if values:
                yield Row(dict(zip(header, values, strict=True)), path, start)
            start = reader.line_num + 1
    except csv.Error as error:
        raise MatrixError(f"not CSV: {error}", path, start) from None


def _jsonl(file: IO[str], path: Path) -> Iterator[Row]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            raise MatrixError(f"not JSON: {error.msg}", path, line) from None
        yield _object(value, path, line)


def _json(file: IO[str], path: Path) -> Iterator[Row]:
    """Read an array of objects (or objects one after the other), holding one chunk at a time."""
    reader = _JsonReader(file, path)
    opened = reader.skip("[")
    while not reader.at_end():
        if opened and reader.skip("]"):
            opened = False
            if not reader.at_end():
                raise MatrixError("something follows the end of the array", path, reader.line)
            return
        line = reader.line
        yield _object(reader.value(), path, line)
        reader.skip(",")
    if opened:
        raise MatrixError("the array does not end", path, reader.line)


class _JsonReader:
    """Decodes value after value from a buffer that is filled as needed."""

    def __init__(self, file: IO[str], path: Path) -> None:
        self._file = file
        self._path = path
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._ended = False
        self.line = 1

    def at_end(self) -> bool:
        """Skip white space; say whether nothing is left."""
        while True:
            space = _SPACE.match(self._buffer, self._at)
            self._advance(space.end() - self._at if space else 0)
            if self._at < len(self._buffer):
                return False
            if not self._fill():
                return True

    def skip(self, mark: str) -> bool:
        """Go past ``mark`` if it comes next; say whether it did."""
        if self.at_end() or not self._buffer.startswith(mark, self._at):
            return False
        self._advance(len(mark))
        self.at_end()
        return True

    def value(self) -> Any:
        """Return the next value; raise `MatrixError` where there is none."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._fill():
                    continue
                line = self.line + self._buffer.count("\n", self._at, error.pos)
                raise MatrixError(f"not JSON: {error.msg}", self._path, line) from None
            self._advance(end - self._at)
            return value

    def _advance(self, count: int) -> None:
        self.line += self._buffer.count("\n", self._at, self._at + count)
        self._at += count

    def _fill(self) -> bool:
        if self._ended:
            return False
        more = self._file.read(_CHUNK)
        self._ended = not more
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)


def _parquet(path: Path) -> Iterator[Row]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
        arrow = importlib.import_module("pyarrow")
    except ImportError:
        raise MatrixError("reading Parquet needs pyarrow, which is not installed here", path) from None
    try:
        file = parquet.ParquetFile(path)
        line = 0
        for batch in file.iter_batches(batch_size=1000):
            for values in batch.to_pylist():
                line += 1
                yield Row(values, path, line)
    except arrow.ArrowException as error:
        raise MatrixError(f"not Parquet: {error}", path) from None


def _object(value: Any, path: Path, line: int) -> Row:
    if not isinstance(value, dict):
        raise MatrixError("a row is an object of columns", path, line)
    return Row(value, path, line)
