"""The page on probes of others: each disagreement with its judgement, what routers chose, and every decision."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import yaml

from tests.success.probe_file import Probe
from tests.success.probes import Decided, Judged
from tests.success.report import table

JUDGEMENTS: Final = Path(__file__).parent / "probe_judgements.yaml"
MAIN: Final = "default"
"""The router whose every disagreement is judged; of the others, models that are not able enough."""
_VERDICTS: Final = {"wrong": "**ours wrong**", "defensible": "defensible", "label": "label does not fit"}
_LANES: Final = ("economy", "standard", "premium")
_HEAD: Final = """\
# Probes of others: where we disagree

Written by `python -m tests.success.probe_report FILE`. The probes are those of
[vllm-project/semantic-router](https://github.com/vllm-project/semantic-router) at 3d48f8c, Apache-2.0; quoted are their
first words. The file is not part of this project, and no test needs it. Each probe is labelled with the *intent* under
which that router should send it on. Most intents are policies (privacy, lengths, tools, loops of agents) that say
nothing of the work; {count} probes have an intent that names a kind of work or a lane: these are judged. What intents
mean in our words stands in `deploy/training/labels-probes.yaml` and `tests/success/probe_intents.yaml`; judgements are
one person's, in `tests/success/probe_judgements.yaml`. Nothing was tuned on these prompts for this page.

Routers decide cold: no history, no budget, only the last message of a conversation (the file holds no other). A
**lane** is a tier of cost: economy, standard, premium. A model is **not able enough** when its planted quality for a
fitting type is below what the complexity that the intent means asks for (see N3 of the
[success numbers](success.md)). `checked` starts cheap by design: what fails its check goes on to a better model.
"""
_DEFAULT: Final = """\
Of {count} probes, the type of work is another one than the label's in {types} of {typed} that mean one, the lane in
{lanes} of {laned}. Judged: {verdicts}."""
_OTHERS: Final = """\
Another lane is no fault of a router that was made for cheapness, speed or quality, so of the other routers only those
choices are judged that the label's work is too hard for; behind each model, who chose it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of a disagreement."""

    verdict: Literal["wrong", "defensible", "label"]
    why: str


Judgements = Mapping[str, Mapping[str, Judgement]]
"""``default`` and ``others`` -> probe -> judgement."""


def judgements(path: Path = JUDGEMENTS) -> Judgements:
    """Return the judgements. Raise `ValueError` where a verdict is none."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    listed = {
        part: {key: Judgement(**value) for key, value in found.get(part, {}).items()} for part in ("default", "others")
    }
    unknown = {each.verdict for part in listed.values() for each in part.values()} - set(_VERDICTS)
    if unknown:
        raise ValueError(f"no verdict: {', '.join(sorted(unknown))}")
    return listed


def document(judged: Sequence[Judged], said: Judgements) -> str:
    """Return the page as Markdown."""
    blocks = [
        _HEAD.format(count=len(judged)),
        f"## The router `{MAIN}`",
        _summary(judged, said),
        table(["probe", "label wants", "we said", "verdict", "why"], list(_disagreements(judged, said["default"]))),
        "## Models that are not able enough, all routers",
        _OTHERS,
        table(["probe", "label wants", "chosen", "verdict", "why"], list(_unable(judged, said["others"]))),
        "## By router",
        table(["router", *_LANES, "refused", "another lane", "not able enough"], list(_by_router(judged))),
        "## Every decision",
        "\n\n".join(_all(judged)),
    ]
    return "\n\n".join(block.strip() for block in blocks) + "\n"


def open_questions(judged: Sequence[Judged], said: Judgements) -> list[str]:
    """Return the disagreements that nobody judged, and judgements of disagreements that are none any more."""
    found = {
        "default": {each.probe.key for each in judged if _disagrees(each.by(MAIN))},
        "others": {each.probe.key for each in judged if each.unable()},
    }
    return [
        f"{part}: {key} {text}"
        for part, keys in found.items()
        for listed, text in ((keys - set(said[part]), "is not judged"), (set(said[part]) - keys, "is none any more"))
        for key in sorted(listed)
    ]


def _disagrees(decided: Decided) -> bool:
    return decided.wrong_type or decided.wrong_lane


def _summary(judged: Sequence[Judged], said: Judgements) -> str:
    ours = [each.by(MAIN) for each in judged]
    keys = [each.probe.key for each in judged if _disagrees(each.by(MAIN))]
    verdicts = Counter(said["default"][key].verdict if key in said["default"] else "" for key in keys)
    words = {"wrong": "ours wrong", "defensible": "defensible", "label": "label does not fit", "": "not judged yet"}
    return _DEFAULT.format(
        count=len(judged),
        types=sum(each.wrong_type for each in ours),
        typed=sum(bool(each.probe.types) for each in judged),
        lanes=sum(each.wrong_lane for each in ours),
        laned=sum(bool(each.probe.lanes) for each in judged),
        verdicts=", ".join(f"{verdicts[name]} {text}" for name, text in words.items() if verdicts[name]) or "none",
    )


def _disagreements(judged: Sequence[Judged], said: Mapping[str, Judgement]) -> Iterator[list[str]]:
    for each in judged:
        ours = each.by(MAIN)
        if _disagrees(ours):
            kind = f"**{ours.type}**" if ours.wrong_type else ours.type
            lane = f"**{ours.lane}**" if ours.wrong_lane else f"{ours.lane}"
            told = f"{kind}/{ours.complexity} ({ours.confidence:.2f}) -> {ours.model}, {lane}"
            yield [_quoted(each.probe), _wanted(each.probe), told, *_judged(said.get(each.probe.key))]


def _unable(judged: Sequence[Judged], said: Mapping[str, Judgement]) -> Iterator[list[str]]:
    for each in judged:
        if each.unable():
            wanted = f"{_wanted(each.probe)}; {each.probe.complexity}"
            yield [_quoted(each.probe), wanted, _grouped(each.unable()), *_judged(said.get(each.probe.key))]


def _by_router(judged: Sequence[Judged]) -> Iterator[list[str]]:
    for router in _routers(judged):
        own = [each.by(router) for each in judged]
        lanes = Counter(each.lane for each in own)
        counts = [lanes[lane] for lane in (*_LANES, None)]
        counts += [sum(each.wrong_lane for each in own), sum(bool(each.unmet) for each in own)]
        yield [f"`{router}`", *map(str, counts)]


def _all(judged: Sequence[Judged]) -> Iterator[str]:
    yield (
        "One line a probe: its intent, what the classifier takes it for, and who chose which model. The classifier is "
        "the same for all routers."
    )
    rows = [
        [each.probe.key, each.probe.intent, f"{each.by(MAIN).type}/{each.by(MAIN).complexity}", _grouped(each.decided)]
        for each in judged
    ]
    yield table(["probe", "intent", "taken for", "chosen"], rows)


def _grouped(decided: Sequence[Decided]) -> str:
    """Return each model once, with the routers that chose it."""
    by_model: dict[str, list[str]] = {}
    for each in decided:
        by_model.setdefault(each.model or "refused", []).append(each.router)
    return "; ".join(f"{model} ({', '.join(routers)})" for model, routers in by_model.items())


def _routers(judged: Sequence[Judged]) -> list[str]:
    return [each.router for each in judged[0].decided] if judged else []


def _quoted(probe: Probe) -> str:
    text = probe.excerpt.replace("|", "\\|")
    turns = f" (message {probe.turns} of its conversation)" if probe.turns > 1 else ""
    return f'{probe.key}: "{text}"{turns}'


def _wanted(probe: Probe) -> str:
    return "; ".join(part for part in (" or ".join(probe.types), " or ".join(probe.lanes)) if part)


def _judged(judgement: Judgement | None) -> list[str]:
    return ["not judged yet", "-"] if judgement is None else [_VERDICTS[judgement.verdict], judgement.why]
