"""``python -m tests.success.confidence_page [--fit]``: write docs/confidence.md, or print the points of each router."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from schemas.control_policy import PolicyDocument
from tests.documents import shipped
from tests.success.confidence import (
    FITTED_ON,
    LEARNED,
    Bin,
    Reliability,
    Said,
    Sureness,
    fit,
    halves,
    measure,
    observed,
)
from tests.success.estimates import percent, points
from tests.success.population import Prompt, held_out
from tests.success.report import table
from tests.success.world import Router, policy_document, routers_of

PAGE: Final = Path(__file__).parents[2] / "docs" / "confidence.md"
SURE_ROUTERS: Final = ("default", "learned", "cost-first", "quality-first", "latency-first")
"""The shipped routers whose documents have points."""
_HEAD: Final = """\
# How sure decisions are

Written by `python -m tests.success.confidence_page` (and by `make success`); parentheses are 95 % intervals by
resampling prompts.

**The `confidence` of a decision is the probability that no other model that could have been chosen would have been
worth more than two points more for this request**: 0.02 of the router's own score, with what is true in the place of
what is predicted ([success](success.md) calls such a choice *near*). It is 1 where a person or a rule decided, and
where only one model was left: then nothing was estimated. It is not the probability that the answer is good: that is
`predicted_quality` of the chosen candidate. It is not that of the kind of work either: that stands in the
classification.

It is read off the **lead**: the score of the chosen model minus the mean score of the best five others. A router's
document holds the points of a rising line from lead to probability (`confidence`, [routing](explanation/routing.md)),
linear between points and level outside them; the line changes no choice. A router without points repeats the
classification's confidence, as all did before; {without} of those that ship have none (rules decide most of their
requests, or, of `checked`, the start of a cascade is not meant to be the best).

The truth is the simulator's. The prompts ({count}, held out) are halved, those of each type by turns: the points are
fitted on one half, decided without experience and after {learned:,} requests of that half under seeds {fitted};
everything below is of the other half and of other seeds. Fitting: eight groups of equal weight by lead, pooled where
they fall (isotonic regression). *Error* is the expected calibration error over ten bins. *Told apart* is the
probability that of two decisions, one near and one not, the near one was the surer; 50 % is no skill.
"""
_MEANING: Final = """\
Before is the classification's confidence, which decisions repeated until they had points: it is the probability of the
kind of work, and is judged here by what the confidence of a decision means now. Where *told apart* is near 50 %, the
confidence of a router says little more than how often it is near.

Experience raises leads more than it raises hits: after {learned:,} requests decisions are surer than they should be by
what the two columns show. Preferences, target shares, a trained predictor, another catalog and real models move the
lead too; none of that is in these figures. Where it matters, fit points of your own
(`python -m tests.success.confidence_page --fit` prints them for the shipped routers)."""


def document(found: Sequence[Sureness], prompts: int, without: int) -> str:
    """Return the page as Markdown."""
    seeds = " and ".join(str(seed) for seed in FITTED_ON)
    head = _HEAD.format(count=prompts, learned=LEARNED, fitted=seeds, without=without)
    blocks = [head, "## Before and after\n\n" + _summary(found), _MEANING.format(learned=LEARNED)]
    blocks += [f"## `{each.router}`\n\n" + _bins(each.both.bins) for each in found]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def _summary(found: Sequence[Sureness]) -> str:
    rows = [
        [
            f"`{each.router}`",
            percent(each.both.near),
            points(each.classified.error),
            points(each.both.error),
            _beside(each.cold),
            _beside(each.learned),
            f"{100 * each.sorted_right:.0f} %",
        ]
        for each in found
    ]
    head = ["router", "near", "error before", "error", "cold: said, near", "learned: said, near", "told apart"]
    return table(head, rows)


def _beside(part: Reliability) -> str:
    return f"{part.said:.2f}, {part.near.value:.2f}"


def _bins(found: Sequence[Bin]) -> str:
    rows = [
        [f"{each.low:.1f}", f"{100 * each.share:.0f} %", f"{each.said:.2f}", points(each.near), f"{each.best:.2f}"]
        for each in found
    ]
    return table(["confidence from", "share of decisions", "mean confidence", "near", "the very best"], rows)


def write(prompts: Sequence[Prompt], page: Path) -> None:
    """Measure the shipped routers that have points, and write the page."""
    policies = [each for each in shipped() if isinstance(each, PolicyDocument)]
    found = [measure(router, prompts) for router in _routers()]
    page.write_text(document(found, len(prompts), sum(not each.confidence for each in policies)), encoding="utf-8")


def _routers() -> list[Router]:
    return routers_of([policy_document(name) for name in SURE_ROUTERS])


def main() -> None:
    """Write the page, or print points."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fit", action="store_true", help="print the points of each router")
    if not options.parse_args().fit:
        write(held_out(), PAGE)
        return
    half = halves(held_out())[0]
    for router in _routers():
        points_found = fit(Said.joined(observed(router, half, FITTED_ON)))
        lines = [f"  - {{lead: {point.lead}, near: {point.near}}}" for point in points_found]
        sys.stdout.write("\n".join([f"# {router.name}", "confidence:", *lines, ""]))


if __name__ == "__main__":
    main()
