from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from routing.confidence import CERTAIN, confidence, lead
from routing.decide import decide
from schemas.control_policy import PolicyDocument
from schemas.control_steering import ConfidencePoint
from schemas.decision import Choice, View
from tests.documents import shipped
from tests.success.choices import choice
from tests.success.population import held_out, sample
from tests.success.world import NOW, ROUTERS, Router, case, policy_document, routers_of, shipped_router

POINTS = (ConfidencePoint(lead=0.0, near=0.2), ConfidencePoint(lead=0.1, near=0.6), ConfidencePoint(lead=0.2, near=0.7))


@pytest.mark.parametrize(
    ("found", "said"), [(-1.0, 0.2), (0.0, 0.2), (0.05, 0.4), (0.1, 0.6), (0.15, 0.65), (0.2, 0.7), (3.0, 0.7)]
)
def test_the_line_is_linear_between_points_and_level_outside(found: float, said: float) -> None:
    """A confidence is read off the points of the router's document (F4)."""
    assert confidence(POINTS, found) == pytest.approx(said)


@given(st.lists(st.floats(-2, 2), min_size=2), st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_longer_lead_is_never_less_sure(leads: list[float], near: list[float]) -> None:
    """Whatever rising points, the line does not fall and stays among their values (F4)."""
    points = [ConfidencePoint(lead=at / 10 - 0.4, near=value) for at, value in enumerate(sorted(near))]
    said = [confidence(points, found) for found in sorted(leads)]
    assert all(after >= before - 1e-9 for before, after in pairwise(said))
    assert min(near) - 1e-9 <= said[0] <= said[-1] <= max(near) + 1e-9


def test_the_lead_is_over_the_mean_of_the_best_others() -> None:
    """A lead is negative where a better one was left aside."""
    assert lead(0.8, [0.7, 0.6]) == 0.15
    assert lead(0.5, [0.7]) == -0.2


@pytest.mark.parametrize("points", [((0, 0.5), (0, 0.6)), ((0, 0.5), (1, 0.4)), ((1, 0.5), (0, 0.6)), ((0, 1.5),)])
def test_points_that_do_not_rise_are_refused(points: tuple[tuple[float, float], ...]) -> None:
    """A line that falls would make the surer decision the worse one."""
    with pytest.raises(ValidationError):
        PolicyDocument(
            name="p", version=1, confidence=tuple(ConfidencePoint(lead=at, near=near) for at, near in points)
        )


def without_points(name: str) -> Router:
    """A shipped router that says how sure the classification is."""
    (router,) = routers_of([policy_document(name).model_copy(update={"confidence": ()})])
    return router


@pytest.mark.parametrize("name", ROUTERS)
def test_points_change_no_choice(name: str) -> None:
    """A decision with points differs in its confidence alone: model, chain, scores, words and codes stay."""
    mine, plain = shipped_router(name), without_points(name)
    for prompt in sample(held_out(), 2):
        with_, without = (choice(router, case(router, prompt), View()) for router in (mine, plain))
        kept = {"confidence"}
        assert with_.model_dump(exclude=kept) == without.model_dump(exclude=kept)
        assert without.confidence == case(plain, prompt).task.confidence
        assert 0 <= with_.confidence <= 1


def decided(**fields: Any) -> Choice:
    """A choice of the default router."""
    router = shipped_router("default")
    asked = case(router, held_out()[0], **fields)
    made = decide(asked.facts, asked.task, View(), router.policy, NOW)
    assert isinstance(made, Choice)
    return made


def test_confidence_is_that_of_the_recorded_scores() -> None:
    """Anybody can compute a decision's confidence again from its candidates and its router's document (F4)."""
    made = decided()
    scores = {one.model: one.score for one in made.candidates} | made.others
    mine = scores.pop(made.model)
    others = sorted(scores.values(), reverse=True)[:5]
    points = policy_document("default").confidence
    assert made.confidence == confidence(points, lead(mine, others))
    assert made.confidence < CERTAIN


def test_what_a_person_decides_is_certain() -> None:
    """A model that was named leaves nothing to be sure of (F4)."""
    assert decided(model="claude-haiku-4.5").confidence == CERTAIN


def test_shipped_points_rise_and_name_shares() -> None:
    """Each shipped line is well inside 0 to 1: it was fitted, not drawn."""
    lines = {each.name: each.confidence for each in shipped() if isinstance(each, PolicyDocument) and each.confidence}
    assert set(lines) == {*ROUTERS, "latency-first"}
    assert all(0.05 < point.near < 0.95 for line in lines.values() for point in line)
