"""Vetoes: each bars what it should, names its rule and document, and no vetoed model is ever chosen (R10)."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.candidates import provider_state
from routing.pricing import Quantity, Rates, bound, cost, estimate
from schemas.control_catalog import ServedBy
from schemas.control_prices import Price, Tier
from schemas.control_tenant import TenantDocument
from schemas.decision import Choice, Denial, View
from schemas.money import PICO
from schemas.request import Attachment, Constraints, JobType, Message
from schemas.usage import Usage
from tests.brain import NOW, chosen, day, denied, documents, month, policy, request, route, tenant, with_documents

POOL = ["gpt-4.1", "gpt-4.1-mini", "claude-opus-4.5", "claude-sonnet-4", "claude-haiku-4.5", "gpt-3.5-turbo", "o3"]
STATES = ["active", "preview", "deprecated", "retired"]
PICTURE = Attachment(kind="image", reference="i", media_type="image/png", length=10)


def vetoed(outcome: Choice | Denial, rule: str) -> set[str]:
    return {veto.model for veto in outcome.vetoes if veto.rule == rule}


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str, str, str]] = [
    ("not_approved", {"approved_models": ["openai/*"]}, {}, "claude-sonnet-4", "gpt-4.1", "tenant/t@1"),
    ("avoided", {"avoid_models": ["claude-*"]}, {}, "claude-sonnet-4", "gpt-4.1", "tenant/t@1"),
    ("vision", {}, {"attachments": (PICTURE,)}, "gpt-3.5-turbo", "gpt-4.1", "catalog/models@1"),
    (
        "context_window",
        {},
        {"messages": (Message(content="word " * 12_000),) * 2},
        "gpt-3.5-turbo",
        "gpt-4.1",
        "catalog/models@1",
    ),
    ("min_quality", {}, {"constraints": Constraints(min_quality=80)}, "gpt-4.1-mini", "gpt-4.1", "request"),
    ("max_latency", {}, {"constraints": Constraints(max_latency_ms=4000)}, "o3", "gpt-4.1-mini", "request"),
    ("max_latency", {"max_interactive_latency_ms": 4000}, {}, "o3", "gpt-4.1-mini", "tenant/t@1"),
    ("max_cost", {}, {"constraints": Constraints(max_cost=0.01)}, "claude-opus-4.5", "gpt-4.1-mini", "request"),
]


@pytest.mark.parametrize(("rule", "fields", "event", "barred", "free", "source"), CASES, ids=[c[0] for c in CASES])
def test_veto(rule: str, fields: dict[str, Any], event: dict[str, Any], barred: str, free: str, source: str) -> None:
    """Each veto bars the model it is about, leaves others, and names the document that says so (R10)."""
    config = policy(fields, pool=POOL, lifecycle=STATES)
    choice = chosen(config, request(**{"prompt": "Summarize this text.", **event}))
    assert barred in vetoed(choice, rule)
    assert free in {item.model for item in choice.candidates}
    assert {veto.source for veto in choice.vetoes if veto.rule == rule and veto.model == barred} == {source}


def test_tools_veto() -> None:
    """A model that cannot call tools is barred from requests that bring some (R10, R18)."""
    choice = chosen(policy(pool=["sonar-pro", "gpt-4.1"]), request("x", tools=("lookup",)))
    assert vetoed(choice, "tools") == {"sonar-pro"}


def test_modality_and_job_vetoes() -> None:
    """Media jobs see only models that do that job; a forced text model is barred by modality (R3, R10)."""
    event = request("louder", job_type=JobType.VOICE_VOICEOVER)
    choice = chosen(tenant(), event)
    assert choice.model == "elevenlabs-default"
    assert "whisper-1" not in {item.model for item in choice.candidates}
    forced = denied(tenant(), request("louder", job_type=JobType.VOICE_VOICEOVER, model="gpt-4.1"))
    assert "does not do this kind of task" in forced.reason
    wrong = denied(tenant(), request("louder", job_type=JobType.VOICE_VOICEOVER, model="whisper-1"))
    assert "does not do this job" in wrong.reason


def test_unpriced_and_unserved_models_are_barred() -> None:
    """A model without price or endpoint is never chosen (R10, DESIGN 7)."""
    choice = chosen(tenant("s2", prices="s2"), request())
    assert {"gpt-5", "gpt-5.2"} <= vetoed(choice, "unpriced")
    assert {veto.source for veto in choice.vetoes if veto.rule == "unpriced"} == {"prices/s2@1"}
    kept = {key: value for key, value in documents().items() if key != "provider/openai@1"}
    config = with_documents(TenantDocument(kind="tenant", name="t"))
    config = type(config)({**kept, "tenant/t@1": TenantDocument(kind="tenant", name="t")})
    assert "whisper-1" in vetoed(denied(config, request("x", job_type=JobType.BACKGROUND_TRANSCRIPTION)), "no_endpoint")
    assert chosen(config, request(model="gpt-4.1")).chain[0].provider == "openrouter"


def test_excluded_models_are_barred() -> None:
    """A model that already failed for this request is not tried again (DESIGN 7)."""
    first = chosen(tenant(), request())
    second = chosen(tenant(), request(), View(excluded=(first.model,)))
    assert first.model in vetoed(second, "excluded")
    assert first.model not in {plan.model for plan in second.chain}


def test_open_breaker_moves_to_another_endpoint_then_bars() -> None:
    """A failing provider is passed over: another endpoint of the model serves, without one the model is barred (P9)."""
    config = policy(pool=["gpt-4.1", "kimi-k2"], lifecycle=STATES)
    moved = chosen(config, request(model="gpt-4.1"), View(health={"openai": "open"}))
    assert moved.chain[0].provider == "openrouter"
    barred = chosen(config, request(), View(health={"openrouter": "open"}))
    assert vetoed(barred, "provider_open") == {"kimi-k2"}
    nothing = denied(config, request(), View(health={"openrouter": "open", "openai": "open"}))
    assert nothing.code == "no_candidate"


def test_health_keys() -> None:
    """Health is read for the provider, and for provider and model under either id."""
    served = ServedBy(provider="p", provider_model="m-1")
    assert provider_state({}, served, "m") is None
    assert provider_state({"p": "degraded"}, served, "m") == "degraded"
    assert provider_state({"p": "degraded", "p|m": "open"}, served, "m") == "open"
    assert provider_state({"p|m-1": "open"}, served, "m") == "open"
    assert provider_state({"q": "open"}, served, "m") is None


def test_degraded_provider_costs_score() -> None:
    """A degraded provider lowers the score of its models, it does not bar them (R9)."""
    config = policy(pool=["gpt-4.1", "claude-sonnet-4"])
    plain = {item.model: item.score for item in chosen(config, request()).candidates}
    worse = chosen(config, request(), View(health={"openai": "degraded"}))
    assert {item.model: item.score for item in worse.candidates}["gpt-4.1"] < plain["gpt-4.1"]


def test_automated_work_has_a_stricter_floor() -> None:
    """Automated requests are held to the policy's quality floor for them (R1)."""
    config = policy(pool=POOL, lifecycle=STATES, min_quality={"human_in_loop": 0, "automated": 60})
    assert not vetoed(chosen(config, request()), "min_quality")
    assert "gpt-3.5-turbo" in vetoed(chosen(config, request(automation="automated")), "min_quality")


@pytest.mark.parametrize(
    ("windows", "code", "rule"),
    [
        ((day(0.000001), month(100)), "budget_day", "budget_day"),
        ((day(5), month(100, 99.9, 0.1)), "budget_month", "budget_month"),
        ((day(5, 3, 2),), "budget_day", "budget_day"),
    ],
)
def test_budget_windows_bar(windows: Any, code: str, rule: str) -> None:
    """A model whose bound passes what a window has left is barred by that window; with none left it is refused (B1)."""
    denial = denied(tenant(), request(), View(windows=windows))
    assert denial.code == code
    assert vetoed(denial, rule)


def test_budget_leaves_cheaper_models() -> None:
    """A budget that is too small for some models leaves the others, and the decision says so (B1, B2)."""
    choice = chosen(tenant(), request(), View(windows=(day(0.005),)))
    assert "budget_narrowed" in choice.reason_codes
    assert choice.bound <= PICO * 5 // 1000
    assert "claude-opus-4.5" in vetoed(choice, "budget_day")


def test_a_bound_that_fits_exactly_is_not_barred() -> None:
    """What fits to the last pico-dollar is not refused (invariant 12)."""
    config = policy(pool=["gpt-4.1"])
    exact = chosen(config, request()).bound
    line = day(1).model_copy(update={"cap": exact})
    assert chosen(config, request(), View(windows=(line,))).bound == exact
    short = day(1).model_copy(update={"cap": exact - 1})
    assert denied(config, request(), View(windows=(short,))).code == "budget_day"


def test_cap_per_request_bars() -> None:
    """The cap per request bars models whose bound passes it (B1)."""
    denial = denied(tenant(), request(), View(per_request_cap=1))
    assert denial.code == "budget_request"
    assert denial.fits_at is None


def test_deadline_bars_slow_models() -> None:
    """A model that would answer after the deadline is barred (R10)."""
    soon = Constraints(deadline=NOW + timedelta(seconds=3))
    choice = chosen(policy(pool=POOL), request(constraints=soon))
    assert "o3" in vetoed(choice, "max_latency")


RATES = st.builds(
    lambda i, o, c, w, f: Rates.of(
        Price.model_validate(
            {
                "since": "2026-01-01",
                "source": "s",
                "input": i,
                "output": o,
                "cached_input": min(c, i),
                "cache_write": w,
                "per_request": f,
                "tiers": [Tier(above=1000, input=i * 2, output=o * 2, cached_input=c, cache_write=w * 3)],
            }
        )
    ),
    *[st.integers(0, 100)] * 5,
)


@given(RATES, st.integers(0, 20_000), st.integers(0, 20_000), st.data())
def test_no_bill_passes_the_bound(rates: Rates, most_in: int, most_out: int, data: st.DataObject) -> None:
    """No usage within the bounded tokens costs more than the bound, caches and tiers included (invariant 4)."""
    used = data.draw(st.integers(0, most_in))
    cached = data.draw(st.integers(0, used))
    written = data.draw(st.integers(0, used - cached))
    usage = Usage(
        input_tokens=used,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=data.draw(st.integers(0, most_out)),
        requests=data.draw(st.integers(0, 1)),
    )
    assert cost(rates, usage) <= bound(rates, most_in, most_out)


@given(RATES, st.integers(0, 20_000), st.integers(0, 20_000))
def test_estimate_within_the_bound(rates: Rates, tokens_in: int, tokens_out: int) -> None:
    """An estimate never passes the bound over the same tokens."""
    assert estimate(rates, tokens_in, tokens_out) <= bound(rates, tokens_in, tokens_out)


def test_costs_measured_elsewhere() -> None:
    """Costs agree with figures computed by hand from list prices: caches, output, audio, requests (DESIGN 7)."""
    prices = documents()["prices/current@1"]
    assert prices.kind == "prices"
    of = {model: Rates.of(rows[-1]) for model, rows in prices.prices.items()}
    haiku = Usage(input_tokens=9050, cache_write_tokens=1000, cached_input_tokens=8000, output_tokens=100)
    assert cost(of["claude-haiku-4.5"], haiku) == 2_600_000_000
    big = Usage(input_tokens=10_000, cached_input_tokens=8000, output_tokens=1000)
    assert cost(of["gpt-4.1"], big) == 16_000_000_000
    flash = Usage(input_tokens=100, cached_input_tokens=40, output_tokens=60, reasoning_tokens=50)
    assert cost(of["gemini-2.5-flash"], flash) == 169_200_000
    assert cost(of["whisper-1"], Usage(audio_seconds=60)) == 6_000_000_000
    assert cost(of["tavily-search"], Usage(requests=1)) == 8_000_000_000
    assert cost(of["elevenlabs-default"], Usage(characters=100)) == 18_000_000_000
    assert cost(of["gpt-4.1"], Usage(provider_cost=7)) == 7


def test_pieces_are_bounded() -> None:
    """Pictures, seconds and characters stand in the bound (invariant 4)."""
    rates = Rates.of(
        Price.model_validate(
            {"since": "2026-01-01", "source": "s", "per_image": "0.01", "per_second": "0.001", "per_character": "0.1"}
        )
    )
    assert bound(rates, 0, 0, Quantity(seconds=3, characters=2, images=4)) == PICO * 243 // 1000


def test_price_of_the_day_is_used() -> None:
    """Prices hold from their date on: the estimate changes at midnight UTC of that day (B8)."""
    config = policy(pool=["gemini-3.8-flash"])
    before = chosen(config, request())
    later = NOW.replace(year=2027, month=1, day=1, hour=0)
    after = chosen(config, request(), now=later)
    assert after.bound == pytest.approx(before.bound * 2, rel=1e-3)
    assert chosen(config, request(), now=later - timedelta(microseconds=1)).bound == before.bound


@given(
    st.sampled_from(["hello", "Design a scalable system", "Fix the bug", "word " * 3000, "Solve x^2 = 4"]),
    st.floats(0, 0.2),
    st.sampled_from([None, 60.0, 85.0, 99.0]),
    st.sampled_from([None, 500, 5000, 60_000]),
    st.booleans(),
    st.lists(st.sampled_from(POOL), max_size=4),
    st.dictionaries(st.sampled_from(["openai", "anthropic", "openrouter"]), st.sampled_from(["open", "degraded"])),
)
def test_vetoed_models_are_never_chosen(
    prompt: str,
    cap: float,
    quality: float | None,
    latency: int | None,
    sensitive: bool,
    excluded: list[str],
    health: dict[str, Any],
) -> None:
    """Whatever the limits, no model is both barred and in the chain, and the chain fits every window (R10, B2)."""
    config = VAULT
    view = View(windows=(day(cap),), excluded=tuple(excluded), health=health)
    event = request(prompt, sensitive=sensitive, constraints=Constraints(min_quality=quality, max_latency_ms=latency))
    outcome = route(config, event, view)
    barred = {veto.model for veto in outcome.vetoes}
    if isinstance(outcome, Choice):
        models = [plan.model for plan in outcome.chain]
        assert not barred & set(models)
        assert not barred & {item.model for item in outcome.candidates}
        assert len(set(models)) == len(models)
        assert outcome.bound <= view.windows[0].cap
    assert all("@" in veto.source or veto.source in {"request", "view"} for veto in outcome.vetoes)


VAULT = tenant(sensitive_models=["claude-sonnet-5.5", "gpt-4.1"])
