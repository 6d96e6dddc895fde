"""The learned classifier: integer weights over hashed words and marks of structure, calibrated. Pure, exact, no BLAS.

Multinomial logistic regression. Every step from the text to the probabilities is integer arithmetic, so that the
same text gives the same bytes on any machine:

    score[t] = bias[t] + sum of structure weights[t] + sum of table weights[t] / sqrt(features)
    probability[t] = E(max - score[t]) / sum of E,   E(d) = round(2^30 exp(-d / (2^SCORE_BITS T)))
"""

import hashlib
import json
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import isqrt
from operator import xor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from routing.classifier_features import (
    LEAD,
    PAIRED,
    STRUCTURE,
    TABLE_SIZE,
    lead_row,
    pair_ends,
    parts_of,
    structure_of,
    tokens_of,
)
from routing.lanes import Lanes
from routing.signals import Reading
from routing.words import TYPES

FOLDER: Final = Path(__file__).parent / "artefacts"
SCORE_BITS: Final = 12
"""Binary places of weights and scores."""
ROOT_BITS: Final = 16
_EXP_STEP_BITS: Final = 5
"""The exponential is tabulated every 2^-5 of a unit of the scaled score."""
_EXP_UNITS: Final = 24
"""Beyond exp(-24) a probability is nothing."""
_MEMO_LIMIT: Final = 32_768
_COUNT: Final = len(TYPES)

Int32 = npt.NDArray[np.int32]


class ArtefactError(ValueError):
    """The packaged artefact is not what its description says, or does not fit this code."""


class Verdict(NamedTuple):
    """Calibrated probabilities in the order of ``TYPES``, as weights of a whole; the best one."""

    weights: list[int]
    whole: int
    best: int

    @property
    def billionths(self) -> tuple[int, ...]:
        """The probabilities in billionths, rounded down."""
        return tuple([weight * 1_000_000_000 // self.whole for weight in self.weights])

    @property
    def label(self) -> str:
        """The most likely type."""
        return TYPES[self.best]

    @property
    def confidence(self) -> float:
        """The calibrated probability of the most likely type, to nine decimals."""
        return self._share(self.weights[self.best])

    @property
    def runner_up(self) -> float:
        """The calibrated probability of the second most likely type."""
        return self._share(max(self.weights[: self.best] + self.weights[self.best + 1 :]))

    def _share(self, weight: int) -> float:
        return weight * 1_000_000_000 // self.whole / 1_000_000_000


class Rows(NamedTuple):
    """The features of a text: rows of the table (words with their parts, leads, pairs) and marks of structure."""

    table: list[int]
    structure: list[int]


def rows_of(reading: Reading) -> Rows:
    """Return all features one by one; training uses it, and ``ClassifierModel.verdict`` sums the same rows faster."""
    tokens = tokens_of(reading.text)
    rows: list[int] = []
    for word in dict.fromkeys(tokens):
        rows.extend(parts_of(word))
    rows.extend(lead_row(word) for word in tokens[:LEAD])
    ends = [pair_ends(word) for word in tokens[:PAIRED]]
    rows.extend(first ^ second for (first, _), (_, second) in pairwise(ends))
    return Rows(rows, structure_of(reading))


class ClassifierModel:
    """Weights ready to use. Sums per word are memoised; the memo never changes an answer.

    A row of the table is a row of `Lanes`: a number for each type, then a one that counts the rows. A text has at most
    ``SAMPLE`` + 2 characters, so at most three parts for each, a pair and a word: sums of 16-bit weights fit a lane.
    """

    def __init__(self, table: Int32, structure: Int32, bias: Int32, temperature: int) -> None:
        """Take weights in 2^-SCORE_BITS: (TABLE_SIZE, types), (marks, types), (types,); temperature in 1/64."""
        if table.shape != (TABLE_SIZE, _COUNT) or structure.shape != (len(STRUCTURE), _COUNT):
            raise ArtefactError("the weights do not fit the features of this version")
        self._lanes = Lanes(_COUNT + 1)
        counted = self._lanes.row([*[0] * _COUNT, 1])
        self._table = [counted] * TABLE_SIZE
        for number in np.flatnonzero(table.any(axis=1)).tolist():
            self._table[number] += self._lanes.row(table[number].tolist())
        self._marks = [self._lanes.row(row) for row in structure.tolist()]
        self._bias = self._lanes.row(bias.tolist())
        self._divisor = temperature << (SCORE_BITS - _EXP_STEP_BITS)
        self._exp = _exponentials()
        self._sums: dict[str, int] = {}
        self._firsts: dict[str, int] = {}
        self._seconds: dict[str, int] = {}
        self._leads: dict[str, int] = {}

    def scores(self, reading: Reading) -> list[int]:
        """Return the score of each type, in 2^-SCORE_BITS."""
        marks = self._marks
        structure = self._lanes.numbers(self._bias + sum([marks[mark] for mark in structure_of(reading)]))
        tokens = tokens_of(reading.text)
        if not tokens:
            return list(structure[:_COUNT])
        total = self._lanes.numbers(self._learned(tokens, set(tokens) if reading.text.wide else reading.text.distinct))
        root = isqrt((1 << (2 * ROOT_BITS)) // total[_COUNT])
        return [own + (learned * root >> ROOT_BITS) for own, learned in zip(structure[:_COUNT], total, strict=False)]

    def verdict(self, reading: Reading) -> Verdict:
        """Return the calibrated probabilities of all types; the first of equals wins."""
        return self.calibrated(self.scores(reading))

    def calibrated(self, scores: list[int]) -> Verdict:
        """Return the probabilities that belong to scores."""
        top = max(scores)
        table, last, divisor = self._exp, len(self._exp) - 1, self._divisor
        weights = [table[place] if (place := (top - score << 6) // divisor) < last else table[last] for score in scores]
        return Verdict(weights, sum(weights), scores.index(top))

    def _learned(self, tokens: list[str], distinct: set[str]) -> int:
        """Return the sum of the rows of each word once, of the first words as such, and of the first pairs."""
        head, table = tokens[:PAIRED], self._table
        try:
            total = sum(map(self._sums.__getitem__, distinct))
        except KeyError:
            self._learn(distinct)
            total = sum(map(self._sums.__getitem__, distinct))
        pairs = map(xor, map(self._firsts.__getitem__, head), map(self._seconds.__getitem__, head[1:]))
        return sum(map(table.__getitem__, pairs), sum(map(self._leads.__getitem__, head[:LEAD]), total))

    def _learn(self, words: set[str]) -> None:
        """Sum up the rows of words not seen before."""
        if len(self._sums) + len(words) > _MEMO_LIMIT:
            for memo in (self._sums, self._firsts, self._seconds, self._leads):
                memo.clear()
        table = self._table
        for word in words:
            if word not in self._sums:
                self._sums[word] = sum(map(table.__getitem__, parts_of(word)))
                self._firsts[word], self._seconds[word] = pair_ends(word)
                self._leads[word] = table[lead_row(word)]


@cache
def _exponentials() -> tuple[int, ...]:
    """Return round(2^30 exp(-k / 2^5)): in decimal arithmetic, which is the same everywhere."""
    step = 1 << _EXP_STEP_BITS
    return tuple(int((Decimal(-k) / step).exp() * (1 << 30) + Decimal("0.5")) for k in range(_EXP_UNITS * step + 1))


def encode(table: Int32, structure: Int32, bias: Int32) -> bytes:
    """Return the weights as little-endian bytes: number of rows used, their numbers, their weights, structure, bias."""
    used = np.flatnonzero(table.any(axis=1))
    parts = (
        np.array([len(used)], dtype="<u4"),
        used.astype("<u4"),
        table[used].astype("<i2"),
        structure.astype("<i2"),
        bias.astype("<i4"),
    )
    return b"".join(part.tobytes() for part in parts)


def decode(content: bytes, temperature: int) -> ClassifierModel:
    """Return the classifier of an artefact's bytes. Raise `ArtefactError` when they have another form."""
    count = int(np.frombuffer(content, "<u4", 1)[0]) if len(content) >= 4 else 0
    marks = len(STRUCTURE)
    if len(content) != 4 + count * (4 + 2 * _COUNT) + marks * 2 * _COUNT + 4 * _COUNT:
        raise ArtefactError("the artefact has not the length that this version reads")
    at = 4
    used = np.frombuffer(content, "<u4", count, at)
    at += 4 * count
    rows = np.frombuffer(content, "<i2", count * _COUNT, at).reshape(count, _COUNT)
    at += 2 * count * _COUNT
    structure = np.frombuffer(content, "<i2", marks * _COUNT, at).reshape(marks, _COUNT)
    at += 2 * marks * _COUNT
    bias = np.frombuffer(content, "<i4", _COUNT, at)
    table: Int32 = np.zeros((TABLE_SIZE, _COUNT), dtype=np.int32)
    table[used] = rows
    return ClassifierModel(table, structure.astype(np.int32), bias.astype(np.int32), temperature)


@cache
def description(name: str) -> dict[str, Any] | None:
    """Return what is recorded about a packaged artefact (data hashes, figures, training command), or None."""
    path = FOLDER / f"{name}.json"
    if not name.replace("-", "").isalnum() or not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def packaged(name: str) -> ClassifierModel | None:
    """Return a classifier that comes with this version of the package, or None: there is no artefact of that name.

    Artefacts are part of the code, as constants are: read once, never changed. Raise `ArtefactError` on a damaged one.
    """
    found = description(name)
    if found is None:
        return None
    content = (FOLDER / f"{name}.bin").read_bytes()
    if hashlib.sha256(content).hexdigest() != found["sha256"]:
        raise ArtefactError(f"the bytes of {name} are not those that its description names")
    if tuple(found["types"]) != TYPES or tuple(found["structure"]) != STRUCTURE:
        raise ArtefactError(f"{name} was trained for other types or features")
    return decode(content, int(found["temperature_64"]))
