"""The written examples that the classifier learns from, and those it is judged by; the parts never meet."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

Part = Literal["development", "test", "late"]
"""``development`` is learned from; ``test`` is not; ``late`` was written when all else was fixed already."""
FOLDER: Final = Path(__file__).parent / "examples"
_WORD: Final = re.compile("[\u2e80-\u9fff\uff66-\uff9f]|[^\\W\u2e80-\u9fff\uff66-\uff9f]+")
_RUN: Final = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt as somebody might write it, and the kind of work it asks for."""

    text: str
    label: str
    language: str
    style: str
    complexity: str
    pattern: str = ""
    """How the work goes: single-shot, multi-step or iterative; empty where nobody said."""


def examples(part: Part, folder: Path = FOLDER) -> list[Example]:
    """Return the examples of a part, by file name and line. Raise `ValueError` or `TypeError` on a malformed line."""
    return [
        Example(**json.loads(line))
        for path in sorted((folder / part).glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def data_hash(items: Sequence[Example]) -> str:
    """Return the SHA-256 of examples, in their order."""
    digest = hashlib.sha256()
    for item in items:
        row = [item.text, item.label, item.language, item.style, item.complexity, item.pattern]
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def word_runs(text: str) -> frozenset[tuple[str, ...]]:
    """Return all runs of five words of a text, lower-cased, without punctuation; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    if len(words) <= _RUN:
        return frozenset({tuple(words)})
    return frozenset(tuple(words[start : start + _RUN]) for start in range(len(words) - _RUN + 1))


def likeness(first: str, second: str) -> float:
    """Return how many of two texts' runs of four characters are the same, 0 to 1 (Jaccard), punctuation left out."""
    one, two = _character_runs(first), _character_runs(second)
    return len(one & two) / len(one | two)


def _character_runs(text: str) -> frozenset[str]:
    plain = f" {' '.join(_WORD.findall(text.lower()))} "
    return frozenset(plain[start : start + 4] for start in range(max(1, len(plain) - 3)))


def overlap(first: str, second: str) -> float:
    """Return how much of the shorter text's runs of five words stand in the other one, 0 to 1."""
    one, two = word_runs(first), word_runs(second)
    return len(one & two) / min(len(one), len(two))


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or short phrase that asks for a kind of work."""

    text: str
    label: str
    language: str


def cues(path: Path = FOLDER.parent / "cues.yaml") -> list[Cue]:
    """Return the cues by type and language."""
    listed: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Cue(text.strip(), label, language)
        for label, by_language in listed.items()
        for language, texts in by_language.items()
        for text in texts.split(",")
    ]
