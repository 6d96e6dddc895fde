"""What the quality predictor reads of a prompt: hashed words and characters, and the prompt's outward form.

Everything is whole numbers, so that every machine, batch size and library computes the same. The text is not kept.
"""

import math
import re
import zlib
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

BUCKETS: Final = 4096
"""Of hashed words and of hashed character n-grams, each."""
SAMPLE: Final = 6000
"""Characters read of a prompt: of longer ones half from the head, a quarter each from the middle and the tail."""
SCALE: Final = 1024
"""Form features are multiples of 1 / SCALE."""
_TERM_SCALE: Final = 16
_TERM_LIMIT: Final = 4096
_TERM: Final = np.array(
    [0] + [round(_TERM_SCALE * (1 + math.log(count))) for count in range(1, _TERM_LIMIT)], dtype=np.int64
)
"""16 * (1 + ln count), by count."""
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_OPTION: Final = re.compile(r"(?m)^\s*\(?[A-Ea-e1-5][).:]")
_PRIMES: Final = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)
_MASK: Final = 0xFFFFFFFF

_COUNTED: Final = ("\n", "\\", "$", "{}", "()", "=+*/^<>", ",", ".", "?", "\"'", ";", "-")
_FIRST: Final = (
    *("what", "which", "who", "how", "why", "when", "where", "write", "if"),
    *("is", "find", "the", "a", "in", "of"),
)
_INSIDE: Final = (
    *("most", "following", "function", "likely", "many", "much", "should", "would", "first", "who", "where"),
    *("which", "year", "if", "python", "calculate", "you"),
)
FORM_NAMES: Final = (
    *("characters", "words", "digits", "digit_share", "capitals", "capital_share", "comma_share", "capitalised_share"),
    *("mean_word", "longest_word", "distinct_share", "non_ascii_share", "options"),
    *("ends_question", "ends_period", "ends_word", "starts_upper", "starts_lower", "code", "assertion", "blank"),
    *(f"count {marks!r}" for marks in _COUNTED),
    *(f"first {word}" for word in _FIRST),
    *(f"has {word}" for word in _INSIDE),
)


class Terms(NamedTuple):
    """Occupied buckets in rising order and the weight of each: damped counts."""

    buckets: IntArray
    weights: IntArray


class Features(NamedTuple):
    """Of one prompt."""

    words: Terms
    characters: Terms
    form: IntArray
    """In the order of `FORM_NAMES`, each a multiple of 1 / `SCALE`."""


def features_of(text: str) -> Features:
    """Return the features of a prompt."""
    sample = sampled(text)
    lowered = sample.lower()
    tokens = _TOKEN.findall(lowered)
    return Features(_words(tokens), _characters(" ".join(tokens)), _form(text, sample, lowered))


def sampled(text: str) -> str:
    """Return all of a short text; of a long one head, middle and tail."""
    if len(text) <= SAMPLE:
        return text
    quarter = SAMPLE // 4
    middle = (len(text) - quarter) // 2
    return f"{text[: 2 * quarter]} {text[middle : middle + quarter]} {text[-quarter:]}"


def _words(tokens: list[str]) -> Terms:
    single = np.array([zlib.crc32(token.encode("utf-8", "surrogatepass")) for token in tokens], dtype=np.int64)
    pairs = (single[:-1] * _PRIMES[0] + single[1:] * _PRIMES[1]) & _MASK
    return _terms(np.concatenate([single, pairs]))


def _characters(text: str) -> Terms:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    found = []
    for size in (3, 4, 5):
        last = len(points) - size + 1
        if last > 0:
            total = np.full(last, size, dtype=np.int64)
            for offset in range(size):
                total = ((total ^ points[offset : offset + last]) * _PRIMES[offset]) & _MASK
                total ^= total >> 15
            found.append(total)
    return _terms(np.concatenate(found) if found else np.zeros(0, dtype=np.int64))


def _terms(hashes: IntArray) -> Terms:
    buckets, counts = np.unique((hashes ^ (hashes >> 12)) % BUCKETS, return_counts=True)
    return Terms(buckets, _TERM[np.minimum(counts, _TERM_LIMIT - 1)])


def _form(text: str, sample: str, lowered: str) -> IntArray:
    words = sample.split() or [""]
    size = max(1, len(sample))
    digits = sum(map(str.isdigit, sample))
    capitals = sum(map(str.isupper, sample))
    counted = [sum(sample.count(mark) for mark in marks) for marks in _COUNTED]
    last = sample.rstrip()[-1:]
    first = words[0].lower().strip("?.,:")
    bag = set(lowered.split())
    values = [
        math.log1p(len(text)),
        math.log1p(len(words)),
        math.log1p(digits),
        digits / size,
        math.log1p(capitals),
        capitals / size,
        counted[6] / len(words),
        sum(word[:1].isupper() for word in words) / len(words),
        sum(map(len, words)) / len(words),
        math.log1p(max(map(len, words))),
        len({word.lower() for word in words}) / len(words),
        20 * sum(character > "\x7f" for character in sample) / size,
        math.log1p(len(_OPTION.findall(sample))),
        last == "?",
        last == ".",
        last.isalnum(),
        sample[:1].isupper(),
        sample[:1].islower(),
        "def " in sample,
        "assert" in lowered,
        "___" in sample or "_ " in sample,
        *(math.log1p(count) for count in counted),
        *(first == word for word in _FIRST),
        *(word in bag for word in _INSIDE),
    ]
    return np.array([round(SCALE * value) for value in values], dtype=np.int64)
