"""The page's parts on saving (N2), public data (N9) and speed (N15), and what is not measured yet."""

from collections.abc import Sequence
from typing import Final

from analytics.evaluation.intervals import Estimate
from tests.bench.figures import machine
from tests.success.estimates import percent, verdict
from tests.success.public import Public
from tests.success.report import Line, Part, table
from tests.success.saving import BOOKS, Book, Single, baselines
from tests.success.speed import EMBEDDING_TIER, Speed

_HALF: Final = 0.5
_MOST: Final = 0.85
_GAIN: Final = 0.25
_SAVING: Final = """\
Every figure names its book and its baseline. The settings are three shipped routers (`default`, `learned`,
`quality-first`, cold) with the weight of cost moved from 0 to 0.9. Against "always this model" the cheapest setting
counts whose **true** quality is at least the model's; it is picked on one half of the prompts and measured on the
other. A negative saving: at this quality routing costs more than the model alone. *No setting*: none has that
quality, one would take the model itself and save nothing. 2 times cheaper is a saving of 50 %. A routed choice pays
for every prompt that is taken for what it is not; a single model does not, which is why routing loses to models
that are good and cheap at once."""
UNMEASURED: Final = (
    ("N1", "-40 % cost, Auto against manual users"),
    ("N7", "> 98 % completion; 99 % through outages of one model"),
    ("N8", "> 95 % task success"),
    ("N10", "within 10 % of the fastest appropriate model's latency"),
    ("N11", "> 85 % satisfaction"),
    ("N13", "+20 % a month through feedback"),
    ("N14", "targets of models: delay of detection, false alarms"),
    ("N16", "< 100 ms added latency end to end; < 100 ms to reroute"),
    ("N17", "cost within 15 %, latency within 20 % of the estimates"),
    ("N18", "never over the daily budget; 10,000 decisions a day and more"),
    ("N19", "regeneration, length, rating as proxies of quality"),
)
"""Numbers of later work."""


def saving_part(found: Sequence[Book]) -> Part:
    """Return the part on N2."""
    lines: list[Line] = []
    blocks = [_SAVING]
    for book in found:
        best = book.singles[0]
        lines.append(_saving_line(book, best, "the best single model, "))
        named = [each for each in book.singles if each.model == baselines()["dear"] and each is not best]
        lines += [_saving_line(book, each, "S3's baseline, ") for each in named]
        title = BOOKS[book.book]
        blocks += [f"### {title[0].upper()}{title[1:]}", _about(book), _saving_table(book)]
    return Part("N2: saving at equal quality", lines, blocks)


def _saving_line(book: Book, single: Single, role: str) -> Line:
    judged = verdict(single.saving, _HALF, at_least=True)
    text = f"{percent(single.saving)}" + ("" if single.reached else "; no setting has its quality")
    return Line("N2", "2-5 times, up to 85 %", f"{BOOKS[book.book]}; {role}{single.model}", text, judged, "simulated")


def _about(book: Book) -> str:
    """Return which baselines give the saving of the seeds, and what could be saved at most."""
    best = book.singles[0]
    twice = [each.model for each in book.singles if _low(each.saving) >= _HALF]
    most = [each.model for each in book.singles if _low(each.saving) >= _MOST]
    never = [each.model for each in book.singles if not each.reached]
    worse = [each.model for each in book.singles if (each.saving.value or 0.0) < 0]
    parts = [
        f"At least 2 times (whole interval): against {_listed(twice)}. At least 85 %: against {_listed(most)}.",
        f"No setting has the quality of {_listed(never)}; routing costs more at equal quality than {_listed(worse)}.",
        f"The cheapest model instead of the dearest, whatever the quality, saves {book.ceiling * 100:.1f} %.",
        f"A choice that knew quality and cost would save {percent(book.informed)} at the quality of {best.model}.",
    ]
    costs = {each.model: each.cost for each in book.singles}
    dear, cheap = baselines()["dear"], baselines()["cheap"]
    if {dear, cheap} <= costs.keys():
        all_cheap = 1 - costs[cheap] / costs[dear]
        parts.append(f"{cheap} for everything instead of {dear} saves {all_cheap * 100:.1f} %.")
    return " ".join(parts)


def _low(found: Estimate) -> float:
    return -1.0 if found.low is None else found.low


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"


def _saving_table(book: Book) -> str:
    rows = [
        [
            each.model,
            f"{each.quality * 100:.1f}",
            f"{each.cost * 1000:.3f}",
            percent(each.saving) if each.reached else "no setting",
            f"{each.times:.1f}" if each.reached else "-",
            percent(each.nearly),
        ]
        for each in book.singles
    ]
    head = ["always", "quality, %", "$ per 1,000", "saving at its quality", "times", "saving at one point less"]
    return table(head, rows)


def public_part(found: Public | None) -> Part:
    """Return the part on N9."""
    title, goal, what = "N9: quality over a single model", "+25 %", "the trained router against the best single model"
    if found is None:
        text = "not measured in this run; see [routing quality](routing-quality.md)"
        return Part(title, [Line("N9", goal, what, text, "not measured", "public data")])
    judged = verdict(found.gain, _GAIN, at_least=True)
    note = f"Choosing the best model for each question, with the answers known, would give +{found.most * 100:.1f} %."
    return Part(title, [Line("N9", goal, what, percent(found.gain), judged, "public data")], [note])


def speed_part(found: Sequence[Speed], count: int) -> Part:
    """Return the part on N15."""
    lines = [
        Line(
            "N15",
            f"< {each.goal:g} ms",
            each.what,
            f"p50 {each.median:.3f} ms, p99 {each.p99:.3f} ms",
            each.verdict,
            "benchmark",
        )
        for each in found
    ]
    if not any(each.what.startswith(EMBEDDING_TIER) for each in found):
        lines.append(Line("N15", "< 50 ms", EMBEDDING_TIER, "no encoder is installed", "not measured", "benchmark"))
    note = (
        f"CPU time of one thread over {count:,} calls, judged by the 99th percentile; prompts of 120 tokens in the "
        f"median, one in twenty of 2,000. {machine()}. More calls, and whole stages, in [benchmarks](benchmarks.md)."
    )
    return Part("N15: speed", lines, [note])
