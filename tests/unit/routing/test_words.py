"""Evidence of the taxonomy's words: equal to a plain count, whatever was looked up before."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.text import text_of, words_of
from routing.words import LANGUAGES, SLOT_COUNT, UNIT, WordTable, slot
from schemas.control_taxonomy import TaxonomyDocument
from tests.brain import documents

(DOCUMENT,) = (item for item in documents().values() if isinstance(item, TaxonomyDocument))


@cache
def listed() -> tuple[tuple[str, int, Fraction], ...]:
    """Every phrase of the taxonomy with its slot and weight, in the order in which later ones count."""
    found: list[tuple[str, int, Fraction]] = []

    def add(by_language: dict[str, tuple[str, ...]], name: str, weight: Fraction) -> None:
        found.extend((phrase.lower(), slot(name), weight) for phrases in by_language.values() for phrase in phrases)

    for kind, profile in DOCUMENT.types.items():
        add(profile.words, f"type/{kind.value}", Fraction(1))
        add(profile.weak_words, f"type/{kind.value}", Fraction(1, 3))
    for intent, words in DOCUMENT.intents.items():
        add(words, f"intent/{intent}", Fraction(1))
    for level, words in DOCUMENT.levels.items():
        add(words, f"level/{level}", Fraction(1))
    add(DOCUMENT.greetings, "mark/greeting", Fraction(1))
    add(DOCUMENT.follow_ups, "mark/follow_up", Fraction(1))
    add(DOCUMENT.plans, "mark/plan", Fraction(1))
    add(DOCUMENT.rounds, "mark/rounds", Fraction(1))
    for language, small in DOCUMENT.function_words.items():
        if language in LANGUAGES:
            add({language: small}, f"language/{language}", Fraction(1))
    return tuple(found)


def factor(position: int) -> Fraction:
    return Fraction(3) if position < 4 else Fraction(3, 2) if position < 12 else Fraction(1)


def weights_of_word(word: str) -> dict[int, Fraction]:
    """What a word alone is evidence for: the longest stem decides in each slot, the word itself before stems."""
    best: dict[int, tuple[int, Fraction]] = {}
    for phrase, index, weight in listed():
        parts = words_of(phrase)
        if len(parts) != 1 or text_of(phrase).wide:
            continue
        length = len(parts[0])
        if phrase.endswith("*") and length >= 3:
            fits, rank = word.startswith(parts[0]) and length <= 16, length
        else:
            fits, rank = word == parts[0], 100
        if fits and rank >= best.get(index, (0, weight))[0]:
            best[index] = rank, weight
    return {index: weight for index, (_, weight) in best.items()}


def phrases_at(words: list[str]) -> Iterator[tuple[int, Fraction]]:
    for phrase, index, weight in listed():
        parts = words_of(phrase)
        if len(parts) < 2 or text_of(phrase).wide:
            continue
        for position in range(len(words) - len(parts) + 1):
            here = words[position : position + len(parts)]
            last = here[-1].startswith(parts[-1]) if phrase.endswith("*") else here[-1] == parts[-1]
            if last and here[:-1] == parts[:-1]:
                yield index, weight * Fraction(3, 2) * factor(position)


def slow(prompt: str) -> list[Fraction]:
    """The same evidence, phrase by phrase of the document."""
    text = text_of(prompt)
    total = [Fraction(0)] * SLOT_COUNT
    for word in dict.fromkeys(text.words):
        for index, weight in weights_of_word(word).items():
            total[index] += weight * factor(text.words.index(word))
    for index, weight in phrases_at(text.words):
        total[index] += weight
    for phrase, index, weight in listed():
        if text_of(phrase).wide and phrase.rstrip("*") in text.lower:
            total[index] += weight * factor(text.lower.find(phrase.rstrip("*")) // 3)
    return total


PIECES = st.sampled_from([word for phrase, *_ in listed() for word in phrase.replace("*", "ing").split()])
PROMPTS = st.lists(PIECES | st.text(max_size=6), max_size=25).map(" ".join) | st.text(max_size=80)


@settings(max_examples=60)
@given(PROMPTS)
@example("what is the plan in a nutshell, and what is the above?")
@example("load balancing, load balancers, load")
@example("写一首诗 and write a story about 架构设计")
def test_evidence_is_a_plain_count(prompt: str) -> None:
    """Evidence is the sum that the taxonomy states: words once, phrases each time, by the factor of their place."""
    assert [Fraction(value, UNIT) for value in WordTable(DOCUMENT).evidence(text_of(prompt))] == slow(prompt)


@given(PROMPTS, PROMPTS)
def test_what_was_seen_before_changes_nothing(first: str, second: str) -> None:
    """The memo of words never changes an answer."""
    used = WordTable(DOCUMENT)
    used.evidence(text_of(first))
    assert used.evidence(text_of(second)) == TABLE.evidence(text_of(second))


TABLE = WordTable(DOCUMENT)
