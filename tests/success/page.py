"""The page: a summary with one line for every number, then how each was measured."""

from collections.abc import Sequence
from typing import Final

from tests.success.page_rest import UNMEASURED
from tests.success.report import Line, Part, table

_HEAD: Final = """\
# Success numbers

Written by `make success{given}`; figures are measured in that run, parentheses are 95 % intervals by resampling prompts
(and runs, where chance is simulated). **Met**: the whole interval is on the good side of the goal; **missed**: on
the bad side; **cannot tell**: on both. Labels: *simulated* is the simulator's known truth
(`deploy/catalog/simulated.yaml`), *labelled prompts* are those of `deploy/training/examples/test` and of
`tests/success`, *public data* was not written for this project, *benchmark* depends on the machine.

What simulated figures are worth: the planted shares lie a few points beside the catalog's, so a catalog that is
further off would do worse. {count} held-out prompts in ten languages, every type with the same weight; the
classifier was not trained on them, but the same hand wrote them (see [classifier quality](classifier-quality.md)).
"""


def document(parts: Sequence[Part], prompts: int, given: Sequence[str] = ()) -> str:
    """Return the page as Markdown; ``given`` names the options by which further data was given."""
    lines = [line for part in parts for line in part.lines]
    options = " ".join(given)
    rows = [_row(line) for line in sorted(lines, key=lambda line: int(line.id[1:]))]
    blocks = [
        _HEAD.format(count=prompts, given=f' SUCCESS="{options}"' if given else ""),
        table(["", "goal", "of what", "measured", "verdict", "label"], rows),
        "Not measured yet:",
        table(["", "goal"], [list(pair) for pair in UNMEASURED]),
    ]
    for part in parts:
        if part.blocks:
            blocks += [f"## {part.title}", *part.blocks]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def _row(line: Line) -> list[str]:
    judged = f"**{line.verdict}**" if line.verdict in {"met", "missed"} else line.verdict
    return [line.id, line.goal, line.what, line.measured, judged, line.label]
