"""Probes of others, here written ones: intents in our words, disagreements found, the page with its judgements."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.success.page_probes import Judgement, Judgements, document, judgements, open_questions
from tests.success.probe_file import Probe, read, typed
from tests.success.probes import Judged, measure
from tests.success.world import shipped_router

SUM = Probe("own/sum", "simple_math_fast_path", "What is 4 plus 5?", 1, ("math",), ("economy",), "simple")
POEM = Probe("own/poem", "odd", "Write a poem | a short one\nabout bees", 3, ("math",), ("nowhere",), "critical")
ROUTERS = [shipped_router("default"), shipped_router("cost-first")]
NOBODY: Judgements = {"default": {}, "others": {}}


def judged(*probes: Probe) -> list[Judged]:
    return measure(ROUTERS, probes)


def rows(page: str, heading: str) -> list[str]:
    section = page.split(f"## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    return [line for line in section.splitlines() if line.startswith("| ")][2:]


def test_only_intents_that_mean_something_are_read(tmp_path: Path) -> None:
    """A probe is read when its intent means types or a lane; those of the classifier's labels are known as such."""
    shared = {"recipe": "r", "query": "Hello", "nmsg": 1}
    lines = [
        {**shared, "id": "a", "decision": "fast_qa"},
        {**shared, "id": "b", "decision": "verified_explainer"},
        {**shared, "id": "c", "decision": "privacy_sensitive"},
    ]
    path = tmp_path / "probes.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")

    assert [(each.key, each.types, each.lanes, each.complexity) for each in read(path)] == [
        ("r/a", ("factual",), ("economy",), "simple"),
        ("r/b", ("factual", "research", "analysis"), ("standard",), "medium"),
    ]
    assert [each.key for each in typed(path)] == ["r/a"]


def test_what_the_label_does_not_want_is_found() -> None:
    """Another type, another lane and too little ability are each told; a label that says nothing is never missed."""
    (odd,) = judged(POEM)
    (silent,) = judged(replace(POEM, types=(), lanes=()))

    for each in odd.decided:
        assert (each.type, each.wrong_type, each.wrong_lane, each.unmet) == ("creative", True, True, ("ability",))
    assert odd.unable() == odd.decided
    for each in silent.decided:
        assert (each.wrong_type, each.wrong_lane, each.unmet) == (False, False, ())


def test_the_page_lists_each_disagreement_with_its_judgement() -> None:
    """A disagreement stands on the page with verdict and reason, an agreement only among all decisions."""
    agreed = replace(SUM, lanes=(), types=())
    page = document(judged(POEM, agreed), {**NOBODY, "default": {POEM.key: Judgement("wrong", "no sums in it")}})

    (row,) = rows(page, "The router `default`")
    assert "**creative**" in row
    assert "| **ours wrong** | no sums in it |" in row
    assert "(message 3 of its conversation)" in row
    (unable,) = rows(page, "Models that are not able enough, all routers")
    assert "not judged yet" in unable
    assert len(rows(page, "Every decision")) == 2
    assert len(rows(page, "By router")) == len(ROUTERS)


def test_a_prompt_cannot_break_the_table() -> None:
    """Bars and line breaks of a prompt do not end a cell."""
    for line in document(judged(POEM), NOBODY).splitlines():
        if line.startswith("| own/poem"):
            assert line.endswith(" |")
            assert "poem \\| a" in line or "odd" in line


def test_what_nobody_judged_is_told_and_so_is_what_is_no_disagreement() -> None:
    """Disagreements without judgement and judgements without disagreement are both named."""
    said = {**NOBODY, "default": {SUM.key: Judgement("label", "-")}}
    agreed = replace(SUM, lanes=(), types=())

    assert open_questions(judged(POEM, agreed), said) == [
        "default: own/poem is not judged",
        "default: own/sum is none any more",
        "others: own/poem is not judged",
    ]


def test_the_judgements_can_be_read(tmp_path: Path) -> None:
    """Every judgement that ships has a known verdict and a reason of one line; another verdict is refused."""
    for part in judgements().values():
        assert part
        assert all(each.why and len(each.why) < 160 and "\n" not in each.why for each in part.values())
    path = tmp_path / "judgements.yaml"
    path.write_text("default: {a/b: {verdict: perhaps, why: x}}", encoding="utf-8")
    with pytest.raises(ValueError, match="perhaps"):
        judgements(path)
