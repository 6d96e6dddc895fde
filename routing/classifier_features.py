"""What the learned classifier sees of a prompt: hashed words, pairs and parts of words, and named marks of structure.

Everything here is exact: hashes are CRC-32, counts are integers; the same text gives the same features on any machine.
"""

import re
from bisect import bisect_left
from itertools import compress
from typing import Final
from zlib import crc32

from routing.signals import Reading
from routing.text import Text, signs_of
from routing.words import INTENTS, TYPE_SLICE, TYPES, UNIT

TABLE_BITS: Final = 16
TABLE_SIZE: Final = 1 << TABLE_BITS
TABLE_MASK: Final = TABLE_SIZE - 1
PAIR_FACTOR: Final = 0x9E3779B1
"""Odd multiplier (2^32 divided by the golden ratio) that mixes the hash of a pair's first word."""
MAX_PART: Final = 24
"""Characters of a word whose parts count."""
LEAD: Final = 6
"""Words at the start that are seen a second time as such: people say first what they want."""
PAIRED: Final = 24
"""Words at the start whose pairs count."""

_TOKEN: Final = re.compile("[\u2e80-\u9fff\uff66-\uff9f]|[^\\W\u2e80-\u9fff\uff66-\uff9f]+")
_QUOTED: Final = re.compile('["\u201c\u201e\u00ab\u300c][^"\u201d\u00bb\u300d]{3,80}')
_ENDINGS: Final = ("?", "\uff1f", "\u061f")
_BOUNDS: Final = (3, 8, 20, 60, 200)
_LEVELS: Final = (3, 9, 19)
"""Evidence for a type in tenths of a word: some, a word, two words."""
_SOME, _WORD, _WORDS = (-(-level * UNIT // 10) for level in _LEVELS)

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
_FLAGS: Final = tuple(
    _MARK[name]
    for name in (
        "code_block",
        "file_extension",
        "syntax",
        "trace",
        "maths",
        "greeting",
        "short_question",
        "follow_up",
        "plan",
        "listed",
        "listed_often",
    )
)
"""Marks that are read before, in the order in which `structure_of` names them."""
_COLONS: Final = frozenset({":", "\uff1a"})
_STUBS: Final = ("def ", "class ", "func ", "function ", "from ", "import ", "//", "/*", "#include", "public ")
"""Beginnings of a piece of code."""
_SIGNS: Final = tuple(
    (_MARK[name], tuple((signs_of(sign), sign) for sign in signs))
    for name, signs in (
        ("inline_code", ("`",)),
        ("doctest", (">>>", '"""')),
        ("diff", ("diff --git", "\n+ ", "\n- const", "@@")),
        ("json", ('":', "':")),
        ("brackets", ("[",)),
        ("colon_inside", (": ", ":\n", "\uff1a")),
        ("exclamation", ("!", "\uff01")),
    )
)
"""Marks that a text has when one of these occurs in it: what of it is seen among the signs, and all of it."""
_QUOTES: Final = re.compile('["\u201c\u201e\u00ab\u300c]')


_REPEATED: Final = tuple(
    (_MARK[name], sign, within, pattern)
    for name, sign, within, pattern in (
        ("options", ")", "b)", re.compile(r"\)(?<=[\s(][a-d]\))\s")),
        ("listed_options", ".", "b.", re.compile(r"\.(?<=\s[a-d]\.)\s")),
        ("rows", "\n", "\n", re.compile(r"\n[^,;\n]++(?:[,;][^,;\n]++)++(?![,;])")),
    )
)
"""Marks that a text, after a line feed, has when a pattern matches thrice; that takes its sign, and what is within."""
_ASSIGNED: Final = re.compile(r"=\s*[\w\"'(\[]")
_NEAR: Final = 8
"""Characters before an equals sign that are looked at."""
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
    *(f"rule/{kind}>={level / 10:g}" for kind in TYPES for level in _LEVELS),
    *(f"rule_first/{kind}" for kind in TYPES),
)
"""Names of the marks of structure, in the order of the rows of weights."""
_INTENT_INDEX: Final[dict[str | None, int]] = {
    intent: _INTENT_AT + index for index, intent in enumerate((*INTENTS, None))
}


def tokens_of(text: Text) -> list[str]:
    """Return the words of what was read; signs of scripts without spaces are a word each."""
    return _TOKEN.findall(text.lower) if text.wide else text.words


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


def pair_ends(word: str) -> tuple[int, int]:
    """Return two numbers of a word: as the first of a pair, and as the second; combined by xor they name a row."""
    hashed = word_hash(word)
    return ((hashed * PAIR_FACTOR) & 0xFFFFFFFF) >> (32 - TABLE_BITS), hashed >> (32 - TABLE_BITS)


def structure_of(reading: Reading) -> list[int]:
    """Return the numbers of the marks of structure that a prompt has."""
    signals = reading.signals
    found = list(
        compress(
            _FLAGS,
            (
                signals.has_code_blocks,
                signals.has_file_extensions,
                signals.has_syntax_keywords,
                reading.has_trace,
                reading.has_maths,
                signals.is_greeting,
                signals.is_short_question,
                signals.is_follow_up,
                signals.mentions_plan,
                reading.bullets >= 1,
                reading.bullets >= 3,
            ),
        )
    )
    _add_form(found, reading.text)
    found.append(_INTENT_INDEX[signals.intent])
    found.append(_LENGTH_AT + bisect_left(_BOUNDS, reading.words))
    _add_rules(found, reading.evidence[TYPE_SLICE])
    return found


def _add_form(found: list[int], text: Text) -> None:
    """Add what the form of the text shows."""
    mark, lower = _MARK, text.lower
    end = lower.rstrip()[-1:]
    if end in _ENDINGS:
        found.append(mark["question"])
    elif end in _COLONS:
        found.append(mark["colon_end"])
    if "assert" in lower:
        found.append(mark["assertion"])
    if lower.startswith(_STUBS):
        found.append(mark["stub"])
    if text.digits * 12 >= len(lower) > 0:
        found.append(mark["digits"])
    if text.signs:
        _add_signs(found, lower, text.signs)


def _add_signs(found: list[int], lower: str, signs: str) -> None:
    """Add marks that need signs; what is slow runs only where its signs occur."""
    for index, forms in _SIGNS:
        for gate, sign in forms:
            if gate in signs and sign in lower:
                found.append(index)
                break
    if signs.count("\n") >= 3:
        found.append(_MARK["many_lines"])
    for index, sign, within, pattern in _REPEATED:
        if signs.count(sign) >= 2 and within in lower and len(pattern.findall("\n" + lower)) >= 3:
            found.append(index)
    if "=" in signs and _has_assignment(lower):
        found.append(_MARK["assignment"])
    if _QUOTES.search(signs) is not None and _QUOTED.search(lower) is not None:
        found.append(_MARK["quoted"])


def _has_assignment(lower: str) -> bool:
    """Return whether a name, an equals sign (perhaps with plus or minus before it) and a value occur."""
    for found in _ASSIGNED.finditer(lower):
        start = found.start()
        name = lower[max(0, start - _NEAR) : start]
        name = (name[:-1] if name.endswith(("+", "-")) else name).rstrip()
        if name and (name[-1].isalnum() or name[-1] == "_"):
            return True
    return False


def _add_rules(found: list[int], evidence: list[int]) -> None:
    """Add what the words of the taxonomy say: per type how strongly, and which type they name first."""
    best = max(evidence)
    if best < _SOME:
        return
    found.append(_BEST_AT + evidence.index(best))
    for index, value in enumerate(evidence):
        if value >= _SOME:
            row = _RULE_AT + index * len(_LEVELS)
            found.append(row)
            if value >= _WORD:
                found.append(row + 1)
                if value >= _WORDS:
                    found.append(row + 2)
