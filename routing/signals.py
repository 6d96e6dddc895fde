"""Fast signals of a prompt (SPEC R5): compiled patterns over bounded text; the text itself is not kept."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from routing.build import build
from routing.words import INTENTS, LANGUAGES, WordTable, slot, words_of
from schemas.decision import SignalsView
from schemas.request import Attachment, RequestReceived

SAMPLE: Final = 4096
"""Characters read of a text: of longer ones half from the head, a quarter each from the middle and the tail."""
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
_SYNTAX: Final = re.compile(
    r"\b(?:def \w+\(|class \w+\s*[:({]|import [\w{*]+[;,.\n]|from [\w.]+ import\b|function\s*\w*\("
    r"|(?:const|let|var) \w+\s*=|public (?:static|class|void)\b|select\b.{1,200}?\bfrom \w|insert into \w"
    r"|create table \w|return \w+[;(]|fn \w+\(|func \w+\()|#include\s*<"
)
_SYNTAX_MARKS: Final = ("=>", ") {", "){", "};", "</", "console.log(", "print(", "$(", "[]string", "::new(", "#!/")
_ERROR_LINE: Final = re.compile(r"(?:error|exception)\s*[:(]")
_FRAME: Final = re.compile(r" at [\w.$]+\([\w.]+:\d+\)")
_TRACE_MARKS: Final = (
    "traceback (most recent",
    "segmentation fault",
    "core dumped",
    "panic:",
    "stack trace",
    "stacktrace",
    "exit code 1",
)
_MATHS_MARKS: Final = ("=", "^", "*", "/", "+", "%", "\\")
_MATHS: Final = re.compile(
    r"\d\s*[*/^=×÷]\s*\(?-?\d|\b[xyzn]\s*[\^=²³]|[∫∑√∏≤≥≠π∞]|\\(?:frac|int|sum|sqrt)"  # noqa: RUF001 - as above
    r"|\d\s*%\s+of\b|\bf\(x\)|\d\s\+\s\d"
)
_HAN: Final = re.compile("[\u4e00-\u9fff]")
_KANA: Final = re.compile("[\u3040-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_QUESTION_MARKS: Final = frozenset({"?", "\uff1f", "\u061f"})
_BULLET: Final = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])\s+\S", re.MULTILINE)

Intent = Literal["create", "fix", "explain", "analyze", "review"]
_INTENT_SLOTS: Final = tuple((slot(f"intent/{intent}"), intent) for intent in INTENTS)
_LANGUAGE_SLOTS: Final = tuple((slot(f"language/{language}"), language) for language in LANGUAGES)
_GREETING: Final = slot("mark/greeting")
_FOLLOW_UP: Final = slot("mark/follow_up")
_PLAN: Final = slot("mark/plan")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a prompt: the public signals, and the evidence that classification weighs."""

    signals: SignalsView
    evidence: Sequence[float]
    words: int
    has_trace: bool
    has_maths: bool
    bullets: int
    bytes: int
    text: str
    """What was read, in lower case; never stored."""
    tokens: Sequence[str]
    """The words of that text."""


def sample(text: str) -> str:
    """Return at most ``SAMPLE`` characters: all of a short text, else head, middle and tail, always the same ones."""
    if len(text) <= SAMPLE:
        return text
    quarter = SAMPLE // 4
    middle = len(text) // 2 - quarter // 2
    return "\n".join((text[: 2 * quarter], text[middle : middle + quarter], text[-quarter:]))


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


def language_of(text: str, evidence: Sequence[float]) -> str | None:
    """Return the language: by script for Japanese, Chinese, Korean, else by its frequent words; None when unclear."""
    if not text.isascii():
        if _KANA.search(text):
            return "ja"
        if _HAN.search(text):
            return "zh"
        if _HANGUL.search(text):
            return "ko"
    best, name = 0.0, None
    for index, language in _LANGUAGE_SLOTS:
        if evidence[index] > best:
            best, name = evidence[index], language
    return name


def estimate_tokens(length: int, *, code: bool, wide: bool) -> int:
    """Return the likely number of tokens of ``length`` bytes: about 4.2 bytes a token in prose, 3.4 in code and CJK."""
    return (length * 10 + 41) // (34 if code or wide else 42)


def read(request: RequestReceived, table: WordTable) -> Reading:
    """Return signals and evidence of a request. Work is bounded whatever the length of the prompt."""
    question = question_of(request)
    text = sample(question).lower()
    words = words_of(text)
    evidence = table.evidence(text, words)
    language = language_of(text, evidence)
    wide = language in {"zh", "ja", "ko"}
    word_count = len(text) // 2 if wide else len(words)
    blocks = "```" in question or "~~~" in question
    syntax = has_syntax(text, words)
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
            "is_short_question": 0 < word_count < SHORT_QUESTION_WORDS and text.rstrip()[-1:] in _QUESTION_MARKS,
            "is_follow_up": evidence[_FOLLOW_UP] > 0 and (turns > 1 or evidence[_FOLLOW_UP] > 1),
            "has_documents": not kinds.isdisjoint({"document", "logs", "timeline"}),
            "has_images": not kinds.isdisjoint({"image", "mask", "keyframes"}),
            "long_conversation": turns >= LONG_CONVERSATION,
            "mentions_plan": evidence[_PLAN] > 0,
            "conversation_length": turns,
            "estimated_tokens": tokens,
            "intent": _intent(evidence),
            "language": language,
        },
    )
    return Reading(
        signals=signals,
        evidence=evidence,
        words=word_count,
        has_trace=has_trace(text),
        has_maths=has_maths(text),
        bullets=len(_BULLET.findall(text)) if "\n" in text else 0,
        bytes=total,
        text=text,
        tokens=words,
    )


def has_extension(text: str) -> bool:
    """Return whether a file name with a known extension of code occurs, such as ``main.py`` or ``*.ts``."""
    for found in _EXTENSION.finditer(text):
        start = found.start()
        if start > 0 and (text[start - 1].isalnum() or text[start - 1] in "_*-"):
            return True
    return False


def has_syntax(text: str, words: Sequence[str]) -> bool:
    """Return whether syntax of a programming language occurs; patterns run only when one of their words does."""
    if any(mark in text for mark in _SYNTAX_MARKS):
        return True
    return not _SYNTAX_WORDS.isdisjoint(words) and _SYNTAX.search(text) is not None


def has_trace(text: str) -> bool:
    """Return whether an error report of a program occurs: a trace back, an exception with its message."""
    if any(mark in text for mark in _TRACE_MARKS):
        return True
    if ("error" in text or "exception" in text) and _ERROR_LINE.search(text) is not None:
        return True
    return " at " in text and _FRAME.search(text) is not None


def has_maths(text: str) -> bool:
    """Return whether formulas or arithmetic occur."""
    if text.isascii() and not any(mark in text for mark in _MATHS_MARKS):
        return False
    return _MATHS.search(text) is not None


def _intent(evidence: Sequence[float]) -> Intent | None:
    best, found = 0.0, None
    for index, intent in _INTENT_SLOTS:
        if evidence[index] > best:
            best, found = evidence[index], intent
    return cast("Intent | None", found)


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
