import numpy as np
import pytest

from analytics.evaluation import curves

CHEAP, STRONG = (0.4, 1.0), (0.8, 5.0)


def test_figures_of_a_hand_drawn_curve() -> None:
    """APGR is the area under the recovered gap, CPT the first place that reaches it: worked out by hand (R16)."""
    # x = 0, 1/4, 1; recovered = 0, 3/4, 1: area = 1/4 * 3/8 + 3/4 * 7/8 = 0.75
    found = curves.figures(np.array([0.4, 0.7, 0.8]), np.array([1.0, 2.0, 5.0]), CHEAP, STRONG)
    assert found.apgr == pytest.approx(0.75)
    assert found.cpt50 == pytest.approx(0.25 * 0.5 / 0.75)
    assert found.cpt80 == pytest.approx(0.25 + 0.75 * 0.05 / 0.25)


def test_choosing_at_random_between_two_models_recovers_half() -> None:
    """The straight line between the anchors has APGR 0.5, CPT50 0.5 and CPT80 0.8."""
    found = curves.figures(np.array([0.8, 0.4]), np.array([5.0, 1.0]), CHEAP, STRONG)
    assert [found.apgr, found.cpt50, found.cpt80] == pytest.approx([0.5, 0.5, 0.8])


def test_a_curve_beyond_the_anchors_counts_between_them() -> None:
    """What lies above the strong model's cost does not count; what is reached at once needs nothing."""
    found = curves.figures(np.array([0.8, 0.8]), np.array([1.0, 9.0]), CHEAP, STRONG)
    assert [found.apgr, found.cpt50, found.cpt80] == pytest.approx([1.0, 0.0, 0.0])
    never = curves.figures(np.array([0.4, 0.5]), np.array([1.0, 5.0]), CHEAP, STRONG)
    assert (never.cpt50, never.cpt80) == (1.0, 1.0)


def test_anchors_that_do_not_differ_have_no_figures() -> None:
    """Where the cheapest model is the best there is no gap to recover."""
    found = curves.figures(np.array([0.4]), np.array([1.0]), CHEAP, CHEAP)
    assert np.isnan([found.apgr, found.cpt50, found.cpt80]).all()


def test_the_trade_off_walks_through_every_choice() -> None:
    """Three prompts of two models give four policies, from all dear to all cheap, in the order of worth."""
    predicted = np.array([[0.0, 0.9], [0.0, 0.3], [0.0, 0.6]])
    costs = np.tile([1.0, 2.0], (3, 1))
    scores = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    grid = curves.trade_offs(predicted, costs)
    quality, cost = curves.along(predicted, costs, scores, grid)
    assert sorted(set(cost.sum(axis=0).tolist())) == [3.0, 4.0, 5.0, 6.0]
    assert np.all(np.diff(cost.sum(axis=0)) <= 0)
    by_cost = dict(zip(cost.sum(axis=0).tolist(), quality.sum(axis=0).tolist(), strict=True))
    assert by_cost == {6.0: 2.0, 5.0: 1.0, 4.0: 2.0, 3.0: 1.0}


def test_equal_choices_go_to_the_cheaper_model() -> None:
    """Of models predicted alike the cheaper one is chosen, whatever the order of the columns."""
    assert curves.choose(np.array([[0.5, 0.5]]), np.array([[2.0, 1.0]]), 0.0).tolist() == [1]
    assert curves.choose(np.array([[0.5, 0.5]]), np.array([[1.0, 2.0]]), 0.0).tolist() == [0]


def test_equal_quality_takes_the_greatest_trade_off_that_reaches_it() -> None:
    """The cheapest policy as good as the target is taken; where none is, the best one (N2)."""
    grid = np.array([-1.0, 0.0, 1.0, 2.0, 3.0])
    assert curves.equal_quality(np.array([0.9, 0.8, 0.7, 0.75, 0.5]), grid, 0.74) == 3
    assert curves.equal_quality(np.array([0.9, 0.8, 0.7, 0.75, 0.5]), grid, 0.85) == 1


def test_anchors_are_the_best_cheap_and_the_best_model() -> None:
    """The cheap anchor is the best of the lowest price, the strong one the best of all."""
    scores = np.array([[0.2, 0.4, 0.9, 0.5]])
    assert curves.anchors(scores, np.array([[1.0, 1.0, 3.0, 9.0]])) == curves.Anchors(1, 2)
