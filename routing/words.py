"""The taxonomy's words, compiled: one look-up per word adds up the evidence for every type, intent and level."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from schemas.classification import TaskType
from schemas.control_taxonomy import TaxonomyDocument

Hits = tuple[tuple[int, float], ...]
Tails = tuple[tuple[tuple[str, ...], str | None, int, float], ...]
"""What may follow a word: (words that must follow, stem of one more word or None, slot, weight)."""
_WORD: Final = re.compile(r"\w+")
_WIDE: Final = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
"""Scripts written without spaces."""
_STRONG: Final = 1.0
_WEAK: Final = 1 / 3
_PHRASE: Final = 1.5
_LEAD: Final = (3.0,) * 4 + (1.5,) * 8
"""Factors of the first dozen words: they say what is asked, the first four most."""
_MEMO_LIMIT: Final = 50_000
_MIN_STEM: Final = 3

TYPES: Final = tuple(kind.value for kind in TaskType)
INTENTS: Final = ("create", "fix", "explain", "analyze", "review")
LEVELS: Final = ("simple", "complex", "critical")
LANGUAGES: Final = ("en", "de", "fr", "es", "pt", "it", "nl")
_MARKS: Final = ("greeting", "follow_up", "plan")
_SLOTS: Final[Mapping[str, int]] = {
    name: index
    for index, name in enumerate(
        (
            *(f"type/{kind}" for kind in TYPES),
            *(f"intent/{intent}" for intent in INTENTS),
            *(f"level/{level}" for level in LEVELS),
            *(f"mark/{mark}" for mark in _MARKS),
            *(f"language/{language}" for language in LANGUAGES),
        )
    )
}
SLOT_COUNT: Final = len(_SLOTS)
TYPE_SLICE: Final = slice(0, len(TYPES))


def slot(name: str) -> int:
    """Return the index of a kind of evidence, for example ``type/debugging``."""
    return _SLOTS[name]


def words_of(text: str) -> list[str]:
    """Return the words of a lower-cased text; runs of scripts without spaces are one word each."""
    return _WORD.findall(text)


class WordTable:
    """Compiled words. Look-ups are memoised; the memo never changes an answer."""

    def __init__(self, taxonomy: TaxonomyDocument) -> None:
        """Index every word, stem and phrase of ``taxonomy``."""
        self._exact: dict[str, dict[int, float]] = {}
        self._stems: dict[str, dict[int, float]] = {}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str | None, int, float]]] = {}
        self._wide: list[tuple[str, int, float]] = []
        self._memo: dict[str, tuple[Hits, Tails]] = {}
        for kind, profile in taxonomy.types.items():
            self._add(profile.words, f"type/{kind.value}", _STRONG)
            self._add(profile.weak_words, f"type/{kind.value}", _WEAK)
        for intent, words in taxonomy.intents.items():
            self._add(words, f"intent/{intent}", _STRONG)
        for level, words in taxonomy.levels.items():
            self._add(words, f"level/{level}", _STRONG)
        self._add(taxonomy.greetings, "mark/greeting", _STRONG)
        self._add(taxonomy.follow_ups, "mark/follow_up", _STRONG)
        self._add(taxonomy.plans, "mark/plan", _STRONG)
        for language, small in taxonomy.function_words.items():
            if language in LANGUAGES:
                self._add({language: small}, f"language/{language}", _STRONG)

    def _add(self, by_language: Mapping[str, Iterable[str]], name: str, weight: float) -> None:
        index = _SLOTS[name]
        for phrases in by_language.values():
            for phrase in phrases:
                self._add_phrase(phrase.lower(), index, weight)

    def _add_phrase(self, phrase: str, index: int, weight: float) -> None:
        if _WIDE.search(phrase):
            self._wide.append((phrase.rstrip("*"), index, weight))
            return
        words = words_of(phrase)
        stem = phrase.endswith("*")
        if len(words) > 1:
            middle, last = (words[1:-1], words[-1]) if stem else (words[1:], None)
            self._phrases.setdefault(words[0], []).append((tuple(middle), last, index, weight * _PHRASE))
        elif words and stem and len(words[0]) >= _MIN_STEM:
            self._stems.setdefault(words[0], {})[index] = weight
        elif words:
            self._exact.setdefault(words[0], {})[index] = weight

    def _look_up(self, word: str) -> tuple[Hits, Tails]:
        hits: dict[int, float] = {}
        for length in range(_MIN_STEM, min(len(word), 16) + 1):
            hits.update(self._stems.get(word[:length], {}))
        hits.update(self._exact.get(word, {}))
        found = (tuple(sorted(hits.items())), tuple(self._phrases.get(word, ())))
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        self._memo[word] = found
        return found

    def evidence(self, text: str, words: Sequence[str]) -> list[float]:
        """Return the sum of evidence per slot for a lower-cased text and its words; each word counts once.

        A word or phrase among the first four words counts three times, among the first twelve one and a half times.
        """
        total = [0.0] * SLOT_COUNT
        memo, lead = self._memo, len(_LEAD)
        seen: set[str] = set()
        for position, word in enumerate(words):
            found = memo.get(word)
            if found is None:
                found = self._look_up(word)
            hits, phrases = found
            if hits and word not in seen:
                seen.add(word)
                factor = _LEAD[position] if position < lead else 1.0
                for index, weight in hits:
                    total[index] += weight * factor
            for middle, stem, index, weight in phrases:
                end = position + 1 + len(middle)
                if tuple(words[position + 1 : end]) == middle and (
                    stem is None or (end < len(words) and words[end].startswith(stem))
                ):
                    total[index] += weight * (_LEAD[position] if position < lead else 1.0)
        if self._wide and not text.isascii() and _WIDE.search(text):
            for phrase, index, weight in self._wide:
                place = text.find(phrase)
                if place >= 0:
                    total[index] += weight * (_LEAD[place // 3] if place < 3 * lead else 1.0)
        return total
