"""Price books: the seeds' tables are reproduced, the current one agrees with an independent calculator (B8)."""

from datetime import UTC, datetime

import pytest
from genai_prices import Usage as GenaiUsage
from genai_prices import calc_price
from hypothesis import given
from hypothesis import strategies as st

from routing.catalog import CompiledConfig
from routing.pricing import Rates, cost, estimate
from schemas.money import PICO
from schemas.usage import Usage
from tests.brain import NOW, shipped

CONFIG: CompiledConfig = shipped()
REQUESTS = 1000


def rates(model: str, book: str = "current@1", at: datetime = NOW) -> Rates:
    found = CONFIG.rates(book, model, at)
    assert found is not None
    return found


@pytest.mark.parametrize("tokens", [(10_000, 4_000), (20_000, 2_000), (5_000, 5_000)])
@pytest.mark.parametrize(
    ("model", "dollars"), [("claude-opus-4.5", 450), ("claude-sonnet-4.5", 90), ("claude-haiku-4", 24)]
)
def test_cost_table_of_s3(model: str, dollars: int, tokens: tuple[int, int]) -> None:
    """1,000 requests cost $450, $90 and $24 under the book that S3's table implies, for every mix it implies (B8)."""
    assert REQUESTS * estimate(rates(model, "s3@1"), *tokens) == dollars * PICO


def test_savings_of_s3() -> None:
    """All sonnet saves 80 %, all haiku 95 % of all opus, as S3's table says (B8)."""
    opus, sonnet, haiku = (
        estimate(rates(model, "s3@1"), 10_000, 4_000)
        for model in ("claude-opus-4.5", "claude-sonnet-4.5", "claude-haiku-4")
    )
    assert 1 - sonnet / opus == pytest.approx(0.80)
    assert round(1 - haiku / opus, 2) == 0.95


def test_routing_row_of_s3_is_a_mix_of_the_three() -> None:
    """S3's $68 for 1,000 routed requests is what 5 % opus, 34 % sonnet and 61 % haiku cost, 85 % below opus (B8)."""
    shares = {"claude-opus-4.5": 51, "claude-sonnet-4.5": 337, "claude-haiku-4": 612}
    total = sum(count * estimate(rates(model, "s3@1"), 10_000, 4_000) for model, count in shares.items())
    assert round(total / PICO) == 68
    assert round(1 - total / (450 * PICO), 2) == 0.85


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("claude-haiku-4.5", (1, 5, 0.10)),
        ("claude-sonnet-4", (3, 15, 0.30)),
        ("claude-opus-4.5", (5, 25, 0.50)),
        ("gpt-4o", (2.5, 10, 2.5)),
        ("gpt-4o-mini", (0.15, 0.6, 0.15)),
        ("gemini-3-pro", (3.5, 10.5, 3.5)),
        ("deepseek-v3", (0.14, 0.28, 0.14)),
    ],
)
def test_cost_table_of_s2(model: str, price: tuple[float, float, float]) -> None:
    """S2's prices stand in its book; without a cached price cached tokens cost the plain one (B8)."""
    found = rates(model, "s2@1")
    assert (found.input, found.output, found.cached_input) == tuple(round(part * PICO) for part in price)


COMMON = {
    "gpt-4.1": ("openai", "gpt-4.1"),
    "gpt-4o": ("openai", "gpt-4o"),
    "gpt-5.2": ("openai", "gpt-5.2"),
    "o3": ("openai", "o3"),
    "claude-opus-4.5": ("anthropic", "claude-opus-4-5"),
    "claude-sonnet-4.5": ("anthropic", "claude-sonnet-4-5"),
    "claude-haiku-5.5": ("anthropic", "claude-haiku-5-5"),
    "gemini-2.5-flash": ("google", "gemini-2.5-flash"),
    "gemini-3.1-pro": ("google", "gemini-3.1-pro-preview"),
}


@given(st.sampled_from(sorted(COMMON)), st.integers(0, 400_000), st.integers(0, 20_000), st.data())
def test_costs_agree_with_an_independent_calculator(
    model: str, tokens_in: int, tokens_out: int, data: st.DataObject
) -> None:
    """The cost of any usage agrees with genai-prices to the pico-dollar that rounding up adds (B8)."""
    provider, theirs = COMMON[model]
    cached = data.draw(st.integers(0, tokens_in))
    expected = calc_price(
        GenaiUsage(input_tokens=tokens_in, cache_read_tokens=cached, output_tokens=tokens_out),
        model_ref=theirs,
        provider_id=provider,
        genai_request_timestamp=NOW,
    ).total_price
    ours = cost(rates(model), Usage(input_tokens=tokens_in, cached_input_tokens=cached, output_tokens=tokens_out))
    assert 0 <= ours - expected * PICO < 1


def test_price_changes_hold_from_their_day() -> None:
    """A price holds from midnight UTC of its date; before the first date there is none (B8)."""
    cut = datetime(2025, 6, 10, tzinfo=UTC)
    assert rates("o3", at=cut).input == 2 * PICO
    assert rates("o3", at=datetime(2025, 6, 9, 23, 59, 59, tzinfo=UTC)).input == 10 * PICO
    assert CONFIG.rates("current@1", "o3", datetime(1999, 1, 1, tzinfo=UTC)) is None
    assert CONFIG.rates("current@1", "nothing", NOW) is None
    assert CONFIG.rates("nothing@1", "o3", NOW) is None
