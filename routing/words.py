"""The taxonomy's words, compiled: one look-up per word adds up the evidence for every type, intent and level."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from routing.text import Text, is_wide, words_of
from schemas.classification import TaskType
from schemas.control_taxonomy import TaxonomyDocument

_Hits = tuple[tuple[int, int], ...]
"""What a word is evidence for: (slot, weight)."""
_Tail = tuple[list[str], str, int, int]
"""What follows the first word of a phrase: (words that must follow, beginning of one more word, slot, weight)."""
_ANY: Final = ""
"""Stands for the last whole word that must follow, where only a stem follows."""
UNIT: Final = 24
"""Evidence is counted in 24ths: whole numbers for all weights and factors below."""
_STRONG: Final = 12
_WEAK: Final = 4
_FIRST: Final = 4
_EARLY: Final = 12
"""The first dozen words say what is asked, the first four most."""
_LATER: Final = 2
"""Halves that a later word counts."""
_MEMO_LIMIT: Final = 50_000
_MIN_STEM: Final = 3

TYPES: Final = tuple(kind.value for kind in TaskType)
INTENTS: Final = ("create", "fix", "explain", "analyze", "review")
LEVELS: Final = ("simple", "complex", "critical")
LANGUAGES: Final = ("en", "de", "fr", "es", "pt", "it", "nl")
_MARKS: Final = ("greeting", "follow_up", "plan", "rounds")
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
INTENT_SLICE: Final = slice(len(TYPES), len(TYPES) + len(INTENTS))
LANGUAGE_SLICE: Final = slice(SLOT_COUNT - len(LANGUAGES), SLOT_COUNT)


def slot(name: str) -> int:
    """Return the index of a kind of evidence, for example ``type/debugging``."""
    return _SLOTS[name]


class WordTable:
    """Compiled words. Look-ups are memoised; the memo never changes an answer."""

    def __init__(self, taxonomy: TaxonomyDocument) -> None:
        """Index every word, stem and phrase of ``taxonomy``."""
        self._exact: dict[str, dict[int, int]] = {}
        self._stems: dict[str, dict[int, int]] = {}
        self._phrases: dict[str, dict[str, list[_Tail]]] = {}
        self._wide: dict[str, list[tuple[str, int, int]]] = {}
        self._memo: dict[str, _Hits] = {}
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
        self._add(taxonomy.rounds, "mark/rounds", _STRONG)
        for language, small in taxonomy.function_words.items():
            if language in LANGUAGES:
                self._add({language: small}, f"language/{language}", _STRONG)
        self._starts = frozenset(self._phrases)

    def _add(self, by_language: Mapping[str, Iterable[str]], name: str, weight: int) -> None:
        index = _SLOTS[name]
        for phrases in by_language.values():
            for phrase in phrases:
                self._add_phrase(phrase.lower(), index, weight)

    def _add_phrase(self, phrase: str, index: int, weight: int) -> None:
        if is_wide(phrase):
            self._wide.setdefault(phrase[0], []).append((phrase.rstrip("*"), index, weight))
            return
        words = words_of(phrase)
        stem = phrase.endswith("*")
        if len(words) > 1:
            middle, last = (words[1:-1], words[-1]) if stem else (words[1:], _ANY)
            tails = self._phrases.setdefault(words[0], {}).setdefault(middle[-1] if middle else _ANY, [])
            tails.append((middle, last, index, weight * 3 // 2))
        elif words and stem and len(words[0]) >= _MIN_STEM:
            self._stems.setdefault(words[0], {})[index] = weight
        elif words:
            self._exact.setdefault(words[0], {})[index] = weight

    def _look_up(self, word: str) -> _Hits:
        hits: dict[int, int] = {}
        for length in range(_MIN_STEM, min(len(word), 16) + 1):
            hits.update(self._stems.get(word[:length], {}))
        hits.update(self._exact.get(word, {}))
        return tuple(hits.items())

    def _learn(self, words: Collection[str]) -> None:
        if len(self._memo) + len(words) > _MEMO_LIMIT:
            self._memo.clear()
        self._memo.update((word, self._look_up(word)) for word in words if word not in self._memo)

    def evidence(self, text: Text) -> list[int]:
        """Return the sum of evidence per slot, in ``UNIT``-ths of a word's; each word counts once, a phrase each time.

        A word or phrase among the first four words counts three times, among the first twelve one and a half times.
        """
        words, distinct, hits_of = text.words, text.distinct, self._memo
        total = [0] * SLOT_COUNT
        try:
            found = list(filter(None, map(hits_of.__getitem__, distinct)))
        except KeyError:
            self._learn(distinct)
            found = list(filter(None, map(hits_of.__getitem__, distinct)))
        for hits in found:
            for index, weight in hits:
                total[index] += weight * _LATER
        early = words[:_EARLY]
        for position, word in enumerate(early):
            hits = hits_of[word]
            if hits and early.index(word) == position:
                factor = _factor(position) - _LATER
                for index, weight in hits:
                    total[index] += weight * factor
        for start in self._starts & distinct:
            tails = self._phrases[start]
            if _ANY in tails or not tails.keys().isdisjoint(distinct):
                _add_phrases(total, words, start, [*tails.get(_ANY, ()), *_of_each(tails, tails.keys() & distinct)])
        if text.wide:
            self._add_wide(total, text.lower)
        return total

    def _add_wide(self, total: list[int], lower: str) -> None:
        """Add what occurs in scripts without spaces, once each; a place in the text stands for a third of a word."""
        for sign in self._wide.keys() & set(lower):
            for phrase, index, weight in self._wide[sign]:
                place = lower.find(phrase)
                if place >= 0:
                    total[index] += weight * _factor(place // 3)


def _of_each(tails: Mapping[str, list[_Tail]], words: set[str]) -> list[_Tail]:
    return [tail for word in words for tail in tails[word]]


def _add_phrases(total: list[int], words: list[str], start: str, tails: list[_Tail]) -> None:
    """Add the phrases that begin with a word, each time they occur, by the factor of their place."""
    position, last = -1, len(words) - 1
    for _ in range(words.count(start)):
        position = words.index(start, position + 1)
        for middle, stem, index, weight in tails:
            end = position + 1 + len(middle)
            if words[position + 1 : end] == middle and (not stem or (end <= last and words[end].startswith(stem))):
                total[index] += weight * _factor(position)


def _factor(position: int) -> int:
    """Return how much a word at a position counts, in halves."""
    return 6 if position < _FIRST else 3 if position < _EARLY else _LATER
