"""The page's part on N4 and N5, and its drawing."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from analytics.evaluation.plot import Line as Stroke
from analytics.evaluation.plot import Plot, svg
from tests.success.estimates import Sampler, percent, points, rest, verdict
from tests.success.population import Prompt, weights
from tests.success.regret import AS_SHIPPED, WITH_BOTH, WITH_TYPE, Figures, Regret
from tests.success.report import Line, Part, table

_NEAR: Final = 0.9
_FAR: Final = 0.05
PICTURE: Final = "images/success-regret.svg"
_INTRO: Final = """\
**Worth** of a model for a prompt is the router's own score (`routing/score.py`) with what is true in the place of
what is predicted: the planted share of good answers for the prompt's true type, the price of the simulator's tokens
at the planted median length, the planted median time, history at what it comes to after endless calls (mean of
planted success and planted quality), the mean planted share over all types for the mean ability. The complexity is
the label's. So each router is judged by what it is itself meant to want, and no measure is made for this page. One
point is 0.01 of it. A choice is *near* when it loses at most two points; exploration counts by its probability. N4
asks for 90 % near, N5 for fewer than 5 % that are not: N5 is N4 with a higher bar."""
_HINDSIGHT: Final = """\
Hindsight draws one answer of every model, good or bad, and asks whether another one would have been worth more than
two points more: it blames chance as well as the router. Boosts (`best_for`, `avoid_for`) are part of the formula
and of the worth above; the last columns leave them out of the worth, though not out of the choice."""
_LADDER: Final = """\
What is told or known replaces what the router takes for true; the rows after "told type and complexity" choose by
the best score and do not explore. The last row must lose nothing: it shows that the measure is the router's own
formula."""
_LEARNING: Final = """\
Requests come evenly by type; each is decided by `classify` and `decide`, answered by the simulator's own plan,
three in ten answers are rated 1 (good) or 0, and the feedback stage's folds are read by the next decision. Means
over {runs} runs of chance; cold means no experience. Left out: delay of the feedback, retries, forgetting,
preferences of users."""


def part(found: Sequence[Regret], prompts: Sequence[Prompt], runs: int) -> Part:
    """Return the part on N4 and N5."""
    blocks = [
        _INTRO,
        "### Who chooses how well\n\n" + _who(found),
        f"![Regret by requests learned from]({PICTURE})",
        "### Learning\n\n" + _LEARNING.format(runs=runs) + "\n\n" + _curve(found),
        "### What the loss is made of\n\n" + _LADDER + "\n\n" + _ladder(found),
        "\n".join(f"- {_why(each)}" for each in found),
        "### Hindsight, and without boosts\n\n" + _HINDSIGHT + "\n\n" + _hindsight(found),
        "### By language and style\n\n" + _slices(found, prompts),
    ]
    return Part("N4, N5: the choice against the best choice", _lines(found), blocks)


def _lines(found: Sequence[Regret]) -> list[Line]:
    near: list[Line] = []
    far: list[Line] = []
    for each in found:
        cold, learned = (figures.near for figures in each.ladder[AS_SHIPPED])
        what = f"router `{each.router}`"
        text = f"cold {percent(cold)}; learned {percent(learned)}"
        near.append(Line("N4", ">= 90 % near", what, text, verdict(learned, _NEAR, at_least=True), "simulated"))
        text = f"cold {percent(rest(cold))}; learned {percent(rest(learned))}"
        judged = verdict(rest(learned), _FAR, at_least=False)
        far.append(Line("N5", "< 5 % lose more", what, text, judged, "simulated"))
    return near + far


def _who(found: Sequence[Regret]) -> str:
    rows: list[list[str]] = []
    for each in found:
        cold, learned = each.ladder[AS_SHIPPED]
        listed: dict[str, Figures] = {"**the router, cold**": cold, "**the router, learned**": learned}
        listed["told the true type, cold"] = each.ladder[WITH_TYPE][0]
        listed |= each.baselines
        rows += [
            [
                f"`{each.router}`",
                name.replace("best single model", f"best single model ({each.single})"),
                *_cells(figures),
            ]
            for name, figures in listed.items()
        ]
    return table(["router", "who chooses", "near", "points lost"], rows)


def _cells(figures: Figures) -> list[str]:
    return [percent(figures.near), points(figures.regret)]


def _curve(found: Sequence[Regret]) -> str:
    rows = [
        [f"`{each.router}`", f"{mark:,}", *_cells(figures)] for each in found for mark, figures in each.curve.items()
    ]
    return table(["router", "requests", "near", "points lost"], rows)


def _ladder(found: Sequence[Regret]) -> str:
    rows = [
        [f"`{each.router}`", name, *_cells(cold), *_cells(learned)]
        for each in found
        for name, (cold, learned) in each.ladder.items()
    ]
    head = ["router", "what it goes by", "near, cold", "points lost, cold", "near, learned", "points lost, learned"]
    return table(head, rows)


def _why(each: Regret) -> str:
    """Return in words where the loss of a router without experience comes from."""
    lost = {name: figures[0].regret.value or 0.0 for name, figures in each.ladder.items()}
    learned = each.ladder[AS_SHIPPED][1].regret.value or 0.0
    single = next(figures for name, figures in each.baselines.items() if "single" in name).regret.value or 0.0
    beside = "less" if learned < single else "more"
    return (
        f"`{each.router}` loses {lost[AS_SHIPPED]:.2f} points cold: {each.doubt.lost:.2f} on the "
        f"{each.doubt.share * 100:.0f} % of prompts whose type is less sure than its floor, where its default model "
        f"gets a boost, and {each.doubt.lost_elsewhere:.2f} on the others. "
        f"Told the type it would lose {lost[WITH_TYPE]:.2f}, told the complexity as well {lost[WITH_BOTH]:.2f}; "
        f"of those, knowing quality leaves {lost[f'{WITH_BOTH} and quality']:.2f}, "
        f"knowing cost and latency {lost[f'{WITH_BOTH} and cost and latency']:.2f}."
        f" With experience it loses {learned:.2f}: {beside} than the best single model ({each.single}, {single:.2f}), "
        "chosen with the truth."
    )


def _hindsight(found: Sequence[Regret]) -> str:
    rows = [[f"`{each.router}`", percent(rest(each.hindsight.near)), *_cells(each.strict)] for each in found]
    head = ["router, cold", "another answer was worth > 2 points more", "near, without boosts", "lost, without boosts"]
    return table(head, rows)


def _slices(found: Sequence[Regret], prompts: Sequence[Prompt]) -> str:
    sampler = Sampler(weights(prompts))
    parts = [(prompt.language, prompt.style) for prompt in prompts]
    rows: list[list[str]] = []
    for place in (0, 1):
        for name in sorted({part[place] for part in parts}):
            chosen = [part[place] == name for part in parts]
            few = sampler.part(chosen)
            cells = [percent(few.mean(each.near[np.array(chosen)])) for each in found]
            rows.append([name, str(sum(chosen)), *cells])
    return table(["", "prompts", *(f"`{each.router}`, near, cold" for each in found)], rows)


def drawing(found: Sequence[Regret]) -> str:
    """Return the regret over requests learned from as SVG."""
    strokes: list[Stroke] = []
    for each, (colour, dashes) in zip(found, _STROKES, strict=False):
        curve = [(mark / 1000, figures.regret.value or 0.0) for mark, figures in each.curve.items()]
        strokes.append(Stroke(each.router, colour, dashes, curve))
    return svg(Plot("Regret by requests learned from", "thousand requests", "points lost", strokes))


_STROKES: Final = (("#0b6e99", ""), ("#c2571a", "7 3"), ("#4b7f3a", "3 3"), ("#8a6fb0", "9 3 2 3"))
