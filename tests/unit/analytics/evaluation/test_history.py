"""What history teaches, on truths that are planted: found where there is something, refused where there is not."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from analytics.evaluation.history import Judged, judge, retrained
from pointsman.history import History
from pointsman.history_lessons import Lessons, lessons_of
from routing.quality_artefact import as_json
from tests.past_world import ALIKE, APART, EXPLORING, SURE, TENANT, Truth, config, events, folded

COUNT = 800
WORLDS: Mapping[str, tuple[Mapping[str, Any], Truth]] = {
    "apart": (EXPLORING, APART),
    "alike": (EXPLORING, ALIKE),
    "sure": (SURE, APART),
}


@cache
def _lessons(world: str, seed: int = 0) -> Lessons:
    exploration, truth = WORLDS[world]
    compiled = config(exploration)
    fold = folded(events(compiled, truth, COUNT, seed))
    policy = compiled.tenant(TENANT)
    assert policy is not None
    return lessons_of(History(tuple(fold.decisions()), fold.without_text), policy)


@cache
def _judged(world: str, seed: int = 0) -> Judged:
    lessons = _lessons(world, seed)
    return judge(lessons.logged, lessons.believed)


def test_a_planted_difference_is_found() -> None:
    """Explored history teaches which model answers what, beyond the priors and the means by type (R16)."""
    judged = _judged("apart")
    assert judged.verdict == "better"
    assert min(lift.low for lift in judged.lifts.values()) > 0.1
    assert judged.values["learned"].value > 0.8
    model = retrained(judged, {"metrics": judged.metrics()})
    verse, code = model.predict("a poem of the river and sorrow"), model.predict("compile the function with a loop")
    assert max(verse, key=lambda name: verse[name]) == "claude-haiku-4.5"
    assert max(code, key=lambda name: code[name]) == "gpt-4.1"
    assert model.facts["metrics"]["lift"]["low"] > 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_a_difference_it_cannot_tell(seed: int) -> None:
    """Where all models are alike nothing is claimed (R16)."""
    judged = _judged("alike", seed)
    assert judged.verdict == "cannot tell"
    assert "the interval reaches zero" in judged.why


def test_a_router_that_never_explored_teaches_nothing() -> None:
    """Where every decision was certain the answer is that propensities do not overlap (R16)."""
    judged = _judged("sure")
    assert judged.verdict == "no overlap"
    assert judged.more == 100
    assert judged.metrics()["lift"] is None


def test_the_same_history_gives_the_same_artefact() -> None:
    """Judged and trained again, verdict, figures and numbers are the same; the hash knows the data (R16)."""
    lessons, judged = _lessons("apart"), _judged("apart")
    again = judge(lessons.logged, lessons.believed)
    assert again.metrics() == judged.metrics()
    assert as_json(retrained(again, {})) == as_json(retrained(judged, {}))
    assert lessons.facts(judged.used) == lessons.facts(again.used)
    other = _lessons("apart", 1)
    assert other.facts(other.logged)["data_sha256"] != lessons.facts(lessons.logged)["data_sha256"]
