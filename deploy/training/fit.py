"""Fits the classifier: multinomial logistic regression over the written examples, in the dual, rounded to integers.

With far fewer examples than features the weights are combinations of the examples: logits = K A, K the kernel between
examples. Counts make the table's kernel exact; a fixed number of full gradient steps (Nesterov) contracts rounding
noise, so that the rounded weights are the same wherever they are trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from deploy.training.examples import Cue, Example
from routing.classifier_features import STRUCTURE, TABLE_SIZE
from routing.classifier_model import SCORE_BITS, ClassifierModel, Rows, rows_of
from routing.signals import Reading, read
from routing.words import TYPES, WordTable
from schemas.request import RequestReceived

Matrix = npt.NDArray[np.float64]
_COUNT: Final = len(TYPES)
_TABLE_SHARE: Final = 4.0
_FORM_SHARE: Final = 0.2
_RULE_SHARE: Final = 0.05
"""Marks of the taxonomy's words count less than those of form: the words were chosen with the examples in mind."""
_MARK_SCALES: Final = np.sqrt([_RULE_SHARE if name.startswith("rule") else _FORM_SHARE for name in STRUCTURE])
_CUE_WEIGHT: Final = 1.0
_PENALTY: Final = 3e-4
_STEPS: Final = 120
_MIN_EXAMPLES: Final = 2
"""A table row counts when at least two texts have it."""
_FOLDS: Final = 5
_LIMIT: Final = 32_767
_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)


def reading_of(text: str, words: WordTable) -> Reading:
    """Return what the router reads of a plain prompt."""
    return read(RequestReceived(id="e", occurred_at=_AT, tenant="t", request_id="r", prompt=text), words)


@dataclass(frozen=True)
class Corpus:
    """Features and labels of examples, then of cues (which have no structure), and the kernel between all of them."""

    examples: Sequence[Example]
    cues: Sequence[Cue]
    rows: list[Rows]
    labels: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    table: npt.NDArray[np.float32]
    structure: npt.NDArray[np.float32]
    lengths: Matrix
    kernel: Matrix = field(repr=False)

    @classmethod
    def of(cls, examples: Sequence[Example], cues: Sequence[Cue], words: WordTable) -> "Corpus":
        """Read all texts once."""
        texts = [*((item.text, item.label) for item in examples), *((item.text, item.label) for item in cues)]
        rows = [rows_of(reading_of(text, words)) for text, _ in texts]
        labels = np.array([TYPES.index(label) for _, label in texts], dtype=np.intp)
        seen = np.zeros(TABLE_SIZE, dtype=np.int64)
        for row in rows:
            seen[sorted(set(row.table))] += 1
        columns = np.flatnonzero(seen >= _MIN_EXAMPLES)
        place = np.full(TABLE_SIZE, -1, dtype=np.intp)
        place[columns] = np.arange(len(columns))
        table = np.zeros((len(rows), len(columns)), dtype=np.float32)
        structure = np.zeros((len(rows), len(STRUCTURE) + 1), dtype=np.float32)
        for index, row in enumerate(rows):
            kept = place[row.table]
            np.add.at(table[index], kept[kept >= 0], 1)
            if index < len(examples):
                structure[index, row.structure] = _MARK_SCALES[row.structure]
                structure[index, -1] = 1.0
        lengths = np.array([float(len(row.table)) for row in rows])
        counts = (table @ table.T).astype(np.float64)
        kernel = _TABLE_SHARE * counts / np.sqrt(np.outer(lengths, lengths))
        kernel += (structure @ structure.T).astype(np.float64)
        return cls(examples, cues, rows, labels, columns, table, structure, lengths, kernel)

    def cue_places(self, without_language: str | None = None) -> npt.NDArray[np.intp]:
        """Return where the cues stand, without those of a language."""
        first = len(self.examples)
        return np.array(
            [first + index for index, cue in enumerate(self.cues) if cue.language != without_language], dtype=np.intp
        )


def fit(corpus: Corpus, chosen: npt.NDArray[np.intp]) -> Matrix:
    """Return the coefficients (chosen texts, types) that minimise cross-entropy + penalty / 2 |weights|^2."""
    kernel = corpus.kernel[np.ix_(chosen, chosen)]
    goal = np.eye(_COUNT)[corpus.labels[chosen]]
    weight = np.where(chosen < len(corpus.examples), 1.0, _CUE_WEIGHT)[:, None] / len(chosen)
    smoothness = 0.55 * _largest(kernel) / len(chosen) + _PENALTY
    now: Matrix = np.zeros((len(chosen), _COUNT))
    ahead, momentum = now, 1.0
    for _ in range(_STEPS):
        logits = kernel @ ahead
        logits -= logits.max(axis=1, keepdims=True)
        chances = np.exp(logits)
        chances /= chances.sum(axis=1, keepdims=True)
        following: Matrix = ahead - ((chances - goal) * weight + _PENALTY * ahead) / smoothness
        grown = (1 + sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = following + (momentum - 1) / grown * (following - now)
        now, momentum = following, grown
    return now


def _largest(kernel: Matrix) -> float:
    """Return the largest eigenvalue of a kernel, by the power method."""
    vector = np.ones(len(kernel)) / sqrt(len(kernel))
    value = 1.0
    for _ in range(20):
        vector = kernel @ vector
        value = float(np.sqrt((vector * vector).sum()))
        vector = vector / value
    return value


def logits_of(
    corpus: Corpus, coefficients: Matrix, trained: npt.NDArray[np.intp], asked: npt.NDArray[np.intp]
) -> Matrix:
    """Return the scores (asked, types) of texts by a fit on others."""
    found: Matrix = corpus.kernel[np.ix_(asked, trained)] @ coefficients
    return found


def held_out_logits(corpus: Corpus) -> Matrix:
    """Return for each example the scores by a fit on the other four fifths (and all cues)."""
    return _by_others(corpus, np.arange(len(corpus.examples)) * 7919 % _FOLDS)


def other_style_logits(corpus: Corpus) -> Matrix:
    """Return for each example the scores by a fit on examples of other styles (and all cues)."""
    styles = [item.style for item in corpus.examples]
    names = sorted(set(styles))
    return _by_others(corpus, np.array([names.index(style) for style in styles]))


def _by_others(corpus: Corpus, group: npt.NDArray[np.intp]) -> Matrix:
    cues = corpus.cue_places()
    found = np.zeros((len(group), _COUNT))
    for number in range(int(group.max()) + 1):
        asked = np.flatnonzero(group == number)
        trained = np.concatenate((np.flatnonzero(group != number), cues))
        found[asked] = logits_of(corpus, fit(corpus, trained), trained, asked)
    return found


@dataclass(frozen=True)
class Weights:
    """Rounded weights, ready for `routing.classifier_model.encode`."""

    table: npt.NDArray[np.int32]
    structure: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]

    def model(self, temperature: int) -> ClassifierModel:
        """Return the classifier of these weights."""
        return ClassifierModel(self.table, self.structure, self.bias, temperature)


def weights_of(corpus: Corpus, chosen: npt.NDArray[np.intp], coefficients: Matrix) -> Weights:
    """Return the weights of features that a fit implies, in 2^-SCORE_BITS. Raise `ValueError` when one is too large."""
    share = coefficients / np.sqrt(corpus.lengths[chosen])[:, None] * _TABLE_SHARE
    table = np.zeros((TABLE_SIZE, _COUNT))
    table[corpus.columns] = corpus.table[chosen].astype(np.float64).T @ share
    marks = corpus.structure[chosen].astype(np.float64).T @ coefficients
    rounded = [np.rint(part * (1 << SCORE_BITS)) for part in (table, marks[:-1] * _MARK_SCALES[:, None], marks[-1])]
    if any(np.abs(part).max() > _LIMIT for part in rounded[:2]):
        raise ValueError("a weight does not fit into 16 bits")
    return Weights(*(part.astype(np.int32) for part in rounded))


def temperature_of(logits: Matrix, labels: npt.NDArray[np.intp]) -> int:
    """Return the temperature, in 64ths, under which held-out scores have the least cross-entropy."""
    best, found = np.inf, 64
    for candidate in range(16, 257, 2):
        scaled = logits * 64 / candidate
        scaled = scaled - scaled.max(axis=1, keepdims=True)
        loss = float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]))
        if loss < best:
            best, found = loss, candidate
    return found


def chances_of(logits: Matrix, temperature: int) -> Matrix:
    """Return calibrated probabilities."""
    scaled = logits * 64 / temperature
    chances: Matrix = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return chances
