"""Probes at the desk and in feedback: overhead, counted nowhere, and only where a model is named (B9)."""

from typing import Any

from schemas import topics as t
from schemas.control import DOCUMENT
from schemas.money import parse_usd
from schemas.provider_call import CallFinished
from schemas.request import PROBE
from tests.desk_world import DeskWorld, Json
from tests.documents import tenant
from tests.scripted_executor import finished, started
from tests.unit.routing.test_feedback import Place, at
from tests.unit.routing.test_feedback import finished as answered

MODEL = "gpt-4.1-mini"


def world() -> DeskWorld:
    policy = {"kind": "policy", "name": "shared", "shares": {"targets": {MODEL: 1.0}, "control": 1}}
    documents = (DOCUMENT.validate_python(policy), tenant("acme", policy="shared", budget={"daily": 10}))
    return DeskWorld("acme", *documents, restore_each_batch=True)


def outcome(w: DeskWorld, **request: Any) -> tuple[Json, Json]:
    w.ask("r1", **request)
    w.run()
    (decision,) = w.decisions()
    w.report(started(decision), finished(decision, cost=7))
    w.run()
    (technical,) = w.values(t.TECHNICAL_OUTCOMES)
    return decision, technical


def test_a_probe_is_held_settled_and_all_of_it_is_overhead() -> None:
    """A probe is paid like any request, and reported as overhead with its use case (B9)."""
    w = world()
    decision, technical = outcome(w, model=MODEL, use_case=PROBE)
    assert decision["probe"]
    assert parse_usd(decision["hold"]["amount"]) > 0
    assert [kind for kind, _ in w.ledger()] == ["held", "settled"]
    assert (technical["cost"], technical["overhead"]) == ("0.000000000007", "0.000000000007")
    assert (technical["use_case"], technical["attempts"]) == (PROBE, 1)
    assert w.desk.state.shares_of("acme") == {}


def test_only_a_named_model_is_probed() -> None:
    """The use case alone takes no traffic out of the statistics: a request that is routed counts as any (B9)."""
    w = world()
    decision, technical = outcome(w, use_case=PROBE)
    assert not decision["probe"]
    assert technical["overhead"] == "0.000000000000"
    assert w.desk.state.shares_of("acme") != {}


def test_feedback_passes_over_probes() -> None:
    """A probe's call changes neither the model's statistics nor anybody's preferences, whoever sent it."""
    place = Place()
    call = answered(1)
    probe = CallFinished.model_validate({**call.model_dump(), "purpose": "probe"})
    place.apply([at(t.PROVIDER_CALLS, 0, probe)])
    assert (place.statistics, place.preferences) == ({}, {})
    place.apply([at(t.PROVIDER_CALLS, 1, call)])
    assert place.statistics
