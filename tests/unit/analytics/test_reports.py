from collections.abc import Generator
from decimal import Decimal

import pytest

from analytics.door_client import DoorClosedError, QueryError, query
from analytics.reports.summary import SUMMARY, UnknownReportError, report, report_names, report_sql, summary
from streams.sql_door import SqlDoor
from tests.recorded_flow import CHEAP, DEAR, Flow, Log
from tests.unit.analytics.conftest import Engine, Place
from tests.unit.analytics.test_views import override, publish_prices


@pytest.fixture(scope="module")
def served(engine: Engine) -> Generator[Place]:
    """A store with a little traffic behind an open SQL door."""
    log = Log()
    publish_prices(log)
    for number in range(3):
        flow = Flow(log, number=number, candidates=1)
        flow.whole()
        flow.rated(0.9)
    fallen = Flow(log, number=3, model=DEAR)
    fallen.request()
    fallen.decided()
    fallen.started()
    fallen.failed()
    fallen.model = CHEAP
    fallen.started()
    fallen.finished()
    fallen.settled()
    fallen.answered()
    override(log, "acme", "o1")
    engine.record(log.records)
    with SqlDoor(engine.place):
        yield engine.place


def test_the_summary_has_all_its_parts(served: Place) -> None:
    """Each report of the summary answers through the door, with exact money."""
    answers = summary(served)
    assert tuple(answers) == SUMMARY
    (overview,) = answers["overview"].dicts()
    assert (overview["accepted"], overview["completed"], overview["completion_rate"]) == (4, 4, 1)
    (spend,) = answers["spend_by_model"].dicts()
    assert (spend["model"], spend["cost"], spend["share"]) == (CHEAP, Decimal("0.008"), 1)
    (fallbacks,) = answers["fallbacks"].dicts()
    assert (fallbacks["fallbacks"], fallbacks["recovered"], fallbacks["rate_limits"]) == (1, 1, 1)
    (moved,) = answers["overrides"].dicts()
    assert (moved["from_model"], moved["to_model"], moved["answer"]) == (CHEAP, DEAR, "applied")
    assert answers["learned"].rows == []


def test_savings_choose_a_premium_model_that_could_have_served(served: Place) -> None:
    """Without a baseline the dearest model that was a candidate in a quarter of the decisions is compared with."""
    (saved,) = report(served, "savings").dicts()
    assert saved["baseline_model"] == DEAR
    assert saved["baseline_cost"] == 4 * Decimal("0.01602")
    assert saved["actual_cost"] == Decimal("0.008")
    assert report(served, "savings", {"baseline": "nobody"}).rows == []


def test_every_report_states_its_grain() -> None:
    """Each named query begins with what one row is."""
    assert set(SUMMARY) <= set(report_names())
    assert all(report_sql(name).startswith("-- Grain: one row") for name in report_names())


def test_an_unknown_report_is_named(served: Place) -> None:
    """The error lists the reports there are."""
    with pytest.raises(UnknownReportError, match="savings"):
        report(served, "../store")


def test_errors_are_for_the_person_who_asked(served: Place, engine: Engine) -> None:
    """A refused query says why; a closed door says what to do."""
    with pytest.raises(QueryError, match="Substitution `baseline` is not set"):
        query(served, report_sql("savings"))
    with pytest.raises(DoorClosedError, match="pointsman up"):
        report(Place(engine.place.run_dir / "elsewhere"), "overview")


def test_spend_by_customer_and_month(served: Place) -> None:
    """Tenants with their share of the month, users on demand, another month empty (A3)."""
    (row,) = report(served, "spend").dicts()
    assert (row["period"], row["customer"], row["person"], row["requests"]) == ("2026-11", "acme", "", 4)
    assert (row["cost"], row["overhead"], row["share"]) == (Decimal("0.008"), Decimal(0), 1)
    (user,) = report(served, "spend", {"by": "user", "tenant": "acme"}).dicts()
    assert user["person"] == "ann"
    assert report(served, "spend", {"month": "2026-10"}).rows == []
    assert report(served, "spend", {"tenant": "nobody"}).rows == []


def test_shares_and_effectiveness_answer_through_the_door(served: Place) -> None:
    """Without targets shares are shown as they are; the kinds of work besides only when asked for (A3)."""
    rows = report(served, "shares").dicts()
    assert [(row["model"], row["traffic_share"], row["state"]) for row in rows] == [
        (CHEAP, 0.75, "no_target"),
        (DEAR, 0.25, "no_target"),
    ]
    assert [row["spend_share"] for row in rows] == [1.0, 0.0]
    assert len(report(served, "shares", {"task_type": ""}).rows) == 4
    (row,) = report(served, "effectiveness", {"tenant": "acme"}).dicts()
    assert (row["requests"], row["rated"], row["response_rate"], row["fallback_rate"]) == (4, 3, 0.75, 0.25)
