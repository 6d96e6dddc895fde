"""What a measurement returns: its lines in the summary, and a section of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tests.success.estimates import Verdict

Label = Literal["simulated", "public data", "benchmark", "labelled prompts"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary: a number of the seeds, what was measured of it, and whether it is met."""

    id: str
    goal: str
    what: str
    measured: str
    verdict: Verdict
    label: Label


@dataclass(frozen=True, slots=True)
class Part:
    """A section: heading, summary lines, and blocks of Markdown in order."""

    title: str
    lines: Sequence[Line]
    blocks: Sequence[str] = field(default=())


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    listed = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in listed)
