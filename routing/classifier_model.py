"""The learned classifier: integer weights over hashed words and marks of structure, calibrated. Pure, exact, no BLAS.

Multinomial logistic regression. Every step from the text to the probabilities is integer arithmetic, so that the
same text gives the same bytes on any machine:

    score[t] = bias[t] + sum of structure weights[t] + sum of table weights[t] / sqrt(features)
    probability[t] = E(max - score[t]) / sum of E,   E(d) = round(2^30 exp(-d / (2^SCORE_BITS T)))
"""

import hashlib
import json
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import isqrt
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from routing.classifier_features import (
    LEAD,
    PAIR_FACTOR,
    STRUCTURE,
    TABLE_BITS,
    TABLE_SIZE,
    lead_row,
    parts_of,
    structure_of,
    tokens_of,
    word_hash,
)
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
    """Probabilities in the order of ``TYPES``, in billionths; the best one."""

    billionths: tuple[int, ...]
    best: int

    @property
    def label(self) -> str:
        """The most likely type."""
        return TYPES[self.best]

    @property
    def confidence(self) -> float:
        """The calibrated probability of the most likely type, to nine decimals."""
        return self.billionths[self.best] / 1_000_000_000

    @property
    def runner_up(self) -> float:
        """The calibrated probability of the second most likely type."""
        return max(self.billionths[: self.best] + self.billionths[self.best + 1 :]) / 1_000_000_000


class Rows(NamedTuple):
    """The features of a text: rows of the table (words with their parts, leads, pairs) and marks of structure."""

    table: list[int]
    structure: list[int]


def rows_of(reading: Reading) -> Rows:
    """Return all features one by one; training uses it, and ``ClassifierModel.verdict`` sums the same rows faster."""
    tokens = tokens_of(reading)
    rows: list[int] = []
    for word in dict.fromkeys(tokens):
        rows.extend(parts_of(word))
    rows.extend(lead_row(word) for word in tokens[:LEAD])
    hashes = [word_hash(word) for word in tokens]
    rows.extend(_pair_row(first, second) for first, second in pairwise(hashes))
    return Rows(rows, structure_of(reading))


def _pair_row(first: int, second: int) -> int:
    return (((first * PAIR_FACTOR) & 0xFFFFFFFF) ^ second) >> (32 - TABLE_BITS)


class ClassifierModel:
    """Weights ready to use. Sums per word are memoised; the memo never changes an answer."""

    def __init__(self, table: Int32, structure: Int32, bias: Int32, temperature: int) -> None:
        """Take weights in 2^-SCORE_BITS: (TABLE_SIZE, types), (marks, types), (types,); temperature in 1/64."""
        if table.shape != (TABLE_SIZE, _COUNT) or structure.shape != (len(STRUCTURE), _COUNT):
            raise ArtefactError("the weights do not fit the features of this version")
        self._table = table
        self._structure = structure
        self._bias = bias.astype(np.int64)
        self._temperature = temperature
        self._exp = _exponentials()
        self._sums: Int32 = np.zeros((_MEMO_LIMIT, _COUNT), dtype=np.int32)
        self._hashes = np.zeros(_MEMO_LIMIT, dtype=np.uint32)
        self._leads = np.zeros(_MEMO_LIMIT, dtype=np.int32)
        self._sizes: list[int] = []
        self._slots: dict[str, int] = {}

    def scores(self, reading: Reading) -> list[int]:
        """Return the score of each type, in 2^-SCORE_BITS."""
        tokens = tokens_of(reading)
        structure = self._structure.take(structure_of(reading), axis=0).sum(axis=0, dtype=np.int64) + self._bias
        if not tokens:
            scores: list[int] = structure.tolist()
            return scores
        slots = self._slots_of(tokens)
        each = list(dict.fromkeys(slots))
        sizes = self._sizes
        places = np.array(slots, dtype=np.intp)
        total = self._sums.take(each, axis=0).sum(axis=0, dtype=np.int64)
        lead = self._leads.take(places[:LEAD])
        hashes = self._hashes.take(places)
        pairs = (hashes[:-1] * np.uint32(PAIR_FACTOR) ^ hashes[1:]) >> np.uint32(32 - TABLE_BITS)
        total += self._table.take(np.concatenate((lead, pairs)), axis=0).sum(axis=0, dtype=np.int64)
        count = sum([sizes[slot] for slot in each]) + len(lead) + len(pairs)
        root = isqrt((1 << (2 * ROOT_BITS)) // count)
        structure += (total * root) >> ROOT_BITS
        summed: list[int] = structure.tolist()
        return summed

    def verdict(self, reading: Reading) -> Verdict:
        """Return the calibrated probabilities of all types; the first of equals wins."""
        return self.calibrated(self.scores(reading))

    def calibrated(self, scores: Sequence[int]) -> Verdict:
        """Return the probabilities that belong to scores."""
        top = max(scores)
        best = scores.index(top)
        table, last = self._exp, len(self._exp) - 1
        divisor = self._temperature << (SCORE_BITS - _EXP_STEP_BITS)
        weights = [table[min(last, ((top - score) << 6) // divisor)] for score in scores]
        whole = sum(weights)
        return Verdict(tuple([weight * 1_000_000_000 // whole for weight in weights]), best)

    def _slots_of(self, tokens: Sequence[str]) -> list[int]:
        known = self._slots
        try:
            return [known[token] for token in tokens]
        except KeyError:
            self._learn(dict.fromkeys(tokens))
            return [self._slots[token] for token in tokens]

    def _learn(self, words: dict[str, None]) -> None:
        """Sum up the weights of words not seen before, all at once."""
        if len(self._slots) + len(words) > _MEMO_LIMIT:
            self._slots.clear()
            self._sizes.clear()
        fresh = [word for word in words if word not in self._slots]
        first = len(self._sizes)
        rows: list[int] = []
        starts: list[int] = []
        for word in fresh:
            parts = parts_of(word)
            starts.append(len(rows))
            rows.extend(parts)
            self._slots[word] = len(self._sizes)
            self._sizes.append(len(parts))
        end = first + len(fresh)
        self._sums[first:end] = np.add.reduceat(self._table.take(rows, axis=0), starts, axis=0, dtype=np.int32)
        self._hashes[first:end] = [word_hash(word) for word in fresh]
        self._leads[first:end] = [lead_row(word) for word in fresh]


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
