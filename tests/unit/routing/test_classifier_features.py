"""Marks of structure: equal to plain patterns without any short cut, on any text."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from routing.classifier_features import STRUCTURE, structure_of
from routing.signals import has_code_block, has_extension, has_maths, has_syntax, has_trace, read
from routing.text import text_of
from tests.brain import request, shipped

WORDS = shipped().taxonomy_of("t").words
FORM = {
    "inline_code": (r"`", 1),
    "doctest": (r'>>>|"""', 1),
    "assertion": (r"assert", 1),
    "diff": (r"diff --git|\n\+ |\n- const|@@", 1),
    "json": (r"[\"']:", 1),
    "brackets": (r"\[", 1),
    "digits": None,
    "many_lines": (r"\n", 3),
    "colon_inside": (r": |:\n|\uff1a", 1),
    "exclamation": (r"[!\uff01]", 1),
    "question": (r"[?\uff1f\u061f]\s*\Z", 1),
    "colon_end": (r"[:\uff1a]\s*\Z", 1),
    "quoted": (r'["“„«「][^"”»」]{3,80}', 1),
    "assignment": (r"\w\s*[+-]?=\s*[\w\"'(\[]", 1),
    "stub": (r"\A(?:def |class |func |function |from |import |//|/\*|#include|public )", 1),
    "rows": (r"(?m)^[^,;\n]+(?:[,;][^,;\n]+)+$", 3),
    "options": (r"(?:(?<=[\s(])|\A)[a-d]\)\s", 3),
    "listed_options": (r"(?:(?<=\s)|\A)[a-d]\.\s", 3),
}
SYNTAX = re.compile(
    r"=>|\) \{|\)\{|\};|</|console\.log\(|print\(|\$\(|\[\]string|::new\(|#!/"
    r"|\b(?:def \w+\(|class \w+\s*[:({]|import [\w{*]+[;,.\n]|from [\w.]+ import\b|function\s*\(|function \w*\("
    r"|(?:const|let|var) \w+\s*=|public (?:static|class|void)\b|select\b.{1,200}?\bfrom \w|insert into \w"
    r"|create table \w|return \w+[;(]|fn \w+\(|func \w+\()|#include\s*<"
)
TRACE = re.compile(
    r"\btraceback \(most recent|\bsegmentation fault|\bcore dumped|\bpanic:|\bstack trace|\bstacktrace\b"
    r"|\bexit code 1|(?:error|exception)\s*[:(]|(?<!\w) at [\w.$]+\([\w.]+:\d+\)"
)
MATHS = re.compile(
    r"\d\s*[*/^=×÷]\s*\(?-?\d|\b[xyzn]\s*[\^=²³]|[∫∑√∏≤≥≠π∞]|\\(?:frac|int|sum|sqrt)|\d\s*%\s+of\b|\bf\(x\)|\d\s\+\s\d"  # noqa: RUF001 - as above
)
PIECES = (  # noqa: SIM905 - a hundred short pieces read better in rows
    "def f(x): class A: import os, from a import b function g( const a = let b = var public static select a from c "
    "insert into t create table t return x; fn go( func go( #include <x> => ) { ){ }; </ console.log( print( $( "
    "[]string ::new( #!/ traceback (most recent core dumped panic: error: exception( at a.b(c.py:12) = += ^ * / + % "
    '\\frac >>> """ assert diff --git @@ \' " : \': ": [ ! ? a) b) c) d) (a) a. b. c. , ; 1 2 3 4,5;6 x n² x^2 7% of '
    "“ ” « » 「 é ß 你好 ： ！ ？ ` ``` ~~~ main.py *.ts - 1. ( )"  # noqa: RUF001 - signs of other scripts are meant
).split(" ")
MIXED = st.lists(
    st.sampled_from([*PIECES, "\n", "\n\n", " ", "  ", "\t", "\n+ ", "\n- const"]) | st.text(max_size=3), max_size=40
).flatmap(lambda parts: st.sampled_from(["", " "]).map(lambda glue: glue.join(parts)))


def plain_form(lower: str) -> set[str]:
    """The same marks by patterns alone."""
    found = {name for name, rule in FORM.items() if rule is not None and len(re.findall(rule[0], lower)) >= rule[1]}
    if "rows" in found and "\n" not in lower:
        found.discard("rows")
    for name, within in (("options", "b)"), ("listed_options", "b.")):
        if within not in lower:
            found.discard(name)
    if len(re.findall("[0-9]", lower)) * 12 >= len(lower) > 0:
        found.add("digits")
    return found


@settings(max_examples=300)
@given(MIXED)
@example("a) x b) y c) z")
@example("a,b\nc;d\ne,f")
@example("total\t += 'x'")
@example("(a) one (b) two (c) three")
def test_marks_of_form_are_those_of_plain_patterns(prompt: str) -> None:
    """A mark is found exactly where its pattern matches, although most patterns do not run on most texts."""
    names = {STRUCTURE[mark] for mark in structure_of(read(request(prompt), WORDS))}
    assert names & FORM.keys() == plain_form(prompt.lower())


@settings(max_examples=300)
@given(MIXED)
def test_signals_are_those_of_plain_patterns(prompt: str) -> None:
    """Syntax, traces and formulas are found exactly where their patterns match."""
    text = text_of(prompt)
    assert has_syntax(text) is (SYNTAX.search(text.lower) is not None)
    assert has_trace(text) is (TRACE.search(text.lower) is not None)
    assert has_maths(text) is (MATHS.search(text.lower) is not None)
    assert has_code_block(prompt, text) is ("```" in prompt or "~~~" in prompt)
    assert not has_extension(text) or "." in prompt


def test_each_mark_is_found_once() -> None:
    """A mark counts once, however often what it stands for occurs."""
    prompt = "\n".join(['- `a` = [1]: \'b\': """x""" >>> @@ !'] * 5)
    marks = structure_of(read(request(prompt), WORDS))
    assert len(marks) == len(set(marks))
