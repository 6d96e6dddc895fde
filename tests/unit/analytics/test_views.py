import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas import topics as t
from schemas.control import ConfigPublished
from schemas.control_base import Source
from schemas.control_prices import Price, PricesDocument
from schemas.ids import event_id
from schemas.override import OverrideApplied, OverrideRequested
from schemas.record import Record
from schemas.result import ResultStatus
from schemas.statistics import ModelPreference, PreferenceRow
from tests.recorded_flow import CHEAP, DEAR, PICO, Flow, Log
from tests.unit.analytics.conftest import Engine

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MILLI = PICO // 1000


def dicts(engine: Engine, sql: str) -> list[dict[str, Any]]:
    """Rows by column name."""
    answer = engine.reader.query(sql)
    return [dict(zip(answer.column_names, row, strict=True)) for row in answer.result_rows]


def one(engine: Engine, view: str, tenant: str, where: str = "1") -> dict[str, Any]:
    """The one row of a tenant in a view."""
    (row,) = dicts(engine, f"SELECT * FROM {view} WHERE tenant = '{tenant}' AND {where}")
    return row


def raw_spending(records: list[Record]) -> dict[tuple[str, str], Decimal]:
    """Spending by tenant and UTC day, from the raw JSON of the ledger topic alone; the first of an id counts."""
    total: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    seen: set[str] = set()
    for record in records:
        if record.topic != t.LEDGER or record.value is None:
            continue
        event = orjson.loads(record.value)
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        amount = {
            "pointsman.ledger.settled.v1": event.get("amount"),
            "pointsman.ledger.forfeited.v1": event.get("amount"),
            "pointsman.ledger.adjusted.v1": event.get("difference"),
        }.get(event["type"])
        if amount is not None:
            total[event["tenant"], event["occurred_at"][:10]] += Decimal(amount)
    return dict(total)


def random_traffic(seed: int) -> Log:
    """Requests of several tenants and days with every way a hold can end."""
    rng = random.Random(seed)
    log = Log()
    for number in range(300):
        flow = Flow(
            log,
            number=number,
            tenant=f"sum-{rng.randrange(4)}",
            cost=rng.randrange(1, 10**12),
            at=AT + timedelta(hours=rng.randrange(-60, 60), microseconds=rng.randrange(10**6)),
            candidates=2,
        )
        flow.request()
        flow.decided()
        end = rng.choice(("settled", "forfeited", "adjusted", "open"))
        if end == "settled":
            flow.settled()
        elif end != "open":
            flow.forfeited()
        if end == "adjusted":
            flow.adjusted()
    return log


def test_spending_is_that_of_the_raw_events(engine: Engine) -> None:
    """Sums per tenant and day from ClickHouse equal those of the raw ledger events to the last of 12 digits (A1, A3).

    Also when every batch is inserted again in other cuts, as after a crash.
    """
    log = random_traffic(7)
    engine.record(log.records)
    for start in range(0, len(log.records), 170):
        engine.record(log.records[start : start + 333])
    expected = raw_spending(log.records)
    assert len(expected) > 15
    for view in ("cost_tracking", "v_daily_costs"):
        rows = engine.ask(
            f"SELECT tenant, toString(day), sum(toDecimal128(cost, 12)) FROM {view}"
            " WHERE startsWith(tenant, 'sum-') GROUP BY tenant, day"
        )
        assert {(str(tenant), str(day)): total for tenant, day, total in rows} == expected
    table = engine.ask(
        "SELECT tenant, toString(toDate(event_ts)) AS day, sum(toDecimal128(charge, 12)) FROM ledger_entries FINAL"
        " WHERE startsWith(tenant, 'sum-') AND kind IN ('settled', 'forfeited', 'adjusted') GROUP BY tenant, day"
    )
    assert {(str(tenant), str(day)): total for tenant, day, total in table} == expected


def test_budget_windows_add_up(engine: Engine) -> None:
    """Over all windows of a kind, spent is the spending and held is what no entry closed (A1)."""
    log = random_traffic(11)
    for record in log.records:
        assert record.value is not None
    renamed = [
        Record(r.topic, r.partition, r.offset, r.timestamp_ms, r.key, (r.value or b"").replace(b"sum-", b"win-"))
        for r in log.records
    ]
    engine.record(renamed)
    engine.record(renamed)
    ledger = [orjson.loads(r.value or b"") for r in renamed if r.topic == t.LEDGER]
    closed = {e["hold_id"] for e in ledger if not e["type"].endswith("held.v1")}
    held = sum(Decimal(e["amount"]) for e in ledger if e["type"].endswith("held.v1") and e["hold_id"] not in closed)
    spent = sum(raw_spending(renamed).values())
    for window in ("day", "month"):
        rows = engine.ask(
            "SELECT sum(spent), sum(held) FROM budget_tracking"
            f" WHERE startsWith(tenant, 'win-') AND window = '{window}'"
        )
        assert rows == [(spent, held)]


def test_budget_status_shows_the_open_window(engine: Engine) -> None:
    """The window that is open now is shown with cap, spent, held and what remains; a past one is not."""
    now = datetime.now(UTC)
    log = Log()
    Flow(log, tenant="status", cost=10 * MILLI, at=now, day_cap=PICO).whole()
    open_hold = Flow(log, number=1, tenant="status", cost=10 * MILLI, at=now, day_cap=PICO)
    open_hold.decided()
    Flow(log, number=2, tenant="status", at=now - timedelta(days=3)).whole()
    engine.record(log.records)
    row = one(engine, "v_budget_status", "status", "window = 'day'")
    assert (row["cap"], row["spent"], row["held"]) == (Decimal(1), Decimal("0.01"), Decimal("0.04"))
    assert row["remaining"] == Decimal("0.95")
    assert row["spent_percent"] == pytest.approx(1.0)


def test_a_window_without_cap_remains_without(engine: Engine) -> None:
    """A window that only counts has no cap and no remainder."""
    log = Log()
    Flow(log, tenant="uncapped", day_cap=None).whole()
    engine.record(log.records)
    row = one(engine, "budget_tracking", "uncapped", "window = 'day'")
    assert (row["cap"], row["remaining"]) == (None, None)


def test_fallbacks_and_rate_limits(engine: Engine) -> None:
    """An attempt after a failed one is a fallback event; a 429 is a rate-limit event (A1)."""
    log = Log()
    flow = Flow(log, tenant="fallen", model=DEAR)
    flow.request()
    flow.decided()
    flow.started()
    flow.failed()
    flow.model = CHEAP
    flow.started()
    flow.finished()
    flow.settled()
    flow.answered()
    Flow(log, number=1, tenant="fallen").whole()
    engine.record(log.records)
    event = one(engine, "fallback_events", "fallen")
    assert (event["from_model"], event["to_model"], event["reason"], event["outcome"]) == (
        DEAR,
        CHEAP,
        "rate_limited",
        "finished",
    )
    limit = one(engine, "rate_limit_events", "fallen")
    assert (limit["model"], limit["status"], limit["retry_after_ms"]) == (DEAR, 429, 1500)
    assert one(engine, "cost_tracking", "fallen", f"request_id = '{flow.request_id}'")["model"] == CHEAP
    summary = one(engine, "model_performance", "fallen", f"model = '{DEAR}'")
    assert (summary["calls"], summary["successes"], summary["failures"]) == (1, 0, 1)


def test_a_next_decision_after_unknown_is_a_fallback_and_an_override_is_none(engine: Engine) -> None:
    """What the router decides after an unknown call is a fallback; what a person chose is not."""
    log = Log()
    lost = Flow(log, tenant="again", model=DEAR)
    lost.decided()
    lost.started()
    lost.unknown()
    lost.forfeited()
    lost.model = CHEAP
    lost.decided(2, "unknown")
    lost.started()
    lost.finished()
    lost.settled()
    chosen = Flow(log, number=1, tenant="again", model=CHEAP)
    chosen.decided()
    chosen.started()
    chosen.unknown()
    chosen.model = DEAR
    chosen.decided(2, "override")
    chosen.started()
    chosen.finished()
    engine.record(log.records)
    event = one(engine, "fallback_events", "again")
    assert (event["request_id"], event["from_outcome"]) == (lost.request_id, "unknown")
    kinds = engine.ask("SELECT kind, cost FROM cost_tracking WHERE tenant = 'again' ORDER BY kind")
    assert kinds == [("forfeited", Decimal("0.008")), ("settled", Decimal("0.002"))]


def test_a_late_answer_counts_as_finished(engine: Engine) -> None:
    """An attempt that was called unknown and then finished is one finished attempt, its tokens counted once."""
    log = Log()
    flow = Flow(log, tenant="late")
    flow.decided()
    flow.started()
    flow.unknown()
    flow.forfeited()
    flow.finished()
    flow.adjusted()
    engine.record(log.records)
    assert one(engine, "v_attempts", "late")["outcome"] == "finished"
    costs = one(engine, "v_daily_costs", "late")
    assert (costs["cost"], costs["output_tokens"], costs["attempts"]) == (Decimal("0.002"), 300, 1)


def test_outcomes_carry_ratings_and_requests_everything(engine: Engine) -> None:
    """A request's row has model, tier, tokens, latency, tools, place, conversation length and its mean rating (A2)."""
    log = Log()
    flow = Flow(log, tenant="rated").whole()
    flow.rated(0.5)
    flow.rated(1.0)
    Flow(log, number=1, tenant="rated").whole()
    engine.record(log.records)
    row = one(engine, "v_requests", "rated", f"request_id = '{flow.request_id}'")
    assert row["rating"] == 0.75
    expected = {
        "model": CHEAP,
        "provider_model": f"{CHEAP}-2026",
        "tier": 2,
        "confidence": 0.8,
        "latency_ms": 700,
        "ttft_ms": 90,
        "input_tokens": 120,
        "cached_input_tokens": 20,
        "output_tokens": 300,
        "reasoning_tokens": 100,
        "tools": ["search"],
        "mcp_tools": [],
        "user": "ann",
        "use_case": "coding",
        "conversation_turns": 3,
        "status": "completed",
        "propensity": 1.0,
        "policy": "default@1",
    }
    assert {name: row[name] for name in expected} == expected
    assert one(engine, "v_requests", "rated", "request_id = 'request-1'")["rating"] is None
    satisfied = one(engine, "v_satisfaction", "rated")
    assert (satisfied["answers"], satisfied["rated"], satisfied["ratings"]) == (2, 1, 2)
    assert satisfied["response_rate"] == 0.5  # one of two answers was rated, though twice


def test_completion_sets_refusals_apart(engine: Engine) -> None:
    """Completion is answered over accepted, without refusals, cancellations and what is still pending (N7)."""
    log = Log()
    for number, status in enumerate([ResultStatus.COMPLETED] * 3 + [ResultStatus.FAILED, ResultStatus.REFUSED]):
        flow = Flow(log, number=number, tenant="ended")
        flow.decided()
        flow.answered(status)
    Flow(log, number=9, tenant="ended").decided()
    engine.record(log.records)
    row = one(engine, "v_completion", "ended")
    assert (row["accepted"], row["completed"], row["failed"], row["refused"], row["pending"]) == (6, 3, 1, 1, 1)
    assert row["completion_rate"] == 0.75


def override(log: Log, tenant: str, name: str, *, applied: bool = True) -> None:
    """A person moves from the cheap to the dear model."""
    asked = OverrideRequested(
        id=name, occurred_at=AT, tenant=tenant, scope="always", user="ann", model=DEAR, from_model=CHEAP
    )
    log.append(asked.to_output(t.OVERRIDES), AT)
    if applied:
        answer = OverrideApplied(
            id=f"{name}-answer",
            occurred_at=AT,
            tenant=tenant,
            override_id=name,
            scope="always",
            model=DEAR,
            reason="ok",
        )
        log.append(answer.to_output(t.TECHNICAL_OUTCOMES), AT)


def test_override_rates_count_what_was_applied(engine: Engine) -> None:
    """Overrides over decisions, away from and towards a model; one that was not applied does not count."""
    log = Log()
    for number in range(4):
        Flow(log, number=number, tenant="moved").decided()
    override(log, "moved", "o1")
    override(log, "moved", "o2", applied=False)
    engine.record(log.records)
    away = one(engine, "v_override_rates", "moved", f"model = '{CHEAP}'")
    assert (away["decisions"], away["overrides_away"], away["override_rate"]) == (4, 1, 0.25)
    towards = one(engine, "v_override_rates", "moved", f"model = '{DEAR}'")
    assert (towards["overrides_to"], towards["override_rate"]) == (1, None)


def test_the_newest_preference_is_in_force(engine: Engine) -> None:
    """Of the versions of a user's row the highest is shown, in whatever order they came."""
    log = Log()
    for version, score in ((2, 0.9), (1, 0.6)):
        row = PreferenceRow(
            version=version,
            tenant="liked",
            user="ann",
            observations=version,
            models={CHEAP: ModelPreference(score=score, ratings=2, rating_sum=1.5)},
            updated_at=AT,
        )
        log.records.append(
            Record(t.PREFERENCES, 0, 10 - version, 1_795_000_000_000, b"liked|ann", row.model_dump_json().encode())
        )
    engine.record(log.records)
    preference = one(engine, "v_preferences", "liked")
    assert (preference["version"], preference["score"], preference["rating"]) == (2, 0.9, 0.75)


def test_preferences_are_told_apart_by_level_and_a_reset_leaves_none(engine: Engine) -> None:
    """Rows of space and organisation stand beside a user's; a model that is gone from the newest row is not shown."""
    log = Log()
    head: dict[str, Any] = {"tenant": "levels", "observations": 0, "updated_at": AT}
    known = {CHEAP: ModelPreference(score=0.6, evidence=12.5)}
    rows = [
        PreferenceRow(version=1, models=known, **head),
        PreferenceRow(version=1, level="organisation", models={CHEAP: ModelPreference(score=0.7)}, **head),
        PreferenceRow(version=1, level="space", space="press", models=known, **head),
        PreferenceRow(version=1, user="ann", models={**known, DEAR: ModelPreference()}, **head),
        PreferenceRow(version=2, user="ann", models=known, **head),
        PreferenceRow(version=1, user="ben", models=known, **head),
        PreferenceRow(version=2, user="ben", models={}, **head),
    ]
    log.records += [
        Record(t.PREFERENCES, 0, offset, 1_795_000_000_000, b"k", row.model_dump_json().encode())
        for offset, row in enumerate(rows)
    ]
    engine.record(log.records)
    found = engine.ask(
        "SELECT level, user, space, model, score, evidence FROM v_preferences WHERE tenant = 'levels' ORDER BY ALL"
    )
    assert found == [
        ("organisation", "", "", CHEAP, 0.7, 0.0),
        ("space", "", "press", CHEAP, 0.6, 12.5),
        ("user", "", "", CHEAP, 0.6, 12.5),
        ("user", "ann", "", CHEAP, 0.6, 12.5),
    ]


def publish_prices(log: Log) -> None:
    """A price book in which the dear model becomes cheaper on 21 November."""
    source = {"list": Source(title="list", date=AT.date())}
    before = Price(
        since=datetime(2026, 1, 1, tzinfo=UTC).date(), source="list", input="10", output="50", cached_input="1"
    )
    after = Price(since=datetime(2026, 11, 21, tzinfo=UTC).date(), source="list", input="5", output="25")
    document = PricesDocument(name="current", version=1, sources=source, prices={DEAR: (before, after)})
    event = ConfigPublished(
        id=event_id("system", ConfigPublished.TYPE, "current", 1),
        occurred_at=AT,
        tenant="system",
        kind="prices",
        name="current",
        version=1,
        document=document,
    )
    log.append(event.to_output(t.CONFIG, key="prices/current@1", partition=0), AT)


def test_savings_are_at_the_same_tokens_and_the_price_of_the_day(engine: Engine) -> None:
    """What the tokens of answered calls would have cost with one model alone, at the prices in force that day (N2)."""
    log = Log()
    publish_prices(log)
    Flow(log, tenant="saved", cost=2 * MILLI).whole()
    Flow(log, number=1, tenant="saved", cost=2 * MILLI, at=AT + timedelta(days=1)).whole()
    engine.record(log.records)
    row = one(engine, "v_savings", "saved")
    # 100 plain at 10, 20 cached at 1, 300 out at 50, per million; the next day 120 in at 5 and 300 out at 25.
    assert row["baseline_cost"] == Decimal("0.01602") + Decimal("0.0081")
    assert (row["actual_cost"], row["answers"]) == (Decimal("0.004"), 2)
    assert row["saved_share"] == pytest.approx(1 - 0.004 / 0.02412)


def test_estimates_are_compared_with_what_came(engine: Engine) -> None:
    """Mean relative errors of cost and latency of requests that needed one attempt (B7, N17)."""
    log = Log()
    Flow(log, tenant="guessed", model="guess-1").whole()
    engine.record(log.records)
    (row,) = dicts(engine, "SELECT * FROM v_estimates WHERE model = 'guess-1'")
    assert (row["cost_error"], row["cost_ratio"]) == (0.0, 1.0)
    assert row["latency_error"] == pytest.approx(100 / 700)


def test_spending_by_customer(engine: Engine) -> None:
    """Spending per month, tenant and user (A3)."""
    log = Log()
    for number, user in enumerate(("ann", "bob", "bob")):
        Flow(log, number=number, tenant="customers", user=user).whole()
    engine.record(log.records)
    rows = engine.ask("SELECT user, requests, cost FROM v_spend_by_customer WHERE tenant = 'customers' ORDER BY user")
    assert rows == [("ann", 1, Decimal("0.002")), ("bob", 2, Decimal("0.004"))]


def test_model_summary_is_over_all_tenants(engine: Engine) -> None:
    """One row per model: decisions, calls, latency percentiles, cost per answer."""
    log = Log()
    for number in range(4):
        Flow(log, number=number, tenant=f"summary-{number % 2}", model="summed-1").whole()
    engine.record(log.records)
    (row,) = dicts(engine, "SELECT * FROM v_model_summary WHERE model = 'summed-1'")
    assert (row["decisions"], row["calls"], row["success_rate"], row["latency_p95_ms"]) == (4, 4, 1.0, 700)
    assert (row["cost"], row["cost_per_answer"]) == (Decimal("0.008"), Decimal("0.002"))


def test_queries_that_forget_final_are_exact_through_the_reader(engine: Engine) -> None:
    """The reader merges rows of tables even where the query does not ask for it; the writer's own client does not."""
    log = Log()
    Flow(log, tenant="twice").whole()
    engine.record(log.records)
    engine.record(log.records)
    sql = "SELECT count() FROM ledger_entries WHERE tenant = 'twice'"
    assert engine.ask(sql) == [(2,)]
    assert engine.store.client.query(sql).result_rows[0][0] in {2, 4}
