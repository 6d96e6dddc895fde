"""Keywords and patterns of clusters: which occur at the beginning and the end of a prompt. Pure, bounded.

Patterns are words and gaps, not regular expressions of the author: no document can make matching slow.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.control_clusters import Cluster

_HEAD: Final = 420
_TAIL: Final = 180
"""Characters looked at: what is asked stands first or last; what lies between is often material."""
_ENOUGH: Final = 2
"""Hits beyond this add nothing."""
_MEMO: Final = 8192
_WORD: Final = re.compile(r"\w+")
_WIDE: Final = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]")
"""Scripts written without spaces: a keyword is looked for anywhere."""
_GAP: Final = "..."


class ClusterWords:
    """The keywords and patterns of all clusters of a document, indexed."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        """Compile them; cluster numbers are positions in the document."""
        self._count = len(clusters)
        self._exact: dict[str, set[int]] = {}
        self._stems: dict[str, set[int]] = {}
        self._wide: list[tuple[str, int]] = []
        self._patterns: dict[str, list[_Pattern]] = {}
        """By one of the words that stand wherever the pattern matches."""
        self._loose: list[_Pattern] = []
        """Patterns of stems and of scripts without spaces."""
        for number, cluster in enumerate(clusters.values()):
            for keyword in cluster.keywords:
                self._add(keyword.lower(), number)
            for pattern in cluster.patterns:
                self._add_pattern(pattern.lower(), number)
        self._memo: dict[str, tuple[int, ...]] = {}
        self._lengths = sorted({len(stem) for stem in self._stems})

    def _add(self, keyword: str, number: int) -> None:
        stem = keyword.rstrip("*")
        if _WIDE.search(keyword):
            self._wide.append((stem, number))
        elif _WORD.fullmatch(stem) is None:
            self._add_pattern(keyword, number)
        elif stem != keyword:
            self._stems.setdefault(stem, set()).add(number)
        else:
            self._exact.setdefault(stem, set()).add(number)

    def _add_pattern(self, text: str, number: int) -> None:
        pattern = _Pattern.of(text, number)
        if pattern.words:
            self._patterns.setdefault(max(sorted(pattern.words), key=len), []).append(pattern)
        else:
            self._loose.append(pattern)

    def hits(self, text: str) -> list[int]:
        """Return per cluster how many of its keywords and patterns occur in a lower-cased text, two at most."""
        edges = text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"
        found = [0] * self._count
        memo, patterns = self._memo, self._patterns
        words = dict.fromkeys(_WORD.findall(edges))
        for word in words:
            numbers = memo.get(word)
            for number in self._look_up(word) if numbers is None else numbers:
                found[number] += 1
            for pattern in patterns.get(word, ()):
                found[pattern.number] += pattern.words <= words.keys() and pattern.occurs(edges)
        if not edges.isascii():
            for part, number in self._wide:
                found[number] += part in edges
        for pattern in self._loose:
            found[pattern.number] += pattern.occurs(edges)
        return [min(count, _ENOUGH) for count in found]

    def _look_up(self, word: str) -> tuple[int, ...]:
        """Return the clusters of a word; memoised, bounded, which never changes an answer."""
        if len(self._memo) >= _MEMO:
            self._memo.clear()
        found = self._memo[word] = tuple(sorted(self._clusters_of(word)))
        return found

    def _clusters_of(self, word: str) -> set[int]:
        found = self._exact.get(word, set())
        for length in self._lengths:
            if length > len(word):
                break
            stem = self._stems.get(word[:length])
            if stem is not None:
                found = found | stem
        return found


class _Pattern(NamedTuple):
    """A pattern ready to search with."""

    number: int
    """Of its cluster."""
    letters: str
    """They occur wherever it matches."""
    words: frozenset[str]
    """Each is a word of its own wherever it matches; none in scripts without spaces."""
    expression: re.Pattern[str]

    @classmethod
    def of(cls, text: str, number: int) -> "_Pattern":
        """Compile a lower-cased pattern."""
        parts = [words for words in (part.split() for part in text.split(_GAP)) if words]
        wide = _WIDE.search(text) is not None
        gap = ".{0,20}?" if wide else r"\W+(?:\w+\W+){0,6}?"
        joint = r"\s*" if wide else r"\W+"
        body = gap.join(joint.join(_word(word) for word in part) for part in parts)
        everything = [word for part in parts for word in part]
        whole = [word for word in everything if not word.endswith("*")]
        return cls(
            number,
            max((word.rstrip("*") for word in everything), key=len, default=""),
            frozenset() if wide else frozenset(found for word in whole for found in _WORD.findall(word)),
            re.compile(body if wide else rf"(?<!\w){body}(?!\w)"),
        )

    def occurs(self, text: str) -> bool:
        """Return whether it matches somewhere."""
        return self.letters in text and self.expression.search(text) is not None


def _word(word: str) -> str:
    stem = word.rstrip("*")
    return re.escape(stem) + (r"\w*" if stem != word else "")
