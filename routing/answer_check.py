"""Is an answer good enough to be given as it is? Checks on the text alone, the same on every machine (SPEC R13, U6)."""

import re
from collections.abc import Collection, Sequence
from typing import Final

import orjson

from schemas.control_steering import AnswerCheck

WORDS: Final[dict[AnswerCheck, str]] = {
    "empty": "the answer was empty",
    "refusal": "the model refused",
    "truncated": "the answer was cut off",
    "not_json": "the answer was not the JSON that was asked for",
    "broken_code": "the code in the answer was not complete",
}
"""Each finding as a clause."""
_FENCE: Final = re.compile(r"^[ \t]*(```|~~~)[^\n`]*$", re.MULTILINE)
_MOST_CODE: Final = 65_536
_START: Final = 200
"""Characters at the beginning in which a refusal shows."""
_NOT_ONLY_CODE: Final = ('"', "'", "`", "#", "//", "--", "/*")
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
_APOSTROPHE: Final = "\u2019"


def first_fault(
    content: str,
    finish_reason: str,
    checks: Collection[AnswerCheck],
    *,
    wants_json: bool,
    refusals: Sequence[str] = (),
) -> AnswerCheck | None:
    """Return the first of ``checks`` that the answer fails, or None. Only what is in ``checks`` is looked at."""
    text = content.strip()
    if "empty" in checks and not text:
        return "empty"
    if "truncated" in checks and finish_reason in {"length", "content_filter"}:
        return "truncated"
    start = text[:_START].lower().replace(_APOSTROPHE, "'")
    if "refusal" in checks and any(phrase.lower() in start for phrase in refusals):
        return "refusal"
    if "not_json" in checks and wants_json and not is_json(text):
        return "not_json"
    if "broken_code" in checks and not wants_json and not has_whole_code(text):
        return "broken_code"
    return None


def is_json(text: str) -> bool:
    """Return whether the whole text, or the one fenced block it consists of, is a JSON object or array."""
    fences = list(_FENCE.finditer(text))
    if len(fences) == 2 and fences[0].start() == 0 and fences[1].end() == len(text):
        text = text[fences[0].end() : fences[1].start()]
    try:
        return isinstance(orjson.loads(text), dict | list)
    except orjson.JSONDecodeError:
        return False


def has_whole_code(text: str) -> bool:
    """Return whether every fenced block is closed, and its brackets are; texts without fences have no code to check."""
    fences = list(_FENCE.finditer(text))
    if len(fences) % 2:
        return False
    blocks = (text[first.end() : last.start()] for first, last in zip(fences[::2], fences[1::2], strict=True))
    return all(_brackets_close(block[:_MOST_CODE]) for block in blocks if len(block) <= _MOST_CODE)


def _brackets_close(code: str) -> bool:
    """Return whether no bracket stays open at the end.

    Brackets in strings and comments need not close: those opened on a line with a quote or a comment do not count, and
    closing ones without an opening one are let pass.
    """
    open_brackets: list[str] = []
    for line in code.splitlines():
        plain = not any(mark in line for mark in _NOT_ONLY_CODE)
        for sign in line:
            if sign in "([{" and plain:
                open_brackets.append(sign)
            elif sign in _PAIRS and open_brackets and open_brackets[-1] == _PAIRS[sign]:
                open_brackets.pop()
    return not open_brackets
