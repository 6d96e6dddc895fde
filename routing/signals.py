"""Fast signals of a prompt (SPEC R5): compiled patterns over bounded text; the text itself is not kept."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from routing.build import build
from routing.text import SAMPLE, Text, signs_of, text_of
from routing.words import INTENT_SLICE, INTENTS, LANGUAGE_SLICE, LANGUAGES, UNIT, WordTable, slot
from schemas.decision import SignalsView
from schemas.request import Attachment, RequestReceived

LONG_CONVERSATION: Final = 20
SHORT_QUESTION_WORDS: Final = 20
GREETING_WORDS: Final = 4
_MESSAGE_TOKENS: Final = 4

_EXTENSION: Final = re.compile(
    r"\.(?:py|tsx?|jsx?|mjs|java|kt|go|rs|rb|php|c|cc|cpp|h|hpp|cs|swift|scala|sql|sh|ps1|ya?ml|json|toml|html?|s?css"
    r"|vue|ipynb|tf|proto|gradle|lua|dart|ex|hs|pl)\b"
)
_SYNTAX_WORDS: Final = frozenset(
    {"def", "class", "import", "from", "function", "const", "let", "var", "include", "public", "select", "insert"}
    | {"create", "return", "fn", "func"}
)
_SYNTAX: Final = tuple(
    (frozenset(words.split()), signs, re.compile(pattern))
    for words, signs, pattern in (
        ("def", "(", r"def (?<!\wdef )\w+\("),
        ("class", "({:", r"class (?<!\wclass )\w+\s*[:({]"),
        ("import", ";,.\n", r"import (?<!\wimport )[\w{*]+[;,.\n]"),
        ("from import", "", r"from (?<!\wfrom )[\w.]+ import\b"),
        ("function", "(", r"function(?<!\wfunction)\s*\w*\("),
        ("const", "=", r"const (?<!\wconst )\w+\s*="),
        ("let", "=", r"let (?<!\wlet )\w+\s*="),
        ("var", "=", r"var (?<!\wvar )\w+\s*="),
        ("public static", "", r"public static(?<!\wpublic static)\b"),
        ("public class", "", r"public class(?<!\wpublic class)\b"),
        ("public void", "", r"public void(?<!\wpublic void)\b"),
        ("select from", "", r"select(?<!\wselect)\b.{1,200}?\bfrom \w"),
        ("insert into", "", r"insert into (?<!\winsert into )\w"),
        ("create table", "", r"create table (?<!\wcreate table )\w"),
        ("return", ";(", r"return (?<!\wreturn )\w+[;(]"),
        ("fn", "(", r"fn (?<!\wfn )\w+\("),
        ("func", "(", r"func (?<!\wfunc )\w+\("),
        ("include", "<", r"#include\s*<"),
    )
)
"""Syntax: the words it has, signs of which it has one, and the pattern, which begins with plain text to be fast."""
_SYNTAX_MARKS: Final = tuple(
    (signs_of(mark), mark)
    for mark in ("=>", ") {", "){", "};", "</", "$(", "[]string", "::new(", "#!/", "console.log(", "print(")
)
_ERROR_LINE: Final = re.compile(r"(?:error|exception)\s*[:(]")
_FRAME: Final = re.compile(r" at [\w.$]+\([\w.]+:\d+\)")
_TRACE_MARKS: Final = tuple(
    (frozenset(re.findall(r"\w+", mark)), mark)
    for mark in (
        "traceback (most recent",
        "segmentation fault",
        "core dumped",
        "panic:",
        "stack trace",
        "stacktrace",
        "exit code 1",
    )
)
_TRACE_WORDS: Final = frozenset({"traceback", "segmentation", "core", "panic", "stack", "stacktrace", "exit"})
_MATHS_SIGNS: Final = re.compile(r"[=^*/+%\\×÷²³∫∑√∏≤≥≠π∞]")  # noqa: RUF001 - signs of formulas
_MATHS: Final = re.compile(
    r"\d\s*[*/^=×÷]\s*\(?-?\d|\b[xyzn]\s*[\^=²³]|[∫∑√∏≤≥≠π∞]|\\(?:frac|int|sum|sqrt)"  # noqa: RUF001 - as above
    r"|\d\s*%\s+of\b|\d\s\+\s\d"
)
_FUNCTION: Final = re.compile(r"f\(x\)(?<!\wf\(x\))")
_HAN: Final = re.compile("[\u4e00-\u9fff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_SCRIPTS: Final = tuple(
    (language, re.compile(f"[{first}-{last}]"))
    for language, first, last in (
        ("ru", "\u0400", "\u04ff"),
        ("el", "\u0370", "\u03ff"),
        ("he", "\u0590", "\u05ff"),
        ("ar", "\u0600", "\u06ff"),
        ("hi", "\u0900", "\u097f"),
        ("th", "\u0e00", "\u0e7f"),
    )
)
_QUESTION_MARKS: Final = frozenset({"?", "\uff1f", "\u061f"})
_BULLET: Final = re.compile(r"\n[ \t]*(?:[-*•]|\d{1,2}[.)])\s+\S")

_GREETING: Final = slot("mark/greeting")
_FOLLOW_UP: Final = slot("mark/follow_up")
_PLAN: Final = slot("mark/plan")


class Reading(NamedTuple):
    """What was read from a prompt: the public signals, and the evidence that classification weighs."""

    signals: SignalsView
    evidence: list[int]
    """By slot, in ``UNIT``-ths."""
    words: int
    has_trace: bool
    has_maths: bool
    bullets: int
    bytes: int
    text: Text


def byte_length(text: str) -> int:
    """Return the length in UTF-8 bytes: no tokenizer gives more tokens than that."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def question_of(request: RequestReceived) -> str:
    """Return the text that says what is asked: the prompt, else the last message of the user."""
    if request.prompt is not None:
        return request.prompt
    for message in reversed(request.messages):
        if message.role == "user":
            return message.content
    return request.messages[-1].content if request.messages else ""


def language_of(text: Text, evidence: list[int]) -> str | None:
    """Return the language: by script for Japanese, Chinese, Korean, else by its frequent words, else by other scripts.

    A script that several languages share stands for the one that most people write in it; None when unclear.
    """
    if text.wide:
        if _KANA.search(text.lower):
            return "ja"
        if _HAN.search(text.lower):
            return "zh"
        if _HANGUL.search(text.lower):
            return "ko"
    found = _strongest(evidence[LANGUAGE_SLICE], LANGUAGES)
    if found is None and not text.lower.isascii():
        return next((language for language, script in _SCRIPTS if script.search(text.lower)), None)
    return found


def _strongest(evidence: list[int], names: Sequence[str]) -> str | None:
    """Return the name that has most evidence, the first of equals; None where there is none."""
    most = max(evidence)
    return names[evidence.index(most)] if most else None


def estimate_tokens(length: int, *, code: bool, wide: bool) -> int:
    """Return the likely number of tokens of ``length`` bytes: about 4.2 bytes a token in prose, 3.4 in code and CJK."""
    return (length * 10 + 41) // (34 if code or wide else 42)


def read(request: RequestReceived, table: WordTable) -> Reading:
    """Return signals and evidence of a request. Work is bounded whatever the length of the prompt."""
    question = question_of(request)
    text = text_of(question)
    evidence = table.evidence(text)
    language = language_of(text, evidence)
    wide = language in {"zh", "ja", "ko"}
    word_count = len(text.lower) // 2 if wide else len(text.words)
    blocks = has_code_block(question, text)
    syntax = has_syntax(text)
    length = byte_length(question)
    kinds = {part.kind for part in request.attachments}
    if request.payload is not None:
        kinds.add(request.payload.kind)
    turns, total = _conversation(request, length)
    tokens = estimate_tokens(total, code=blocks or syntax, wide=wide)
    tokens += _MESSAGE_TOKENS * (len(request.messages) + 1) + _attached(request.attachments)
    signals = build(
        SignalsView,
        {
            "has_code_blocks": blocks,
            "has_file_extensions": has_extension(text),
            "has_syntax_keywords": syntax,
            "is_greeting": evidence[_GREETING] > 0 and word_count <= (GREETING_WORDS if not wide else 6),
            "is_short_question": 0 < word_count < SHORT_QUESTION_WORDS and text.lower.rstrip()[-1:] in _QUESTION_MARKS,
            "is_follow_up": evidence[_FOLLOW_UP] > 0 and (turns > 1 or evidence[_FOLLOW_UP] > UNIT),
            "has_documents": not kinds.isdisjoint({"document", "logs", "timeline"}),
            "has_images": not kinds.isdisjoint({"image", "mask", "keyframes"}),
            "long_conversation": turns >= LONG_CONVERSATION,
            "mentions_plan": evidence[_PLAN] > 0,
            "conversation_length": turns,
            "estimated_tokens": tokens,
            "intent": _strongest(evidence[INTENT_SLICE], INTENTS),
            "language": language,
            "sensitive": (),
        },
    )
    return Reading(
        signals=signals,
        evidence=evidence,
        words=word_count,
        has_trace=has_trace(text),
        has_maths=has_maths(text),
        bullets=len(_BULLET.findall("\n" + text.lower)) if "\n" in text.signs else 0,
        bytes=total,
        text=text,
    )


def has_code_block(question: str, text: Text) -> bool:
    """Return whether a code fence occurs, in the whole question."""
    if len(question) <= SAMPLE and "```" not in text.signs and "~~~" not in text.signs:
        return False
    return ("`" in question and "```" in question) or ("~" in question and "~~~" in question)


def has_extension(text: Text) -> bool:
    """Return whether a file name with a known extension of code occurs, such as ``main.py`` or ``*.ts``."""
    if "." not in text.signs:
        return False
    lower = text.lower
    for found in _EXTENSION.finditer(lower):
        start = found.start()
        if start > 0 and (lower[start - 1].isalnum() or lower[start - 1] in "_*-"):
            return True
    return False


def has_syntax(text: Text) -> bool:
    """Return whether syntax of a programming language occurs; patterns run only when their words and signs do."""
    lower, signs, distinct = text.lower, text.signs, text.distinct
    for gate, mark in _SYNTAX_MARKS:
        if gate in signs and mark in lower:
            return True
    if _SYNTAX_WORDS.isdisjoint(distinct):
        return False
    for words, needed, pattern in _SYNTAX:
        if words <= distinct and (not needed or any(sign in signs for sign in needed)) and pattern.search(lower):
            return True
    return False


def has_trace(text: Text) -> bool:
    """Return whether an error report of a program occurs: a trace back, an exception with its message."""
    lower, distinct = text.lower, text.distinct
    if not _TRACE_WORDS.isdisjoint(distinct):
        for words, mark in _TRACE_MARKS:
            if words <= distinct and mark in lower:
                return True
    if ":" not in text.signs and "(" not in text.signs:
        return False
    if ("error" in lower or "exception" in lower) and _ERROR_LINE.search(lower) is not None:
        return True
    return "at" in distinct and _FRAME.search(lower) is not None


def has_maths(text: Text) -> bool:
    """Return whether formulas or arithmetic occur."""
    if "()" in text.signs and _FUNCTION.search(text.lower) is not None:
        return True
    return _MATHS_SIGNS.search(text.signs) is not None and _MATHS.search(text.lower) is not None


def _conversation(request: RequestReceived, question: int) -> tuple[int, int]:
    """Return (turns of the user, bytes of the whole conversation)."""
    if not request.messages:
        return max(request.conversation_turns, 1), question
    total = 0 if request.prompt is None else question
    turns = 0 if request.prompt is None else 1
    for message in request.messages:
        total += byte_length(message.content)
        turns += message.role == "user"
    return max(turns, request.conversation_turns), total


def _attached(attachments: Sequence[Attachment]) -> int:
    """Return the likely tokens of attachments: as stated, else a quarter of a document's bytes, 1,000 for a picture."""
    total = 0
    for part in attachments:
        if part.tokens is not None:
            total += part.tokens
        elif part.kind in {"image", "mask", "keyframes"}:
            total += 1000
        elif part.kind in {"document", "logs", "timeline"}:
            total += part.length // 4
    return total
