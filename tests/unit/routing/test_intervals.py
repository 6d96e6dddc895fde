"""Intervals of estimates: around the estimate, drawn to what was measured (R9, B7)."""

from hypothesis import given
from hypothesis import strategies as st

from routing.explain import lines
from schemas.decision import StatisticsView, View
from tests.brain import chosen, policy, request, tenant

PROMPT = "Fix the crash in the importer"
MODEL = "claude-sonnet-4"
ONLY = policy(pool=[MODEL])


def test_without_history_the_spread_is_the_documented_prior() -> None:
    """Until history speaks, times lie between 0.4 and 2.5 times the estimate (R9)."""
    choice = chosen(ONLY, request(PROMPT))
    latency = choice.chain[0].estimated_latency_ms
    assert choice.latency_low_ms == int(0.4 * latency)
    assert choice.latency_high_ms == int(2.5 * latency)


@given(
    st.integers(1, 100_000),
    st.tuples(st.floats(1, 9000), st.floats(1, 9000), st.floats(1, 9000)).map(sorted),
    st.tuples(st.floats(1, 90_000), st.floats(1, 90_000), st.floats(1, 90_000)).map(sorted),
)
def test_the_interval_is_ordered_and_within_the_bound(calls: int, output: list[float], latency: list[float]) -> None:
    """Whatever was measured: low <= high, and no cost passes the bound that is held (R9, B2)."""
    known = StatisticsView(
        calls=calls,
        success_rate=1.0,
        latency_p10_ms=latency[0],
        latency_p50_ms=latency[1],
        latency_p90_ms=latency[2],
        output_p10=output[0],
        output_p50=output[1],
        output_p90=output[2],
    )
    choice = chosen(ONLY, request(PROMPT), View(statistics={MODEL: known}))
    assert 0 <= choice.cost_low <= choice.cost_high <= choice.chain[0].bound
    assert choice.chain[0].estimated_cost <= choice.chain[0].bound
    assert 0 <= choice.latency_low_ms <= choice.latency_high_ms


def test_measured_lengths_move_the_estimate() -> None:
    """With many calls the estimate follows the measured length of answers (R8, B7)."""
    long = StatisticsView(calls=10_000, success_rate=1.0, output_p10=1500, output_p50=1800, output_p90=1950)
    before = chosen(ONLY, request(PROMPT)).chain[0].estimated_cost
    after = chosen(ONLY, request(PROMPT), View(statistics={MODEL: long}))
    assert after.chain[0].estimated_cost > 1.5 * before
    assert after.cost_high > after.chain[0].estimated_cost > after.cost_low


def test_people_read_the_interval() -> None:
    """The explanation tells what such a call usually costs and takes (R17)."""
    assert any("usually" in line for line in lines(chosen(tenant(), request(PROMPT))))
