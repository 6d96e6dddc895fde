import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.lines import columns, decision_line, dollars, result_line, seconds, shortened
from schemas.decision import AttemptPlan, DecisionMade, RequestRefused
from schemas.money import PICO
from schemas.result import FinalResult, RejectedNotice
from tests.unit.schemas.samples import NOON, sample

PLAN = AttemptPlan(
    model="alpha-1",
    provider="alpha",
    provider_model="alpha-1-2026",
    max_output_tokens=100,
    timeout_ms=1000,
    bound=PICO,
    estimated_cost=PICO // 400,
    estimated_latency_ms=1234,
)


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "$0.00"),
        (PICO, "$1.00"),
        (1234 * PICO + PICO // 2, "$1,234.50"),
        (PICO // 10, "$0.10"),
        (PICO // 400, "$0.0025"),
        (37_500, "$0.000000038"),
        (1, "$0.000000000001"),
        (-PICO // 4, "-$0.25"),
    ],
)
def test_dollars_show_what_matters(pico: int, text: str) -> None:
    """Amounts show cents, and below ten cents two significant digits, so that no cost looks like nothing."""
    assert dollars(pico) == text


@given(st.integers(min_value=1, max_value=10**9 * PICO))
def test_no_cost_looks_like_nothing(pico: int) -> None:
    """Whatever was spent is shown as more than zero."""
    assert any(digit in dollars(pico) for digit in "123456789")


@pytest.mark.parametrize(
    ("ms", "text"), [(None, "-"), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (61_040, "61.0 s")]
)
def test_durations(ms: int | None, text: str) -> None:
    """Durations are milliseconds below a second, then seconds."""
    assert seconds(ms) == text


def test_a_decision_says_because() -> None:
    """A decision is one line that names task, model, tier, estimates and ends in its reason (R17)."""
    event = sample(
        DecisionMade,
        model="alpha-1",
        chain=(PLAN,),
        task_type="code-review",
        complexity="complex",
        tier=1,
        number=1,
        reason="the space is for coding",
    )
    assert decision_line(event) == (
        "code-review/complex -> alpha-1 (tier 1, about $0.0025, 1.2 s) because the space is for coding"
    )


def test_a_later_decision_says_why_it_came() -> None:
    """A second decision names its number and cause."""
    event = sample(DecisionMade, model="alpha-1", chain=(PLAN,), number=2, cause="billed_failure", reason="x")
    assert "decision 2 after billed failure" in decision_line(event)


def test_a_refusal_says_because_and_when_it_would_fit() -> None:
    """A refusal names its code and reason, and the earliest time at which the request would fit (B2)."""
    event = sample(RequestRefused, code="budget_day", reason="the day's cap is spent", fits_at=NOON)
    line = decision_line(event)
    assert "refused (budget_day) because the day's cap is spent" in line
    assert "2026-03-01 12:00 UTC" in line


def test_a_result_says_how_it_ended() -> None:
    """A result names status, model, cost, time and that it was simulated."""
    event = sample(
        FinalResult, status="completed", model="alpha-1", cost=PICO // 100, latency_ms=812, simulated=True, content="hi"
    )
    assert result_line(event) == "completed, by alpha-1, $0.010, 812 ms, simulated"


def test_a_refused_result_says_when_it_would_fit() -> None:
    """A refusal's result tells the time from which the request would fit, as its decision does (B2)."""
    event = sample(FinalResult, status="refused", reason="the day's cap is spent", fits_at=NOON.isoformat())
    assert result_line(event) == "refused: the day's cap is spent; it would fit from 2026-03-01 12:00 UTC on"


def test_a_result_without_an_answer_says_why() -> None:
    """A failed or rejected request shows its reason."""
    assert result_line(sample(FinalResult, status="failed", reason="no provider left")).endswith("no provider left")
    assert result_line(sample(RejectedNotice, code="not_json", reason="no JSON")) == "rejected (not_json): no JSON"


def test_shortened_keeps_one_line() -> None:
    """Long or broken texts become one line of at most the width."""
    assert shortened("a\nb  c", 10) == "a b c"
    assert shortened("abcdefgh", 4) == "abc…"


def test_columns_align() -> None:
    """Cells of a column start at the same place; nothing is padded at the end."""
    assert columns([("a", "b"), ("long", "c")]) == ["a     b", "long  c"]
    assert columns([]) == []
