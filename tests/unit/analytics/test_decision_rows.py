from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from analytics.rows import rows_for
from analytics.tables import TABLES
from analytics.tables.position import POSITION
from schemas import topics as t
from schemas.decision import AdviceView, CachedChoice, PreferenceView, SignalsView, StatisticsView, View
from schemas.record import Record
from schemas.user_settings import SettingsApplied, SettingsChanged, UserSettings
from tests.recorded_flow import CHEAP, Flow, Log
from tests.unit.routing.test_desk_embeddings import ask, world

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def last(log: Log, table: str) -> dict[str, Any]:
    """The values of the last row of a table by column name."""
    columns = [column.name for column in (*POSITION, *TABLES[table].columns)]
    found = [row for record in log.records for row in rows_for(record) if row.table == table]
    return dict(zip(columns, found[-1].values, strict=True))


def test_a_decision_is_recorded_with_what_it_read() -> None:
    """Rule, cache, prediction, intervals, advice, and what was seen of the chosen model are columns (A1, R13)."""
    view = View(
        preference=PreferenceView(version=3, scores={CHEAP: 0.7}),
        statistics={CHEAP: StatisticsView(calls=40, success_rate=0.9, rating=0.6)},
        health={f"simulated-a|{CHEAP}": "degraded", "simulated-a": "open"},
        settings=UserSettings(auto="on"),
        advice=AdviceView(
            order_id="o", kind="classify", adviser="adviser-1", outcome="given", task_type="math", model=None
        ),
        cached=CachedChoice(models=(CHEAP,), tier=2, codes=("code",)),
        above_quality=0.5,
        excluded=("old-1",),
        warm_tokens=900,
    )
    log = Log()
    Flow(log, candidates=2).decided(
        view=view,
        others={"third-1": 0.41},
        signals=SignalsView(sensitive=("email",)),
        rule="mathematics",
        rule_source="policy/s4@1",
        cascade=True,
        profile="thorough",
        weights={"cost": 0.5},
        cost_low=1_000_000_000,
        cost_high=3_000_000_000,
        latency_low_ms=500,
        latency_high_ms=1500,
        space="lab",
    )
    row = last(log, "routing_decisions")
    expected = {
        "space": "lab",
        "rule": "mathematics",
        "rule_source": "policy/s4@1",
        "cascade": True,
        "cached": True,
        "above_quality": 0.5,
        "term_capability": 0.8,
        "term_boost": 0.0,
        "candidate_models": [CHEAP, "other-1", "third-1"],
        "candidate_scores": [0.9, 0.89, 0.41],
        "candidate_propensities": [1.0, 0.0, 0.0],
        "candidate_qualities": [None, None, None],
        "candidate_costs": ["0.002000000000", "0.002000000000", None],
        "cost_low": "0.001000000000",
        "cost_high": "0.003000000000",
        "latency_low_ms": 500,
        "latency_high_ms": 1500,
        "profile": "thorough",
        "weights": '{"cost":0.5}',
        "max_output_tokens": 1000,
        "timeout_ms": 60_000,
        "warm_tokens": 900,
        "advice_order_id": "o",
        "advice_kind": "classify",
        "advice_outcome": "given",
        "adviser": "adviser-1",
        "advised_task_type": "math",
        "advised_model": "",
        "seen_preference": 0.7,
        "seen_calls": 40,
        "seen_success_rate": 0.9,
        "seen_rating": 0.6,
        "seen_health": "open",
        "auto": "on",
        "excluded_models": ["old-1"],
        "sensitive_kinds": ["email"],
    }
    assert {name: row[name] for name in expected} == expected
    assert [Decimal(cost or 0) for cost in row["candidate_costs"]] == [Decimal("0.002"), Decimal("0.002"), 0]


def test_what_a_decision_does_not_say_is_null_or_empty() -> None:
    """A decision of before there were intervals, or with a damaged view, says nothing instead of a guess."""
    log = Log()
    Flow(log, candidates=1).decided()
    (made,) = [record for record in log.records if record.topic == t.DECISIONS]
    event = orjson.loads(made.value or b"")
    for name in ("cost_low", "cost_high", "latency_low_ms", "latency_high_ms", "others"):
        del event[name]
    event["view"] = {"statistics": 7, "advice": "x", "health": None, "preference": []}
    event["chain"] = []
    log.records[:] = [Record(t.DECISIONS, 0, 0, made.timestamp_ms, b"acme", orjson.dumps(event), ())]
    row = last(log, "routing_decisions")
    nothing = ("cost_low", "latency_high_ms", "predicted_quality", "seen_calls", "seen_preference", "max_output_tokens")
    assert [row[name] for name in nothing] == [None] * len(nothing)
    assert (row["cached"], row["advice_kind"], row["seen_health"], row["auto"]) == (False, "", "", "")
    assert row["candidate_models"] == [CHEAP]


def test_advice_has_a_row_of_its_own() -> None:
    """An order of advice is no decision: its row names adviser, kind and hold, and its calls say what they are for."""
    log = Log()
    flow = Flow(log)
    flow.advised("route", options=("a", "b"))
    flow.started()
    order = last(log, "advice_orders")
    assert (order["kind"], order["model"], order["options"]) == ("route", CHEAP, ["a", "b"])
    assert order["hold_amount"] == "0.008000000000"
    assert last(log, "provider_calls")["purpose"] == "advice"
    assert not [row for record in log.records for row in rows_for(record) if row.table == "routing_decisions"]


def test_settings_are_recorded_as_asked_and_as_applied() -> None:
    """A change has what it changes, its answer all settings of the user; both carry the id of the change (U5)."""
    log = Log()
    change = SettingsChanged(
        id="c1", occurred_at=AT, tenant="acme", user="ann", auto="fixed", model=CHEAP, reset=("profile",)
    )
    log.append(change.to_output(t.OVERRIDES), AT)
    asked = last(log, "user_settings")
    assert (asked["kind"], asked["change_id"], asked["auto"], asked["reset"]) == ("changed", "c1", "fixed", ["profile"])
    answer = SettingsApplied(
        id="c1-answer",
        occurred_at=AT,
        tenant="acme",
        user="ann",
        change_id="c1",
        reason="holds from now on",
        settings=UserSettings(auto="fixed", model=CHEAP, avoided_models=("old-1",)),
    )
    log.append(answer.to_output(t.TECHNICAL_OUTCOMES), AT)
    applied = last(log, "user_settings")
    assert (applied["kind"], applied["change_id"], applied["model"]) == ("applied", "c1", CHEAP)
    assert (applied["avoided_models"], applied["reset"]) == (["old-1"], [])


def test_a_vector_that_is_ordered_is_recorded_like_advice() -> None:
    """The order has its row, and so has its hold, whose number (-1) is shown as before the first decision (R6, B9)."""
    w = world()
    ask(w)
    records = [
        Record(o.topic, w.partition, at, w.now, o.key.encode(), o.value, o.headers) for at, o in enumerate(w.outputs)
    ]
    rows = {row.table: row for record in records for row in rows_for(record) if row.table != "classifications"}
    named = {
        table: dict(zip([c.name for c in (*POSITION, *TABLES[table].columns)], rows[table].values, strict=True))
        for table in ("advice_orders", "ledger_entries")
    }
    assert (named["advice_orders"]["kind"], named["advice_orders"]["model"]) == ("embed", "text-embedding-3-small")
    assert (named["ledger_entries"]["kind"], named["ledger_entries"]["number"]) == ("held", 0)
    assert named["ledger_entries"]["decision_id"] == named["advice_orders"]["event_id"]
