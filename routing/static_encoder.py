"""An encoder that adds up one vector per word piece: no network of neurons, so it is exact and takes microseconds.

The pieces of each word are looked up in a table of whole numbers and summed; the text's vector is the sum over its
words. Sums per word are memoised; the memo never changes an answer.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from routing.encoder import ENCODED, Vector

_MEMO: Final = 8192
_HEAD: Final = 256
_TAIL: Final = 128
"""Words read of a text: all of a short one, else these many from its beginning and its end."""
_WORD: Final = re.compile(
    "[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]"
    "|[^\\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]{1,24}"
)
"""What stands between spaces, in lower case, cut after 24 characters; each sign of Chinese, Japanese, Korean alone."""
Table = npt.NDArray[np.int16]
Pieces = Callable[[Sequence[str]], list[list[int]]]


class StaticEncoder:
    """Sums rows of ``table`` (pieces, dimension); ``pieces`` turns words into the row numbers of each."""

    def __init__(self, name: str, table: Table, pieces: Pieces) -> None:
        """Bind weights and word pieces; ``name`` becomes ``id``."""
        self._name = name
        self._table = table
        self._pieces = pieces
        self._slots: dict[str, int] = {}
        self._sums: npt.NDArray[np.int32] = np.zeros((_MEMO, self.dimension), dtype=np.int32)

    @property
    def id(self) -> str:
        """Name, with the version of weights and arithmetic."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._table.shape[1])

    @property
    def exact(self) -> bool:
        """Sums of whole numbers are the same on any machine."""
        return True

    def encode(self, text: str) -> Vector:
        """Return the sum over the words of a text; never raises on text."""
        words = words_of(text)
        if not words:
            return np.zeros(self.dimension, dtype=np.int64)
        total: Vector = self._sums.take(self._slots_of(words), axis=0).sum(axis=0, dtype=np.int64)
        return total

    def _slots_of(self, words: Sequence[str]) -> list[int]:
        slots = self._slots
        try:
            return [slots[word] for word in words]
        except KeyError:
            self._learn(dict.fromkeys(words))
            return [slots[word] for word in words]

    def _learn(self, words: dict[str, None]) -> None:
        """Sum up the words not seen before, all at once; a memo that would overflow begins anew with this text."""
        if len(self._slots) + len(words) > _MEMO:
            self._slots.clear()
        fresh = [word for word in words if word not in self._slots]
        for word, rows in zip(fresh, self._pieces(fresh), strict=True):
            slot = self._slots[word] = len(self._slots)
            self._sums[slot] = self._table.take(rows, axis=0).sum(axis=0, dtype=np.int32)


def words_of(text: str) -> list[str]:
    """Return what is read of a text, cut to ``ENCODED`` characters; unpaired surrogates are question marks."""
    text = text[:ENCODED].lower()
    found = _WORD.findall(text if text.isascii() else text.encode("utf-8", "replace").decode())
    return found if len(found) <= _HEAD + _TAIL else found[:_HEAD] + found[-_TAIL:]
