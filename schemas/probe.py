"""A probe: a prompt whose answer a program can judge, to find out how good a model is before people use it (SPEC R16).

A file of probes has one JSON object a line, with the fields of `Probe`. Ids stay what they are: an answer is kept with
the prompt it was given to, and only a probe whose prompt or limit changed is asked again.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from schemas.classification import TaskType
from schemas.control_base import DocumentName, Strict

Text = Annotated[str, StringConstraints(min_length=1, max_length=8000)]
Words = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...], Field(max_length=20)]
Names = Annotated[tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...], Field(max_length=20)]


class Choice(Strict):
    """The last line names one of ``options``, and it is ``answer``. Single letters count only as they are written."""

    kind: Literal["choice"]
    answer: Text
    options: Annotated[Names, Field(min_length=2)]


class Number(Strict):
    """The last number of the answer is ``answer``, give or take ``tolerance``; 1,000 and 0,5 are understood."""

    kind: Literal["number"]
    answer: Decimal
    tolerance: Annotated[Decimal, Field(ge=0)] = Decimal(0)


class Pattern(Strict):
    """The regular expression (Python's) is found in the answer, without the white space around it."""

    kind: Literal["regex"]
    pattern: Text

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            message = f"no regular expression: {error}"
            raise ValueError(message) from None
        return value


class Contains(Strict):
    """The answer has ``all`` and none of ``none``, without regard to case, and at most ``max_words`` words."""

    kind: Literal["contains"]
    all: Annotated[Words, Field(min_length=1)]
    none: Words = ()
    max_words: Annotated[int, Field(ge=1)] | None = None


class Json(Strict):
    """The answer, or its first fenced block, is a JSON object with ``keys`` and the values of ``equals``."""

    kind: Literal["json"]
    keys: Annotated[Names, Field(min_length=1)]
    equals: dict[str, str | int | float | bool | None] = {}


class PythonCode(Strict):
    """The answer, or its first fenced block, parses as Python and defines these functions and classes.

    Nothing is run. ``contains`` and ``none`` are looked for in the code as it is written.
    """

    kind: Literal["python"]
    defines: Names
    contains: Words = ()
    none: Words = ()


Check = Annotated[Choice | Number | Pattern | Contains | Json | PythonCode, Field(discriminator="kind")]


class Probe(Strict):
    """One prompt, how its answer is judged, and an answer that is good."""

    id: DocumentName
    type: TaskType
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] = "en"
    prompt: Text
    check: Check
    reference: Text
    """An answer that passes the check: whoever reads the file sees what is asked for, and the file is tested by it."""
    max_output_tokens: Annotated[int, Field(ge=16, le=16_000)] = 1024
    """Thinking included, where the model thinks."""
