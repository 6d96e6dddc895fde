"""Simulated people and groups of paraphrases, on cases whose answer is known."""

from pathlib import Path

import pytest

from tests.success.overrides import People, measure
from tests.success.paraphrases import Group, groups, largest_share, variants, variation
from tests.success.paraphrases import measure as likeness
from tests.success.population import held_out, sample
from tests.success.size import QUICK
from tests.success.world import shipped_router

PROMPTS = sample(held_out(), 1)


def test_people_who_put_up_with_anything_never_override() -> None:
    """Beyond every gain there is no override; below every gain nearly everything is overridden."""
    router = shipped_router("default")

    patient = measure(router, PROMPTS, People(200), QUICK, learning=True)
    picky = measure(router, PROMPTS, People(-200), QUICK, learning=False)

    assert patient.rate.value == 0
    assert patient.single == pytest.approx(0, abs=1e-9)
    assert picky.rate.value is not None
    assert 0.4 < picky.rate.value <= 1


def test_the_same_people_override_alike() -> None:
    """Two measurements are equal."""
    router = shipped_router("learned")

    assert measure(router, PROMPTS, People(5, taste=5), QUICK, learning=True) == measure(
        router, PROMPTS, People(5, taste=5), QUICK, learning=True
    )


def test_equal_prompts_are_decided_alike() -> None:
    """A group that repeats one prompt has no variation; where decisions are kept, four of five are repeated."""
    prompts = tuple(PROMPTS[0] for _ in range(5))
    default, cached, *_ = variants()

    for document, hits in ((default, 0.0), (cached, 0.8)):
        found = likeness(document, [Group("same", prompts)])
        assert (found.cost.value, found.quality.value) == (0, 0)
        assert (found.same.value, found.whole.value, found.within.value) == (1, 1, 1)
        assert found.hits == pytest.approx(hits)


def test_variation_and_agreement() -> None:
    """Variation is the standard deviation over the mean; agreement is the share of the most common."""
    assert variation([1.0, 3.0]) == pytest.approx(0.5)
    assert largest_share(["a", "b", "a", "c"]) == pytest.approx(0.5)


def test_the_written_groups_are_whole_and_new() -> None:
    """At least forty groups of five different prompts, in several languages and every type; none is an example."""
    listed = groups()
    texts = [prompt.text for group in listed for prompt in group.prompts]
    known = {prompt.text for prompt in held_out()}

    assert len(listed) >= 40
    assert all(len({prompt.text for prompt in group.prompts}) == 5 for group in listed)
    assert len(texts) == len(set(texts))
    assert not known & set(texts)
    assert len({group.prompts[0].language for group in listed}) >= 7
    assert {group.prompts[0].type for group in listed} == {prompt.type for prompt in held_out()}


def test_groups_are_read_from_any_file(tmp_path: Path) -> None:
    """One JSON object a line."""
    path = tmp_path / "groups.jsonl"
    path.write_text('{"group": "g", "label": "math", "language": "en", "complexity": "simple", "texts": ["a", "b"]}\n')

    (group,) = groups(path)

    assert (group.name, [prompt.text for prompt in group.prompts]) == ("g", ["a", "b"])
