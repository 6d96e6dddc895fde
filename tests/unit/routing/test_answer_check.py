"""Checks of answers: what counts as not good enough, and what must not (R13, U6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.answer_check import WORDS, first_fault, has_whole_code, is_json
from schemas.control_steering import ANSWER_CHECKS, AnswerCheck, Cascade

REFUSALS = Cascade().refusals
CODE = "Here it is:\n```python\ndef total(items):\n    return sum(items)\n```\nIt adds them up."


def fault(content: str, finish: str = "stop", *, wants_json: bool = False) -> str | None:
    return first_fault(content, finish, ANSWER_CHECKS, wants_json=wants_json, refusals=REFUSALS)


@pytest.mark.parametrize(
    ("content", "finish", "wants_json", "expected"),
    [
        ("", "stop", False, "empty"),
        (" \n\t ", "stop", False, "empty"),
        ("The capital is", "length", False, "truncated"),
        ("I\u2019m unable to do that.", "stop", False, "refusal"),
        ("Sorry, but I can't help with that request.", "stop", False, "refusal"),
        ("Das geht so: ...", "stop", True, "not_json"),
        ('{"a": 1', "stop", True, "not_json"),
        ("42", "stop", True, "not_json"),
        ("```python\ndef f(x:\n    return (x\n```", "stop", False, "broken_code"),
        ("```python\nprint(1)", "stop", False, "broken_code"),
    ],
)
def test_faulty_answers_are_found(content: str, finish: str, wants_json: bool, expected: str) -> None:
    """Empty, refused, cut off, not the JSON asked for, code that stays open: each is found by name (R13)."""
    assert fault(content, finish, wants_json=wants_json) == expected


@pytest.mark.parametrize(
    ("content", "wants_json"),
    [
        ("Paris.", False),
        (CODE, False),
        ('{"a": [1, 2]}', True),
        ('```json\n{"a": 1}\n```', True),
        ("Use `f(` to open a call; ) closes it.", False),
        ('```c\nputs("(");  // a smile :(\n```', False),
        ("A story in which the robot says: and then I can't help myself, I laugh. " * 4, False),
    ],
)
def test_good_answers_pass(content: str, wants_json: bool) -> None:
    """Complete answers pass, also those that speak of brackets or, later on, of not being able to help (R13)."""
    if content.startswith("A story"):
        content = "Once upon a time there was a lighthouse keeper and a robot that laughed too much. " * 3 + content
    assert fault(content, wants_json=wants_json) is None


def test_only_the_checks_asked_for_run() -> None:
    """A check that the router does not list never fails an answer (R13)."""
    only: tuple[AnswerCheck, ...] = ("refusal",)
    assert first_fault("", "length", only, wants_json=True, refusals=REFUSALS) is None


@given(st.text(max_size=400), st.sampled_from(["stop", "length", "content_filter"]), st.booleans())
def test_any_text_can_be_checked(content: str, finish: str, wants_json: bool) -> None:
    """Whatever a model answers, the check gives one of its findings or none (R13)."""
    assert fault(content, finish, wants_json=wants_json) in {None, *WORDS}
    assert isinstance(is_json(content), bool)
    assert isinstance(has_whole_code(content), bool)
