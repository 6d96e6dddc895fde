"""Whether a model's answer to a probe is good: decided by a program, never by another model (SPEC R16)."""

import ast
import re
from decimal import Decimal
from typing import Any, Final, assert_never

import orjson

from schemas.probe import Check, Choice, Contains, Json, Number, Pattern, PythonCode

_MOST: Final = 20_000
"""Characters of an answer that are read: a longer one answers no probe."""
_NUMBER: Final = re.compile(r"(?<![\w.,])[-\u2212]?\d{1,30}(?:[.,]\d{1,30})*")
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d{1,3}(?:\.\d{3}){2,}")
_FENCE: Final = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.MULTILINE | re.DOTALL)


def passes(check: Check, answer: str) -> bool:
    """Return whether ``answer`` is good by ``check``. An empty answer never is, nor one of absurd length."""
    text = answer.strip()
    if not text or len(text) > _MOST:
        return False
    match check:
        case Choice():
            good = _chosen(check, text)
        case Number():
            good = _is_number(check, text)
        case Pattern():
            good = re.search(check.pattern, text) is not None
        case Contains():
            good = _contains(check, text)
        case Json():
            good = _is_json(check, _code(text))
        case PythonCode():
            good = _is_python(check, _code(text))
        case _:
            assert_never(check)
    return good


def _chosen(check: Choice, text: str) -> bool:
    line = text.splitlines()[-1]
    return {option for option in check.options if _names(option, line)} == {check.answer}


def _names(option: str, line: str) -> bool:
    flags = 0 if len(option) == 1 else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(option)}(?!\w)", line, flags) is not None


def _is_number(check: Number, text: str) -> bool:
    found = _last_number(text)
    return found is not None and abs(found - check.answer) <= check.tolerance


def _last_number(text: str) -> Decimal | None:
    found = _NUMBER.findall(text)
    if not found:
        return None
    number = found[-1].replace("\u2212", "-")
    if _THOUSANDS.fullmatch(number):
        plain = number.replace(",", "") if "," in number else number.replace(".", "")
    else:
        plain = number.replace(",", ".")
    return Decimal(plain) if plain.count(".") <= 1 else None


def _contains(check: Contains, text: str) -> bool:
    folded = text.casefold()
    return (
        all(word.casefold() in folded for word in check.all)
        and not any(word.casefold() in folded for word in check.none)
        and (check.max_words is None or len(text.split()) <= check.max_words)
    )


def _code(text: str) -> str:
    """Return the first fenced block, else the whole text."""
    fenced = _FENCE.search(text)
    return fenced[1] if fenced is not None else text


def _is_json(check: Json, text: str) -> bool:
    try:
        value: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return (
        isinstance(value, dict)
        and all(key in value for key in check.keys)
        and all(key in value and value[key] == wanted for key, wanted in check.equals.items())
    )


def _is_python(check: PythonCode, code: str) -> bool:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Beyond syntax: a null character, or nesting that the parser gives up on.
        return False
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    return (
        defined.issuperset(check.defines)
        and all(piece in code for piece in check.contains)
        and not any(piece in code for piece in check.none)
    )
