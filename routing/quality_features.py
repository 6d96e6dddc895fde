"""What the quality predictor reads of a prompt: hashed words and characters, and the prompt's outward form.

Everything is whole numbers, so that every machine, batch size and library computes the same. The text is not kept.
"""

import hashlib
import re
import zlib
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]

BUCKETS: Final = 4096
"""Of hashed words and of hashed character n-grams, each."""
SAMPLE: Final = 6000
"""Characters read of a prompt: of longer ones half from the head, a quarter each from the middle and the tail."""
SCALE: Final = 1024
"""Form features are multiples of 1 / SCALE."""
UNIT: Final = 256
"""Of the predictor's vectors: words and characters have length 1, a form feature stays within -1..1."""
_TERM_SCALE: Final = 16
_TERM_LIMIT: Final = 4096
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_OPTION: Final = re.compile(r"(?m)^\s*\(?[A-Ea-e1-5][).:]")
_PRIMES: Final = tuple(np.uint32(prime) for prime in (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1))
_SIZES: Final = (3, 4, 5)
"""Of character n-grams."""

_COUNTED: Final = ("\n", "\\", "$", "{}", "()", "=+*/^<>", ",", ".", "?", "\"'", ";", "-")
_COMMA: Final = _COUNTED.index(",")
_MARKS: Final = tuple(tuple(map(ord, marks)) for marks in _COUNTED)
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


FINGERPRINT: Final = hashlib.sha256("\0".join(["2", str(BUCKETS), str(SAMPLE), *FORM_NAMES]).encode()).hexdigest()[:16]
"""Of the features; the number in front counts changes that no name shows. An artefact reads those it was trained on."""


def damped(count: int) -> int:
    """Return SCALE * log2(1 + count), in whole numbers: exact at powers of two, straight lines between them.

    J. Mitchell, "Computer multiplication and division using binary logarithms", IRE Transactions EC-11 (1962).
    """
    power = (count + 1).bit_length() - 1
    return (power * SCALE) + ((((count + 1) * SCALE) >> power) - SCALE)


_DAMPED: Final = tuple(map(damped, range(SAMPLE + 3)))
_TERM: Final = np.array(
    [0, *(_TERM_SCALE + (_TERM_SCALE * 710 * log) // (SCALE * SCALE) for log in _DAMPED[: _TERM_LIMIT - 1])],
    dtype=np.int64,
)
"""16 * (1 + ln count), nearly, by count; 710 = SCALE ln 2."""


class Terms(NamedTuple):
    """Occupied buckets in rising order and the weight of each: damped counts."""

    buckets: IntArray
    weights: IntArray


_NO_TERMS: Final = Terms(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


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
    text_read = " ".join(_TOKEN.findall(lowered))
    return Features(*_terms(_words(text_read), _characters(text_read)), _form(len(text), sample, lowered))


def sampled(text: str) -> str:
    """Return all of a short text; of a long one head, middle and tail."""
    if len(text) <= SAMPLE:
        return text
    quarter = SAMPLE // 4
    middle = (len(text) - quarter) // 2
    return f"{text[: 2 * quarter]} {text[middle : middle + quarter]} {text[-quarter:]}"


def _words(tokens: str) -> list[Hashes]:
    """Return the hashes of the tokens, which a space parts, and of neighbours."""
    if not tokens:
        return []
    each = tokens.encode("utf-8", "surrogatepass").split(b" ")
    single = np.fromiter(map(zlib.crc32, each), dtype=np.uint32, count=len(each))
    return [single, single[:-1] * _PRIMES[0] + single[1:] * _PRIMES[1]]


def _characters(text: str) -> list[Hashes]:
    """Return the hashes of n-grams; that of a longer one goes on from that of the shorter one that begins it."""
    points = _points(text)
    total: Hashes = np.zeros(len(points), dtype=np.uint32)
    found: list[Hashes] = []
    for offset in range(min(_SIZES[-1], len(points))):
        total = (total[: len(points) - offset] ^ points[offset:]) * _PRIMES[offset]
        total ^= total >> np.uint32(15)
        if offset + 1 in _SIZES:
            found.append(total)
    return found


def _points(text: str) -> Hashes:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _terms(words: list[Hashes], characters: list[Hashes]) -> tuple[Terms, Terms]:
    """Return the terms of words and of characters, counted together, the latter in buckets of their own."""
    if not words:
        return _NO_TERMS, _NO_TERMS
    each = np.concatenate([*words, *characters])
    places = (each ^ (each >> np.uint32(12))) & np.uint32(BUCKETS - 1)
    places[sum(map(len, words)) :] += np.uint32(BUCKETS)
    counts = np.bincount(places, minlength=2 * BUCKETS)
    buckets = np.flatnonzero(counts)
    weights = _TERM.take(np.minimum(counts.take(buckets), _TERM_LIMIT - 1))
    edge = int(np.searchsorted(buckets, BUCKETS))
    return Terms(buckets[:edge], weights[:edge]), Terms(buckets[edge:] - BUCKETS, weights[edge:])


def _form(length: int, sample: str, lowered: str) -> IntArray:
    words = sample.split() or [""]
    bag = set(lowered.split())
    points = _points(sample)
    by_mark: list[int] = np.bincount(np.minimum(points, 128), minlength=129).tolist()
    size, count = max(1, len(sample)), len(words)
    digits, capitals = sum(by_mark[48:58]), sum(by_mark[65:91])
    counted = [sum([by_mark[mark] for mark in marks]) for marks in _MARKS]
    last = sample.rstrip()[-1:]
    first = words[0].lower().strip("?.,:")
    values = [
        damped(length),
        _DAMPED[count],
        _DAMPED[digits],
        SCALE * digits // size,
        _DAMPED[capitals],
        SCALE * capitals // size,
        SCALE * counted[_COMMA] // count,
        SCALE * sum([word[0].isupper() for word in words if word]) // count,
        SCALE * sum(map(len, words)) // count,
        _DAMPED[max(map(len, words))],
        SCALE * len(bag) // count,
        20 * SCALE * by_mark[128] // size,
        _DAMPED[len(_OPTION.findall(sample))],
    ]
    held = [
        last == "?",
        last == ".",
        last.isalnum(),
        sample[:1].isupper(),
        sample[:1].islower(),
        "def " in sample,
        "assert" in lowered,
        "___" in sample or "_ " in sample,
    ]
    told = [*[first == word for word in _FIRST], *[word in bag for word in _INSIDE]]
    shown = [SCALE * each for each in held], [_DAMPED[each] for each in counted], [SCALE * each for each in told]
    return np.array([*values, *chain(*shown)], dtype=np.int64)
