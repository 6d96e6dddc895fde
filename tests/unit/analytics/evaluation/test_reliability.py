import numpy as np
import pytest

from analytics.evaluation.reliability import BINS, edges_of, fitted, reliability, sums
from analytics.evaluation.reliability_chart import reliability_chart

EDGES = edges_of(np.array([0.0, 1.0]))


def test_the_error_of_a_hand_made_case() -> None:
    """Two bins, each expecting a tenth too much or too little: worked out by hand."""
    predicted = np.array([[0.25, 0.85], [0.25, 0.85]])
    scores = np.array([[0.3, 0.75], [0.4, 0.75]])
    weight = np.full((1, 2), 0.5)
    found = reliability([sums(predicted, scores, EDGES)], [weight], EDGES)
    assert found.error.value == pytest.approx((0.1 + 0.1) / 2)
    assert found.error.low == pytest.approx(0.1)
    assert [each.count for each in found.bins] == [2, 2]
    assert np.allclose([each.low for each in found.bins], [0.2, 0.8])
    assert np.allclose([each.came for each in found.bins], [0.35, 0.75])


def test_what_is_expected_exactly_has_no_error() -> None:
    """Predictions that come true have an error of zero, and all of them are counted, also beyond the ends."""
    predicted = np.linspace(-0.2, 1.2, 300)[:, None]
    found = reliability([sums(predicted, predicted, EDGES)], [np.full((3, 300), 1 / 300)], EDGES)
    assert found.error.value == pytest.approx(0)
    assert sum(each.count for each in found.bins) == 300
    assert len(found.bins) == BINS


def test_a_line_corrects_what_is_too_timid() -> None:
    """Predictions drawn to the middle are stretched; those that say nothing are left alone."""
    scores = np.linspace(0, 1, 50)[:, None]
    line = fitted(0.25 + scores / 2, scores)
    assert np.allclose(line, (-0.5, 2))
    assert np.allclose(line(0.25 + scores / 2), scores)
    assert fitted(np.full((50, 1), 0.5), scores) == fitted(1 - scores, scores) == (0.0, 1.0)


def test_scores_on_a_wider_scale_have_wider_bins() -> None:
    """Scores of 1 to 10 are put into bins of their own range."""
    assert edges_of(np.array([1.0, 10.0])).tolist() == np.linspace(0, 10, BINS + 1).tolist()


def test_the_diagram_needs_nothing_else() -> None:
    """The diagram is one SVG with a line for each set of predictions."""
    found = reliability([sums(np.array([[0.5]]), np.array([[1.0]]), EDGES)], [np.ones((1, 1))], EDGES)
    drawn = reliability_chart({"all": found, "chosen": found})
    assert drawn.count("<polyline") == 3
    assert "href" not in drawn
