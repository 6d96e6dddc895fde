"""The page's parts on needs (N3), people who override (N6) and paraphrases (N12)."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.success.estimates import percent, verdict
from tests.success.match import ABILITY, REQUIRED, Match
from tests.success.overrides import NOISE, Overrides
from tests.success.paraphrases import LIMIT, Likeness
from tests.success.report import Line, Part, table

_MATCH_GOAL: Final = 0.92
_OVERRIDE_GOAL: Final = 0.1
_MATCH: Final = """\
A model matches when it has the modality, does the job, sees pictures and calls tools where they are there, has a
context window for the tokens that were planted, and **is able**: its planted share of good answers for the true
type is at least what the default router's score calls enough at the labelled complexity ({required}). One yardstick
for all routers: `learned` and `quality-first` ask for 95 to 100 in their own scores, which no model has for every
type. Languages are not checked: the catalog says nothing of them. The needs are judged by who planted them, not by
the router's own vetoes. *No model*: prompts for which no model that competes is able enough."""
_PEOPLE: Final = """\
A simulated person sees how many points of worth the best other model would gain, with a normal error of {noise:g}
points, and asks for that model when the gain passes a threshold. With tastes, each person likes or dislikes each
model by a fixed normal number of points of its own, so that even a perfect router without memory would be
overridden. Learning folds overrides, calls and ratings (three in ten) into preferences of the person and of the
organisation, and into statistics. Requests come over eight weeks; rate in the second half of {requests:,} requests
by {users} people, interval over people."""
_WHY_PEOPLE: Final = """\
People override where the choice loses points: what the loss is made of stands under N4. Preferences help most where
tastes differ, since they are kept by person and model, whatever the type of task."""
_LIKE: Final = """\
{groups} groups of five prompts that ask for the same in other words, written for this measurement in nine languages
(`tests/success/paraphrases.jsonl`). Variation is the coefficient of variation, within a group, of the true cost and
the true quality of the chosen models, averaged over groups. Routers that explore are asked for their best.
`default-cached` is `default` with a cache of decisions: its key holds all that a decision depends on, so it repeats
decisions and does not even them out. Quality hardly varies; cost does where a group is split between a cheap and a
dear model, because some of its prompts are taken for another type or complexity."""


def match_part(found: Mapping[str, Sequence[Match]], probes: Mapping[str, Match] | None) -> Part:
    """Return the part on N3; ``found`` and ``probes`` by router."""
    lines: list[Line] = []
    for router, matches in found.items():
        plain = matches[0]
        judged = verdict(plain.whole, _MATCH_GOAL, at_least=True)
        what = f"router `{router}`, {plain.count} labelled prompts"
        lines.append(Line("N3", ">= 92 % match", what, percent(plain.whole), judged, "labelled prompts"))
    if probes is None:
        lines.append(
            Line("N3", ">= 92 % match", "probes of others", "no file was given", "not measured", "public data")
        )
    else:
        for router, match in probes.items():
            judged = verdict(match.whole, _MATCH_GOAL, at_least=True)
            what = f"router `{router}`, {match.count} probes of others"
            lines.append(Line("N3", ">= 92 % match", what, percent(match.whole), judged, "public data"))
    rows = [_match_row(router, match) for router, matches in found.items() for match in matches]
    rows += [_match_row(router, match) for router, match in (probes or {}).items()]
    head = ["router", "asked", "all needs", "all but ability", "not met", "no model"]
    required = ", ".join(f"{kind} {need:g}" for kind, need in REQUIRED.items())
    return Part(
        "N3: the chosen model meets every need",
        lines,
        [_MATCH.format(required=required), table(head, rows), _why_match(found)],
    )


def _match_row(router: str, match: Match) -> list[str]:
    missing = ", ".join(f"{name} {count}" for name, count in sorted(match.missing.items())) or "-"
    cells = [percent(match.whole), percent(match.without_ability), f"{missing} of {match.count}", str(match.impossible)]
    return [f"`{router}`", match.what, *cells]


def _why_match(found: Mapping[str, Sequence[Match]]) -> str:
    plain = [(router, matches[0]) for router, matches in found.items()]
    told = ", ".join(f"`{router}` {match.missing.get(ABILITY, 0)} of {match.count}" for router, match in plain)
    return (
        "Where the figure is missed it is for ability: the model is of the right kind, but its planted share lies "
        f"below the yardstick ({told}). The score trades ability against cost, it does not bar what is not able enough."
    )


def override_part(found: Sequence[Overrides], requests: int, users: int) -> Part:
    """Return the part on N6."""
    lines = [
        Line(
            "N6",
            "< 10 % overridden",
            f"router `{each.router}`, learning, {_people(each)}",
            percent(each.rate),
            verdict(each.rate, _OVERRIDE_GOAL, at_least=False),
            "simulated",
        )
        for each in found
        if each.learning
    ]
    rates = {(each.router, each.people, each.learning): each.rate for each in found}
    rows = [
        [
            f"`{each.router}`",
            f"{each.people.threshold:g}",
            f"{each.people.taste:g}",
            percent(rates[each.router, each.people, False]),
            percent(each.rate),
            "-" if each.single is None else f"{each.single * 100:.1f} %",
        ]
        for each in found
        if each.learning
    ]
    head = [
        "router",
        "threshold, points",
        "spread of tastes, points",
        "overridden, no learning",
        "overridden, learning",
        "best single model, chosen with the truth",
    ]
    intro = _PEOPLE.format(noise=NOISE, requests=requests, users=users)
    return Part("N6: how often people override", lines, [intro, table(head, rows), _WHY_PEOPLE])


def _people(each: Overrides) -> str:
    taste = f", tastes of {each.people.taste:g}" if each.people.taste else ""
    return f"threshold {each.people.threshold:g} points{taste}"


def likeness_part(found: Sequence[Likeness], groups: int) -> Part:
    """Return the part on N12."""
    lines = [
        Line(
            "N12",
            "< 15 % variance",
            f"router `{each.router}`, variation of cost",
            f"{percent(each.cost)}; of quality {percent(each.quality)}",
            verdict(each.cost, LIMIT, at_least=False),
            "labelled prompts",
        )
        for each in found
    ]
    rows = [
        [
            f"`{each.router}`",
            percent(each.cost),
            percent(each.quality),
            percent(each.within),
            percent(each.same),
            percent(each.whole),
            percent(each.same_type),
            f"{each.hits * 100:.0f} %",
        ]
        for each in found
    ]
    head = [
        "router",
        "variation of cost",
        "of quality",
        "groups with both below 15 %",
        "same model as most of the group",
        "groups with one model",
        "same type as most",
        "from the cache",
    ]
    return Part("N12: like tasks, like decisions", lines, [_LIKE.format(groups=groups), table(head, rows)])
