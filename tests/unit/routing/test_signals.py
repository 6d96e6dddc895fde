"""Fast signals: what they see, what they do not, and that their work is bounded."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.signals import byte_length, estimate_tokens, read
from schemas.decision import SignalsView
from schemas.request import Attachment, Message
from tests.brain import request, shipped

DOCUMENT = Attachment(kind="document", reference="d1", media_type="application/pdf", length=40_000)
PICTURE = Attachment(kind="image", reference="i1", media_type="image/png", length=200_000)


def signals(prompt: str | None, **fields: Any) -> SignalsView:
    return read(request(prompt, **fields), shipped().taxonomy_of("atelier").words).signals


@pytest.mark.parametrize(
    "prompt",
    ["look:\n```\nx = 1\n```", "```python\nprint(1)\n```", "~~~\ncode\n~~~"],
)
def test_code_blocks(prompt: str) -> None:
    """Fenced code is seen (R5)."""
    assert signals(prompt).has_code_blocks


@pytest.mark.parametrize(
    ("prompt", "seen"),
    [
        ("open main.py", True),
        ("the *.ts files", True),
        ("see src/app/index.tsx, line 3", True),
        ("Dockerfile and config.yaml", True),
        ("I live in the U.S. and like it", False),
        ("costs 3.50 a piece", False),
        ("e.g. this one", False),
    ],
)
def test_file_extensions(prompt: str, seen: bool) -> None:
    """File names of code are seen, abbreviations and numbers are not (R5)."""
    assert signals(prompt).has_file_extensions is seen


@pytest.mark.parametrize(
    ("prompt", "seen"),
    [
        ("def total(items): return sum(items)", True),
        ("const x = await load()", True),
        ("from math import sqrt", True),
        ("SELECT name FROM users WHERE id = 1", True),
        ("items.map(x => x.id)", True),
        ("#include <stdio.h>", True),
        ("public static void main", True),
        ("the class starts at nine and the function of sleep is rest", False),
        ("import duties from overseas", False),
        ("let me know", False),
    ],
)
def test_syntax(prompt: str, seen: bool) -> None:
    """Syntax is seen, the same words in prose are not (R5)."""
    assert signals(prompt).has_syntax_keywords is seen


@pytest.mark.parametrize(
    ("prompt", "seen"),
    [
        ("hi", True),
        ("Hello there!", True),
        ("Guten Morgen", True),
        ("bonjour", True),
        ("¡Hola!", True),
        ("olá", True),
        ("你好", True),
        ("こんにちは", True),
        ("hi, please write a parser for ISO dates in Rust with tests", False),
        ("history of the harbour", False),
    ],
)
def test_greeting(prompt: str, seen: bool) -> None:
    """A greeting alone is seen in several languages; a request that begins with one is a request (R5)."""
    assert signals(prompt).is_greeting is seen


@pytest.mark.parametrize(
    ("prompt", "seen"),
    [
        ("What is the capital of Chile?", True),
        ("它是什么\uff1f", True),
        ("Is it?  ", True),
        ("What is the capital of Chile", False),
        (" ".join(["word"] * 19) + "?", True),
        (" ".join(["word"] * 20) + "?", False),
        ("?", False),
    ],
)
def test_short_question(prompt: str, seen: bool) -> None:
    """Fewer than 20 words that end with a question mark are a short question (R5)."""
    assert signals(prompt).is_short_question is seen


def test_follow_up_needs_a_conversation_or_a_clear_phrase() -> None:
    """A reference to earlier messages counts when there were some (R5)."""
    assert signals("continue", conversation_turns=3).is_follow_up
    assert signals("as I said, make it shorter please").is_follow_up
    assert not signals("the tower of the castle", conversation_turns=3).is_follow_up


def test_documents_images_and_length_of_conversation() -> None:
    """Attachments and turns are signals (R5)."""
    assert signals("read it", attachments=(DOCUMENT,)).has_documents
    assert signals("look", attachments=(PICTURE,)).has_images
    assert not signals("look", attachments=(PICTURE,)).has_documents
    assert not signals("and", conversation_turns=19).long_conversation
    assert signals("and", conversation_turns=20).long_conversation
    messages = tuple(Message(role="user", content="x") for _ in range(21))
    assert signals(None, messages=messages).long_conversation


@pytest.mark.parametrize(
    ("prompt", "intent"),
    [
        ("create a logo", "create"),
        ("fix this", "fix"),
        ("explain gravity", "explain"),
        ("analyze our churn", "analyze"),
        ("review my essay", "review"),
        ("behebe das Leck", "fix"),
        ("expliquez la photosynthèse", "explain"),
        ("分析这份报告", "analyze"),
        ("この文章を説明してください", "explain"),
        ("the blue one", None),
    ],
)
def test_intent(prompt: str, intent: str | None) -> None:
    """The intent is read from verbs in several languages (R5)."""
    assert signals(prompt).intent == intent


@pytest.mark.parametrize(
    ("prompt", "seen"),
    [
        ("make a plan", True),
        ("our strategy for May", True),
        ("Strategie für Mai", True),
        ("制定计划", True),
        ("explain airplanes", False),
    ],
)
def test_mentions_plan(prompt: str, seen: bool) -> None:
    """Plan and strategy are seen as words (R5)."""
    assert signals(prompt).mentions_plan is seen


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("How do I get to the station from here", "en"),
        ("Wie komme ich von hier zum Bahnhof und was kostet das", "de"),
        ("Comment est-ce que je vais à la gare avec le bus", "fr"),
        ("Cómo llego a la estación con el autobús", "es"),
        ("Como eu chego na estação com o ônibus e não de táxi", "pt"),
        ("我怎么去火车站", "zh"),
        ("駅までの行き方を教えて", "ja"),
        ("역까지 어떻게 가나요", "ko"),
        ("Как пройти к вокзалу", "ru"),
        ("Πού είναι το τρένο", "el"),
        ("איפה התחנה", "he"),
        ("أين المحطة", "ar"),
        ("स्टेशन कहाँ है", "hi"),
        ("สถานีอยู่ที่ไหน", "th"),
        ("déjà vu", None),
        ("xyzzy", None),
    ],
)
def test_language(prompt: str, language: str | None) -> None:
    """The language is told by script or frequent words; None when unclear."""
    assert signals(prompt).language == language


def test_code_fence_is_seen_anywhere_in_a_long_text() -> None:
    """A code fence outside the sample counts too: it is looked for in the whole text."""
    assert signals("x" * 30_000 + "```" + "y" * 20_000).has_code_blocks


@given(st.text(max_size=300))
def test_bytes_are_those_of_utf8(text: str) -> None:
    """The byte length is that of UTF-8, for any text a string can hold."""
    assert byte_length(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (
            "The harbour master asked the pilot to wait for the evening tide before entering the inner basin. " * 20,
            340,
            500,
        ),
        ("for (let i = 0; i < items.length; i++) { total += items[i].price * items[i].count; }\n" * 20, 400, 640),
    ],
)
def test_token_estimate_is_near(text: str, low: int, high: int) -> None:
    """The estimate of tokens is near what tokenizers give for prose and code (N17)."""
    assert low <= estimate_tokens(byte_length(text), code="{" in text, wide=False) <= high


HOSTILE = ["a" * 60_000, "1" * 60_000, "\n" * 60_000, " " * 60_000, "at a" * 15_000, "select " * 8_000, "(" * 60_000]


@pytest.mark.parametrize(
    "text", [*HOSTILE, "class a" + " " * 50_000, "1 " * 30_000, "import {" * 7_000, "error " * 9_000]
)
def test_hostile_texts_are_read_without_fault(text: str) -> None:
    """Texts made to slow patterns down are read like any other."""
    assert signals(text[:65_000]).estimated_tokens > 0
