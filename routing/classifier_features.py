"""What the learned classifier sees of a prompt: hashed words, pairs and parts of words, and named marks of structure.

Everything here is exact: hashes are CRC-32, counts are integers; the same text gives the same features on any machine.
"""

import re
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from routing.signals import Reading
from routing.words import INTENTS, TYPE_SLICE, TYPES

TABLE_BITS: Final = 16
TABLE_SIZE: Final = 1 << TABLE_BITS
TABLE_MASK: Final = TABLE_SIZE - 1
PAIR_FACTOR: Final = 0x9E3779B1
"""Odd multiplier (2^32 divided by the golden ratio) that mixes the hash of a pair's first word."""
MAX_PART: Final = 24
"""Characters of a word whose parts count."""
LEAD: Final = 6
"""Words at the start that are seen a second time as such: people say first what they want."""

_TOKEN: Final = re.compile("[\u2e80-\u9fff\uff66-\uff9f]|[^\\W\u2e80-\u9fff\uff66-\uff9f]+")
_QUOTED: Final = re.compile('["\u201c\u201e\u00ab\u300c][^"\u201d\u00bb\u300d]{3,80}')
_ROW: Final = re.compile(r"^[^,;\n]+(?:[,;][^,;\n]+)+$", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"\w\s*[+-]?=\s*[\w\"'(\[]")
_WIDE: Final = re.compile("[\u2e80-\u9fff\uff66-\uff9f]")
_ENDINGS: Final = ("?", "\uff1f", "\u061f")
_BOUNDS: Final = (3, 8, 20, 60, 200)
_LEVELS: Final = (0.3, 0.9, 1.9)

_MARKS: Final = (
    "code_block",
    "file_extension",
    "syntax",
    "trace",
    "maths",
    "greeting",
    "short_question",
    "follow_up",
    "plan",
    "question",
    "options",
    "listed_options",
    "quoted",
    "inline_code",
    "doctest",
    "assertion",
    "stub",
    "diff",
    "rows",
    "json",
    "brackets",
    "digits",
    "many_lines",
    "listed",
    "listed_often",
    "assignment",
    "colon_end",
    "colon_inside",
    "exclamation",
)
_MARK: Final = {name: index for index, name in enumerate(_MARKS)}
_COLONS: Final = frozenset({":", "\uff1a"})
_STUBS: Final = ("def ", "class ", "func ", "function ", "from ", "import ", "//", "/*", "#include", "public ")
"""Beginnings of a piece of code."""
_SIGNS: Final = tuple(
    (_MARK[name], signs)
    for name, signs in (
        ("inline_code", ("`",)),
        ("doctest", (">>>", '"""')),
        ("assertion", ("assert",)),
        ("diff", ("diff --git", "\n+ ", "\n- const", "@@")),
        ("json", ('":', "':")),
        ("brackets", ("[",)),
        ("colon_inside", (": ", ":\n", "\uff1a")),
        ("exclamation", ("!", "\uff01")),
    )
)
"""Marks that a text has when one of these occurs in it."""
_PATTERNS: Final = (
    (_MARK["options"], "b)", re.compile(r"(?:^|[\s(])[a-d]\)\s"), 3),
    (_MARK["listed_options"], "b.", re.compile(r"(?:^|\s)[a-d]\.\s"), 3),
    (_MARK["quoted"], "", _QUOTED, 1),
    (_MARK["rows"], "\n", _ROW, 3),
    (_MARK["assignment"], "=", _ASSIGNMENT, 1),
)
"""Marks that a text has when a pattern matches often enough; it runs where its sign occurs."""
_INTENT_AT: Final = len(_MARKS)
_LENGTH_AT: Final = _INTENT_AT + len(INTENTS) + 1
_RULE_AT: Final = _LENGTH_AT + len(_BOUNDS) + 1
_BEST_AT: Final = _RULE_AT + len(TYPES) * len(_LEVELS)
STRUCTURE: Final[tuple[str, ...]] = (
    *_MARKS,
    *(f"intent/{intent}" for intent in INTENTS),
    "intent/none",
    *(f"words<={bound}" for bound in _BOUNDS),
    "words>200",
    *(f"rule/{kind}>={level}" for kind in TYPES for level in _LEVELS),
    *(f"rule_first/{kind}" for kind in TYPES),
)
"""Names of the marks of structure, in the order of the rows of weights."""
_INTENT_INDEX: Final = {intent: _INTENT_AT + index for index, intent in enumerate(INTENTS)}


def tokens_of(reading: Reading) -> Sequence[str]:
    """Return the words of what was read; signs of scripts without spaces are a word each."""
    text = reading.text
    return reading.tokens if text.isascii() or _WIDE.search(text) is None else _TOKEN.findall(text)


def word_hash(word: str) -> int:
    """Return the 32-bit hash of a word."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def parts_of(word: str) -> list[int]:
    """Return the table rows of a word: itself, and its runs of three, four and five characters, ends marked."""
    rows = [word_hash(word) & TABLE_MASK]
    if len(word) < 3:
        return rows
    marked = f"<{word[:MAX_PART]}>".encode("utf-32-le", "surrogatepass")
    count = len(marked) // 4
    seen: set[bytes] = set()
    for size in (3, 4, 5):
        for start in range(count - size + 1):
            seen.add(marked[4 * start : 4 * (start + size)])
    rows.extend(sorted(crc32(part) & TABLE_MASK for part in seen))
    return rows


def lead_row(word: str) -> int:
    """Return the table row of a word that stands among the first."""
    return crc32(b"^" + word.encode("utf-8", "surrogatepass")) & TABLE_MASK


def structure_of(reading: Reading) -> list[int]:
    """Return the numbers of the marks of structure that a prompt has, ascending within each group."""
    signals, text = reading.signals, reading.text
    found: list[int] = []
    mark = _MARK
    for name, present in (
        ("code_block", signals.has_code_blocks),
        ("file_extension", signals.has_file_extensions),
        ("syntax", signals.has_syntax_keywords),
        ("trace", reading.has_trace),
        ("maths", reading.has_maths),
        ("greeting", signals.is_greeting),
        ("short_question", signals.is_short_question),
        ("follow_up", signals.is_follow_up),
        ("plan", signals.mentions_plan),
        ("listed", reading.bullets >= 1),
        ("listed_often", reading.bullets >= 3),
    ):
        if present:
            found.append(mark[name])
    _add_form(found, text)
    found.append(_INTENT_INDEX.get(signals.intent or "", _LENGTH_AT - 1))
    length = len(_BOUNDS)
    for index, bound in enumerate(_BOUNDS):
        if reading.words <= bound:
            length = index
            break
    found.append(_LENGTH_AT + length)
    _add_rules(found, reading.evidence[TYPE_SLICE])
    return found


def _add_form(found: list[int], text: str) -> None:
    """Add what the form of the text shows; patterns run only where a sign they need occurs."""
    mark = _MARK
    end = text.rstrip()[-1:]
    if end in _ENDINGS:
        found.append(mark["question"])
    elif end in _COLONS:
        found.append(mark["colon_end"])
    found += [index for index, signs in _SIGNS if _has_one(text, signs)]
    if text.startswith(_STUBS):
        found.append(mark["stub"])
    if text.count("\n") >= 3:
        found.append(mark["many_lines"])
    for index, gate, pattern, least in _PATTERNS:
        if gate in text and len(pattern.findall(text)) >= least:
            found.append(index)
    if sum(map(text.count, "0123456789")) * 12 >= len(text) > 0:
        found.append(mark["digits"])


def _has_one(text: str, signs: tuple[str, ...]) -> bool:
    for sign in signs:  # noqa: SIM110 - a generator costs more than the search, eight times for each prompt
        if sign in text:
            return True
    return False


def _add_rules(found: list[int], evidence: Sequence[float]) -> None:
    """Add what the words of the taxonomy say: per type how strongly, and which type they name first."""
    best, first = 0.0, -1
    for index, value in enumerate(evidence):
        if value < _LEVELS[0]:
            continue
        row = _RULE_AT + index * len(_LEVELS)
        found.append(row)
        if value >= _LEVELS[1]:
            found.append(row + 1)
            if value >= _LEVELS[2]:
                found.append(row + 2)
        if value > best:
            best, first = value, index
    if first >= 0:
        found.append(_BEST_AT + first)
