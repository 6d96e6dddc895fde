"""Answers to probes are judged by a program: what passes, what fails, and that no answer breaks it (R16)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from pointsman.probe_files import read_probes
from routing.probe_checks import passes
from schemas.classification import TaskType
from schemas.probe import Check, Probe

SHIPPED = read_probes()
CHECK: TypeAdapter[Check] = TypeAdapter(Check)


def check(**fields: Any) -> Check:
    return CHECK.validate_json(json.dumps(fields))


@pytest.mark.parametrize("probe", SHIPPED, ids=lambda probe: probe.id)
def test_the_reference_passes_and_other_answers_do_not(probe: Probe) -> None:
    """Each shipped probe takes its own reference, also in Markdown, and no empty, evasive or parroting answer."""
    assert passes(probe.check, probe.reference)
    assert passes(probe.check, f"  {probe.reference}\n")
    for answer in ("", "   \n", "I cannot help with that.", "[simulated] Ask one person who uses it every day."):
        assert not passes(probe.check, answer)
    if probe.check.kind in {"json", "python"}:
        assert passes(probe.check, f"Here it is:\n```\n{probe.reference.strip('`').removeprefix('python')}\n```\nDone.")


def test_the_shipped_set_covers_all_types_of_work_and_several_languages() -> None:
    """Four probes or more by type, ten languages or more, and every kind of check."""
    for kind in TaskType:
        assert sum(1 for probe in SHIPPED if probe.type == kind) >= 4
    assert len({probe.language for probe in SHIPPED}) >= 10
    assert {probe.check.kind for probe in SHIPPED} == {"choice", "number", "regex", "contains", "json", "python"}
    assert 60 <= len(SHIPPED) <= 100


def test_no_letter_wins_the_choices() -> None:
    """Always answering with the same option passes at most two thirds of the choices, so guessing is not skill."""
    choices = [probe for probe in SHIPPED if probe.check.kind == "choice"]
    for letter in "ABCD":
        assert sum(passes(probe.check, letter) for probe in choices) <= len(choices) * 2 / 3


@given(answer=st.text(max_size=300), probe=st.sampled_from(SHIPPED))
def test_any_text_is_judged(answer: str, probe: Probe) -> None:
    """Whatever a model writes, the check says yes or no, the same twice."""
    assert passes(probe.check, answer) == passes(probe.check, answer)


@given(st.decimals(-(10**9), 10**9, places=3), st.text("abc \n", max_size=20))
def test_a_number_is_found_in_any_words(value: Decimal, words: str) -> None:
    """The last number of an answer is compared, whatever text stands before it."""
    assert passes(check(kind="number", answer=str(value)), f"{words} it is {value}")


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        ("1,000", True), ("1000", True), ("1.000.000", False), ("first 7, then 1000.", True), ("1000,0", True),
        ("1000,5", False), ("about a thousand", False), ("1000 or 999", False), ("-1000", False), ("\u22121000", False),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(answer: str, good: bool) -> None:
    """Thousands and decimals with comma or point are understood; the last number counts."""
    assert passes(check(kind="number", answer="1000"), answer) == good


@pytest.mark.parametrize(
    ("answer", "good"),
    [("B", True), ("**B**", True), ("(B)", True), ("A is wrong.\nB", True), ("The answer is B.", True),
     ("A or B", False), ("b", False), ("BB", False), ("Because", False)],
)  # fmt: skip
def test_one_option_is_named_in_the_last_line(answer: str, good: bool) -> None:
    """A choice is good when the last line names the right option and no other."""
    assert passes(check(kind="choice", answer="B", options=["A", "B", "C"]), answer) == good


def test_code_is_parsed_and_never_run() -> None:
    """Python must parse and define what was asked for; nothing of it is executed, and deep nesting is no crash."""
    defines = check(kind="python", defines=["f"])
    assert passes(defines, "def f():\n    raise SystemExit\n\nf()")
    assert not passes(defines, "def f(:")
    assert not passes(defines, "g = 1")
    assert not passes(defines, "(" * 9000)
    assert not passes(defines, "def f():\n    return '\0'")


def test_json_must_be_an_object_with_the_values_asked_for() -> None:
    """Keys and values are compared, in a fenced block or bare; an array or other values fail."""
    wanted = check(kind="json", keys=["a", "b"], equals={"a": 1})
    assert passes(wanted, '```json\n{"a": 1, "b": null}\n```')
    for answer in ('{"a": 2, "b": 1}', '{"a": 1}', "[1]", "a: 1"):
        assert not passes(wanted, answer)


def test_faulty_checks_are_refused() -> None:
    """A pattern that does not compile or an unknown kind of check is explained."""
    with pytest.raises(ValidationError, match="no regular expression"):
        check(kind="regex", pattern="(")
    with pytest.raises(ValidationError):
        check(kind="judge", model="x")
