"""Views of what decisions carry, on the real engine, against figures added up by hand."""

from decimal import Decimal
from typing import Any

import pytest

from schemas import topics as t
from schemas.control import ConfigDocument, ConfigPublished
from schemas.control_catalog import CatalogDocument
from schemas.control_policy import PolicyDocument
from schemas.control_steering import Shares
from schemas.decision import AdviceView, Candidate, View
from schemas.outcome import OutcomeInferred
from schemas.request import PROBE
from schemas.user_settings import SettingsApplied, UserSettings
from tests.documents import shipped, tenant
from tests.recorded_flow import CHEAP, DEAR, PICO, Flow, Log
from tests.unit.analytics.conftest import Engine
from tests.unit.analytics.test_views import AT, dicts, one

MILLI = PICO // 1000


def publish(log: Log, document: ConfigDocument) -> None:
    """A document of the configuration."""
    event = ConfigPublished(
        id=f"published-{document.document_key}",
        occurred_at=AT,
        tenant="system",
        kind=document.kind,
        name=document.name,
        version=document.version,
        document=document,
    )
    log.append(event.to_output(t.CONFIG, key=document.document_key, partition=0), AT)


def whole(flow: Flow, **fields: Any) -> None:
    """An answered call of the flow's present decision, settled."""
    flow.started()
    flow.finished()
    flow.settled()


def test_overhead_is_what_advice_was_charged(engine: Engine) -> None:
    """Routing's own spend: settled, forfeited and corrected advice, what is still held, beside the routed (B9)."""
    log = Log()
    given = View(advice=AdviceView(order_id="o", kind="classify", adviser=CHEAP, outcome="given"))
    lost = View(advice=AdviceView(order_id="o", kind="route", adviser=CHEAP, outcome="failed"))
    settled = Flow(log, number=0, tenant="advised", cost=MILLI // 2)
    settled.advised("classify")
    whole(settled)
    settled.cost = 2 * MILLI
    settled.decided(view=given)
    whole(settled)
    settled.answered(cost=5 * MILLI // 2, overhead=MILLI // 2)
    forfeited = Flow(log, number=1, tenant="advised", cost=MILLI)
    forfeited.advised("route")
    forfeited.started()
    forfeited.unknown()
    forfeited.forfeited()
    forfeited.adjusted()
    forfeited.cost = 3 * MILLI
    forfeited.decided(view=lost)
    whole(forfeited)
    forfeited.answered(cost=4 * MILLI, overhead=MILLI)
    Flow(log, number=2, tenant="advised", cost=MILLI // 4).advised("classify")
    engine.record(log.records)
    row = one(engine, "v_overhead", "advised")
    assert (row["orders"], row["given"]) == (3, 1)
    assert (row["overhead"], row["routed"]) == (Decimal("0.0015"), Decimal("0.005"))
    assert (row["classify_overhead"], row["route_overhead"]) == (Decimal("0.0005"), Decimal("0.001"))
    assert (row["forfeited"], row["held"]) == (Decimal("0.004"), Decimal("0.001"))
    assert row["overhead_share"] == pytest.approx(1.5 / 6.5)
    told = one(
        engine, "(SELECT tenant, sum(overhead) AS o, sum(cost) AS c FROM routing_outcomes GROUP BY 1)", "advised"
    )
    assert (told["o"], told["c"]) == (row["overhead"], row["overhead"] + row["routed"])
    spend = one(engine, "v_spend_by_customer", "advised")
    assert (spend["cost"], spend["overhead"], spend["user"]) == (Decimal("0.0065"), Decimal("0.0015"), "ann")


def test_advice_is_no_answer_and_no_fallback(engine: Engine) -> None:
    """A failed advice makes no fallback of the answer that follows, and says nothing of how a model answers (B9)."""
    log = Log()
    flow = Flow(log, tenant="advised-badly", model=DEAR)
    flow.advised("classify")
    flow.started()
    flow.failed()
    flow.model = CHEAP
    flow.decided()
    whole(flow)
    flow.answered()
    engine.record(log.records)
    assert dicts(engine, "SELECT * FROM fallback_events WHERE tenant = 'advised-badly'") == []
    assert one(engine, "model_performance", "advised-badly")["model"] == CHEAP
    assert one(engine, "cost_tracking", "advised-badly")["purpose"] == "answer"


def test_probes_are_overhead_and_no_answers(engine: Engine) -> None:
    """All of a probe is routing's own spend, held ones too; nobody's answer, rating, choice or share (B9)."""
    log = Log()
    for number, cost in enumerate((5 * MILLI, MILLI)):
        flow = Flow(log, number=number, tenant="probed", model=DEAR, cost=cost, candidates=1)
        flow.decided(probe=True, forced_by="request")
        flow.purpose = "probe"
        whole(flow)
        flow.answered(use_case=PROBE, overhead=cost)
    Flow(log, number=2, tenant="probed", model=DEAR, cost=MILLI // 4).decided(probe=True, forced_by="request")
    plain = Flow(log, number=3, tenant="probed", cost=4 * MILLI, candidates=1)
    plain.decided()
    whole(plain)
    plain.answered()
    engine.record(log.records)
    row = one(engine, "v_overhead", "probed")
    assert (row["probes"], row["orders"]) == (3, 0)
    assert (row["overhead"], row["probe_overhead"]) == (Decimal("0.006"), Decimal("0.006"))
    assert (row["routed"], row["held"], row["overhead_share"]) == (Decimal("0.004"), Decimal("0.001"), 0.6)
    for view in ("v_satisfaction", "model_performance", "v_override_rates", "v_auto_vs_manual", "v_effectiveness"):
        (found,) = dicts(engine, f"SELECT * FROM {view} WHERE tenant = 'probed'")
        assert found.get("model", CHEAP) == CHEAP, view
    (share,) = dicts(engine, "SELECT * FROM v_share_vs_target WHERE tenant = 'probed' AND task_type = 'all'")
    assert (share["model"], share["spend"]) == (CHEAP, Decimal("0.004"))
    assert one(engine, "v_spend_by_customer", "probed")["overhead"] == Decimal("0.006")


def candidate(model: str, quality: float) -> Candidate:
    """A candidate of which so many good answers are predicted."""
    terms = dict.fromkeys(("capability", "cost", "quality", "latency", "history"), 0.5)
    estimates = {"estimated_cost": MILLI, "estimated_latency_ms": 800, "propensity": 1.0}
    return Candidate(model=model, score=0.5, predicted_quality=quality, **terms, **estimates)


def test_escalations_name_both_decisions_and_what_each_cost(engine: Engine) -> None:
    """From the cheap start to the better model, with predictions and money; degraded answers are counted (R13)."""
    log = Log()
    for number in range(4):
        flow = Flow(log, number=number, tenant="escalated", cost=MILLI)
        flow.decided(cascade=True, candidates=(candidate(CHEAP, 0.6),))
        whole(flow)
        if number:
            flow.answered()
            continue
        flow.model, flow.cost = DEAR, 7 * MILLI
        flow.decided(2, "escalation", view=View(above_quality=0.65), candidates=(candidate(DEAR, 0.9),))
        whole(flow)
        flow.answered(escalations=1, degraded=True, decisions=2, cost=8 * MILLI)
    plain = Flow(log, number=9, tenant="escalated", cost=50 * MILLI)
    plain.decided()
    whole(plain)
    plain.answered(degraded=True)
    engine.record(log.records)
    row = one(engine, "v_escalations", "escalated")
    assert (row["from_model"], row["to_model"], row["from_quality"], row["to_quality"]) == (CHEAP, DEAR, 0.6, 0.9)
    assert (row["from_cost"], row["to_cost"]) == (Decimal("0.001"), Decimal("0.007"))
    assert (row["status"], row["degraded"]) == ("completed", True)
    kinds = one(engine, "v_cascades", "escalated")
    assert (kinds["requests"], kinds["cascades"], kinds["escalated"], kinds["degraded"]) == (5, 4, 1, 2)
    assert (kinds["escalation_rate"], kinds["degraded_rate"]) == (0.25, 0.4)
    assert (kinds["cost_of_cascades"], kinds["cost_of_starts"]) == (Decimal("0.011"), Decimal("0.001"))
    assert dicts(engine, "SELECT * FROM fallback_events WHERE tenant = 'escalated'") == []


def s4() -> list[ConfigDocument]:
    """The shipped router with S4's shares, and the catalog whose aliases it uses."""
    return [
        document
        for document in shipped()
        if isinstance(document, CatalogDocument) or (isinstance(document, PolicyDocument) and "s4" in document.name)
    ]


CHOSEN = {"grok-4": 41, "claude-sonnet-4": 30, "kimi-k2": 20, "gemini-2.5-flash": 4, "o3": 5}
"""Decisions of a hundred by model."""


@pytest.fixture(scope="module")
def shared(engine: Engine) -> Engine:
    """Traffic under S4's targets: a hundred decisions, six answers paid for."""
    log = Log()
    for document in s4():
        publish(log, document)
    number = 0
    for model, count in CHOSEN.items():
        for place in range(count):
            flow = Flow(log, number=number, tenant="shared", model=model, cost=MILLI, candidates=1)
            kind = "math" if model == "o3" else "code-generation"
            flow.decided(policy="s4-shares@1", catalog="models@1", task_type=kind)
            if place < (2 if model == "o3" else 1):
                flow.cost = 6 * MILLI if model == "o3" else 2 * MILLI
                whole(flow)
            number += 1
    engine.record(log.records)
    return engine


def test_shares_beside_targets(shared: Engine) -> None:
    """Traffic and spend apart, targets with tolerance, o3 an upper limit, aliases read as models (R12)."""
    rows = {
        row["model"]: row
        for row in dicts(shared, "SELECT * FROM v_share_vs_target WHERE tenant = 'shared' AND task_type = 'all'")
    }
    assert {model: row["decisions"] for model, row in rows.items()} == CHOSEN
    assert {model: row["traffic_share"] for model, row in rows.items()} == {
        model: count / 100 for model, count in CHOSEN.items()
    }
    assert {model: row["state"] for model, row in rows.items()} == {
        "grok-4": "within",
        "claude-sonnet-4": "within",
        "kimi-k2": "within",
        "gemini-2.5-flash": "below",
        "o3": "over_limit",
    }
    assert (rows["grok-4"]["target"], rows["grok-4"]["gap"], rows["grok-4"]["tolerance"]) == (0.4, 0.01, 0.03)
    assert (rows["o3"]["target"], rows["o3"]["upper_limit"], rows["o3"]["gap"]) == (None, 0.05, 0.0)
    assert (rows["o3"]["spend"], rows["o3"]["spend_share"]) == (Decimal("0.012"), pytest.approx(0.6))
    assert rows["kimi-k2"]["spend_share"] == pytest.approx(0.1)


def test_shares_by_kind_of_work_show_models_without_traffic(shared: Engine) -> None:
    """Within one kind of work a model with a target and no decision has share 0, and shares sum to 1 (R12)."""
    where = "tenant = 'shared' AND task_type = 'math'"
    rows = {row["model"]: row for row in dicts(shared, f"SELECT * FROM v_share_vs_target WHERE {where}")}
    assert (rows["o3"]["traffic_share"], rows["o3"]["state"]) == (1.0, "over_limit")
    assert (rows["grok-4"]["decisions"], rows["grok-4"]["traffic_share"], rows["grok-4"]["state"]) == (0, 0.0, "below")
    assert sum(row["traffic_share"] for row in rows.values()) == 1.0


def test_targets_are_scaled_and_follow_the_newest_version(engine: Engine) -> None:
    """Targets sum to 1 whatever the policy writes; a later version of a router replaces an earlier one (R12)."""
    log = Log()
    for version, grok in ((2, 0.6), (1, 0.1)):
        shares = {"targets": {"Grok 4": grok, "x-ai/grok-4.7": 0.3}, "upper_limits": {"o3": 0.2}}
        publish(log, PolicyDocument(name="halves", version=version, shares=Shares.model_validate(shares)))
    for document in s4():
        publish(log, document)
    engine.record(log.records)
    rows = {row["model"]: row for row in dicts(engine, "SELECT * FROM v_share_targets WHERE router = 'halves'")}
    assert {model: row["target"] for model, row in rows.items()} == {
        "grok-4": pytest.approx(2 / 3),
        "grok-4.7": pytest.approx(1 / 3),
        "o3": None,
    }
    assert (rows["o3"]["upper_limit"], rows["o3"]["tolerance"], rows["o3"]["version"]) == (0.2, 0.05, 2)


def test_what_models_should_reach_beside_what_they_reach(shared: Engine) -> None:
    """Latency by the statistic that the router names; ratings with their interval, or no verdict (A10)."""
    log = Log()
    for number in range(40):
        flow = Flow(log, number=number, tenant="aimed", model="kimi-k2", candidates=1)
        flow.decided(policy="s4@1")
        whole(flow)
        flow.answered()
        if number < 20:
            flow.rated(1.0)
    shared.record(log.records)
    rows = {row["model"]: row for row in dicts(shared, "SELECT * FROM v_model_targets WHERE router = 's4'")}
    kimi = rows["kimi-k2"]
    assert (kimi["latency_statistic"], kimi["latency_target_ms"], kimi["latency_ms"]) == ("ttft_p50", 1000, 90)
    assert (kimi["latency_state"], kimi["answers"], kimi["rated"]) == ("met", 40, 20)
    assert (kimi["response_rate"], kimi["rating"], kimi["rating_high"]) == (0.5, 1.0, pytest.approx(1.0))
    assert kimi["rating_low"] == pytest.approx(20 / (20 + 3.8416))  # Wilson, all of n good: n / (n + z^2)
    assert kimi["quality_state"] == "met"
    assert (rows["o3"]["latency_state"], rows["o3"]["quality_state"], rows["o3"]["rating"]) == (
        "no_calls",
        "cannot_tell",
        None,
    )


def test_auto_and_manual_are_never_mixed_with_experiments(engine: Engine) -> None:
    """What people chose is observational; a request of an experiment counts in its arm only, even when moved (A1)."""
    log = Log()
    for number in range(7):
        flow = Flow(log, number=number, tenant="chosen", cost=MILLI, candidates=1)
        if number < 2:
            flow.decided()
        elif number < 4:
            flow.decided(forced_by="request")
        else:
            flow.decided(experiment="e1", arm="a" if number < 6 else "b")
        if number == 5:
            flow.decided(2, "override", forced_by="override:request", experiment="e1", arm="a")
        whole(flow)
        flow.answered()
        if number in {0, 2, 3}:
            flow.rated(0.5 if number == 3 else 1.0)
    engine.record(log.records)
    found = {
        (row["basis"], row["choice"]): row
        for row in dicts(engine, "SELECT * FROM v_auto_vs_manual WHERE tenant = 'chosen'")
    }
    assert {key: row["requests"] for key, row in found.items()} == {
        ("observational", "auto"): 2,
        ("observational", "manual"): 2,
        ("randomised", "a"): 2,
        ("randomised", "b"): 1,
    }
    manual = found["observational", "manual"]
    assert (manual["rating"], manual["response_rate"], manual["rating_error"]) == (0.75, 1.0, pytest.approx(0.25))
    assert found["observational", "auto"]["response_rate"] == 0.5
    assert manual["cost_per_answer"] == Decimal("0.001")


def test_effectiveness_by_kind_of_work(engine: Engine) -> None:
    """Own choices, moves by people, ratings with response rate, and how often the intervals held (A3)."""
    log = Log()
    interval: dict[str, Any] = {
        "cost_low": MILLI,
        "cost_high": 3 * MILLI,
        "latency_low_ms": 100,
        "latency_high_ms": 600,
    }
    for number in range(5):
        flow = Flow(log, number=number, tenant="judged", cost=(4 if number == 4 else 2) * MILLI, candidates=1)
        flow.decided(candidates=(candidate(CHEAP, 0.8),), **interval)
        if number == 0:
            flow.model = DEAR
            flow.decided(2, "override", forced_by="override:request")
        whole(flow)
        flow.answered(decisions=2 if number == 0 else 1)
        if number in {1, 2}:
            flow.rated(number / 2)
    again = OutcomeInferred(
        id="again", occurred_at=AT, tenant="judged", request_id="request-1", model=CHEAP, signal="regenerated", value=1
    )
    log.append(again.to_output(t.OUTCOMES), AT)
    engine.record(log.records)
    row = one(engine, "v_effectiveness", "judged")
    assert (row["requests"], row["auto"], row["overridden"], row["override_rate"]) == (5, 4, 1, 0.2)
    assert (row["completed"], row["regenerated"], row["rated"], row["response_rate"]) == (5, 1, 2, 0.5)
    assert (row["rating"], row["predicted_quality"], row["confidence"]) == (
        0.75,
        pytest.approx(0.8),
        pytest.approx(0.8),
    )
    assert (row["with_interval"], row["cost_inside"], row["latency_inside"]) == (4, 0.75, 0.0)
    assert (row["cost"], row["cost_per_answer"]) == (Decimal("0.012"), Decimal("0.0024"))


def test_settings_of_users_tenants_and_areas_in_force(engine: Engine) -> None:
    """The last settings applied to a user, and what the newest document says of tenant, spaces and areas (U5)."""
    log = Log()
    for number, model in enumerate((CHEAP, DEAR)):
        answer = SettingsApplied(
            id=f"set-{number}",
            occurred_at=AT,
            tenant="placed",
            user="ann",
            change_id=f"c{number}",
            reason="holds",
            settings=UserSettings(auto="fixed", model=model),
        )
        log.append(answer.to_output(t.TECHNICAL_OUTCOMES), AT)
    places = {"lab": {"type": "research", "profile": "thorough", "prefer": ["a"], "areas": {"notes": {"avoid": ["b"]}}}}
    publish(log, tenant("placed", spaces=places, budget={"daily": "2.5"}))
    engine.record(log.records)
    settings = one(engine, "v_user_settings", "placed")
    assert (settings["auto"], settings["model"], settings["changes"]) == ("fixed", DEAR, 2)
    document = one(engine, "v_tenants", "placed")
    assert (document["daily_cap"], document["monthly_cap"], document["spaces"]) == (Decimal("2.5"), None, 1)
    area = one(engine, "v_areas", "placed", "area = 'notes'")
    assert (area["space"], area["space_type"], area["profile"]) == ("lab", "research", "thorough")
    assert (area["prefer"], area["avoid"]) == (["a"], ["b"])
    assert one(engine, "v_areas", "placed", "area = ''")["prefer"] == ["a"]


def test_a_model_that_a_person_named_is_no_decision_of_the_routers_own(engine: Engine) -> None:
    """Override rates are over what routing chose itself."""
    log = Log()
    Flow(log, number=0, tenant="named").decided()
    Flow(log, number=1, tenant="named").decided(forced_by="request")
    engine.record(log.records)
    assert one(engine, "v_override_rates", "named")["decisions"] == 1
