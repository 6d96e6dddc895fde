"""The stream of simulated requests: repeatable, true to the planted shares, and read by the next decision."""

import pytest

from tests.success.population import held_out, sample
from tests.success.stream import Experience, Stream, run
from tests.success.world import behaviours, cases, policy_document, routers_of, shipped_router

PROMPTS = sample(held_out(), 1)


def experience(seed: int, requests: int, rated: float = 0.3) -> Experience:
    router = shipped_router("default")
    seen: list[Experience] = []
    run(router, Stream(cases(router, PROMPTS), seed), (requests,), lambda _, found: seen.append(found), rated)
    return seen[0]


def test_the_same_seed_gives_the_same_experience() -> None:
    """Two runs of one seed end alike, another seed ends otherwise."""
    first, second, other = experience(1, 60), experience(1, 60), experience(2, 60)

    assert first.views == second.views
    assert first.views != other.views


def test_each_request_is_one_call_and_a_share_is_rated() -> None:
    """Calls add up to the requests; with all answered calls rated, ratings are as many as successes."""
    found = [view for views in experience(3, 80, rated=1.0).views.values() for view in views.values()]

    assert sum(view.calls for view in found) == 80
    assert sum(view.ratings for view in found) == sum(round(view.calls * (view.success_rate or 0)) for view in found)


def test_nothing_is_rated_where_nobody_rates() -> None:
    """Without ratings, quality stays as it was believed."""
    found = [view for views in experience(3, 40, rated=0.0).views.values() for view in views.values()]

    assert all(view.ratings == 0 and view.rating is None for view in found)


def test_ratings_tend_to_the_planted_share() -> None:
    """The mean rating of the only model, over many requests of one type, is near its planted share."""
    (document,) = [policy_document("default")]
    only = document.model_copy(update={"name": "only", "pool": ("gpt-4.1-nano",), "default_model": None})
    (router,) = routers_of([only])
    prompt = next(prompt for prompt in held_out() if prompt.type == "math")
    seen: list[Experience] = []
    run(router, Stream(cases(router, [prompt]), 0), (400,), lambda _, found: seen.append(found), 1.0)
    ((view,),) = [views.values() for views in seen[0].views.values()]
    served = router.policy.models["gpt-4.1-nano"].served_by[0].provider_model

    assert view.rating == pytest.approx(behaviours().of(served).quality_for("math") / 100, abs=0.08)


def test_marks_are_shown_in_order() -> None:
    """At every mark, zero included, the experience of exactly so many requests is shown."""
    router = shipped_router("default")
    shown: list[tuple[int, int]] = []

    def look(mark: int, found: Experience) -> None:
        shown.append((mark, sum(view.calls for views in found.views.values() for view in views.values())))

    run(router, Stream(cases(router, PROMPTS), 0), (0, 5, 12), look)

    assert shown == [(0, 0), (5, 5), (12, 12)]
