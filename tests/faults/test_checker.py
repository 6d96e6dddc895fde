"""A checker that cannot fail proves nothing: each kind of violation, made by hand, must be found by its rule."""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker.facts import BillLine, Facts, Record, pico
from tests.faults.checker.report import as_json, as_table, check

DAY = "2026-03-01T00:00:00Z"
REQUEST_AT = {"topic": "requests", "partition": 3, "offset": 0}
Value = dict[str, Any]


class Log:
    """A log written by hand: one request of one tenant, decided, called, settled, answered, on partition 3."""

    def __init__(self) -> None:
        self.values: list[tuple[str, Value, dict[str, str]]] = []
        self.bill = [BillLine("a-1", pico("0.25"), "answered")]
        self.sent = {("acme", "r-1")}
        self.add("requests", type="pointsman.request.received.v1")
        self.add("provider-calls", type="pointsman.call.started.v1", id="s-1", **CALL)
        self.add(
            "provider-calls", type="pointsman.call.finished.v1", id="f-1", cost="0.250000000000", latency_ms=5, **CALL
        )
        hold = {"hold_id": "h-1", "amount": "1.000000000000"}
        self.add("classifications", 1, id="k-1", type="pointsman.classification.made.v1")
        self.add(
            "decisions",
            1,
            id="d-1",
            type="pointsman.decision.made.v1",
            number=1,
            execute=True,
            request_at=REQUEST_AT,
            hold=hold,
        )
        self.held(1, "h-1", "d-1", "1.000000000000")
        self.journal(1, calls=(0, 0), requests=(0, 1), wrote=("classifications", "decisions", "ledger"))
        self.add(
            "ledger",
            2,
            id="l-2",
            type="pointsman.ledger.settled.v1",
            hold_id="h-1",
            decision_id="d-1",
            amount="0.250000000000",
            attempt_id="a-1",
            overrun="0.000000000000",
        )
        self.add(
            "results",
            2,
            id="res-1",
            type="pointsman.result.final.v1",
            final=True,
            status="completed",
            decision_id="d-1",
            cost="0.250000000000",
            request_at=REQUEST_AT,
        )
        self.add("outcomes.technical", 2, id="t-1", type="pointsman.outcome.technical.v1", status="completed")
        self.journal(
            2,
            calls=(0, 2),
            requests=(1, 1),
            wrote=("classifications", "decisions", "ledger", "results", "outcomes.technical"),
            last={"classifications": 1, "decisions": 1},
        )
        self.add("model-stats", version=1, successes=1)

    def add(self, topic: str, batch: int | None = None, /, **values: Any) -> Value:
        headers = {} if batch is None else {"ce_batch": str(batch)}
        value = {"tenant": "acme", "request_id": "r-1", **values}
        self.values.append((topic, value, headers))
        return value

    def held(self, batch: int, hold_id: str, decision_id: str, amount: str, cap: str = "1.500000000000") -> Value:
        return self.add(
            "ledger",
            batch,
            id=f"l-{hold_id}",
            type="pointsman.ledger.held.v1",
            hold_id=hold_id,
            decision_id=decision_id,
            amount=amount,
            windows=[{"window": "day", "start": DAY, "end": DAY, "cap": cap}],
        )

    def journal(
        self,
        batch: int,
        *,
        calls: tuple[int, int],
        requests: tuple[int, int],
        wrote: tuple[str, ...],
        last: dict[str, int] | None = None,
    ) -> Value:
        return self.add(
            "router-journal",
            batch,
            type="pointsman.router.batch.v1",
            batch=batch,
            inputs={"provider-calls": calls, "overrides": (0, 0), "requests": requests},
            now_ms=1000 + batch,
            last_writes={**dict.fromkeys(wrote, batch), **(last or {}), "router-journal": batch},
        )

    def find(self, topic: str, type_: str = "") -> Value:
        """Return the first value of a topic whose type holds ``type_``."""
        return next(value for name, value, _ in self.values if name == topic and type_ in value.get("type", ""))

    def drop(self, topic: str, type_: str = "") -> None:
        """Remove the first such record."""
        found = self.find(topic, type_)
        self.values = [entry for entry in self.values if entry[1] is not found]

    def again(self, topic: str, type_: str = "", batch: int | None = None, **changes: Any) -> Value:
        """Append a copy of the first such record with changes."""
        return self.add(topic, batch, **{**self.find(topic, type_), **changes})

    def records(self) -> list[Record]:
        records: list[Record] = []
        offsets: dict[str, int] = {}
        for topic, value, headers in self.values:
            offset = offsets[topic] = offsets.get(topic, -1) + 1
            partition = 0 if topic.endswith(".dlq") else 3
            records.append(Record(topic, partition, offset, b"acme", json.dumps(value).encode(), headers))
        return records

    def broken(self) -> set[str]:
        """Return the names of the rules that do not hold."""
        facts = Facts(sent=self.sent, bill=self.bill).take(self.records())
        return {finding.rule for finding in check(facts) if finding.wrong}


CALL: Value = {
    "decision_id": "d-1",
    "attempt_id": "a-1",
    "attempt": 1,
    "instance": "executor-0",
    "incarnation": 7,
}
OTHER: Value = {**CALL, "instance": "executor-1"}
LETTER: Value = {"id": "dl-1", "reason": "not JSON", "position": {"topic": "requests", "partition": 3, "offset": 0}}


def two_holds_above_the_cap(log: Log) -> None:
    log.held(2, "h-2", "d-2", "1.250000000001")


def a_forfeit_below_the_bill(log: Log) -> None:
    log.find("ledger", "settled").update(type="pointsman.ledger.forfeited.v1", amount="1.000000000000")
    log.bill.append(BillLine("a-1", pico("0.9"), "reset"))


def an_end_without_a_hold(log: Log) -> None:
    log.drop("ledger", "held")


VIOLATIONS: dict[str, tuple[str, Callable[[Log], Any]]] = {
    "no final result": ("one final result", lambda log: log.drop("results")),
    "two final results": ("one final result", lambda log: log.again("results", batch=2, id="res-2")),
    "final and notice": (
        "one final result",
        lambda log: log.again("results", batch=2, final=False, type="pointsman.result.duplicate.v1"),
    ),
    "two notices": (
        "one final result",
        lambda log: [log.again("results", batch=2, final=False, type="x.duplicate") for _ in range(2)],
    ),
    "a final result about nothing": (
        "one final result",
        lambda log: log.again("results", batch=2, request_at={**REQUEST_AT, "offset": 9}),
    ),
    "a cancellation is answered": (
        "one final result",
        lambda log: log.values[0][1].update(type="x.request.cancelled.v1"),
    ),
    "an acknowledged request is gone": ("nothing lost", lambda log: log.sent.add(("acme", "r-2"))),
    "an acknowledged request has no final": ("nothing lost", lambda log: log.drop("results")),
    "no technical outcome": ("one technical outcome", lambda log: log.drop("outcomes.technical")),
    "two technical outcomes": ("one technical outcome", lambda log: log.again("outcomes.technical", batch=2)),
    "a decision twice": ("decisions in order", lambda log: log.again("decisions", batch=2, number=2)),
    "a number left out": ("decisions in order", lambda log: log.again("decisions", batch=2, id="d-2", number=3)),
    "a number twice": ("decisions in order", lambda log: log.again("decisions", batch=2, id="d-2")),
    "a decision about nothing": (
        "decisions in order",
        lambda log: log.again("decisions", batch=2, id="d-2", request_at={**REQUEST_AT, "offset": 9}),
    ),
    "a result of an unknown decision": ("decisions in order", lambda log: log.drop("decisions")),
    "two dead letters": ("dead letters once", lambda log: [log.add("requests.dlq", **LETTER) for _ in range(2)]),
    "a dead letter without a reason": (
        "dead letters once",
        lambda log: log.add("requests.dlq", **{**LETTER, "reason": ""}),
    ),
    "a dead letter about nothing": (
        "dead letters once",
        lambda log: log.add("requests.dlq", **{**LETTER, "position": {**LETTER["position"], "offset": 9}}),
    ),
    "a field is missing": ("readable", lambda log: log.find("ledger", "settled").pop("hold_id")),
    "the cap is passed": ("caps", two_holds_above_the_cap),
    "the cap per request is passed": ("caps", lambda log: log.find("ledger", "held").update(per_request_cap="0.5")),
    "a settlement passes its hold": ("caps", lambda log: log.find("ledger", "settled").update(overrun="0.1")),
    "a hold twice": ("holds end once", lambda log: log.again("ledger", "held", batch=2)),
    "a hold stays open": ("holds end once", lambda log: log.drop("ledger", "settled")),
    "a hold ends twice": (
        "holds end once",
        lambda log: log.again("ledger", "settled", batch=2, type="pointsman.ledger.released.v1"),
    ),
    "an end without a hold": ("holds end once", an_end_without_a_hold),
    "more settled than held": ("holds end once", lambda log: log.find("ledger", "settled").update(amount="2.0")),
    "less forfeited than held": (
        "holds end once",
        lambda log: log.find("ledger", "settled").update(type="pointsman.ledger.forfeited.v1"),
    ),
    "adjusted after a settlement": (
        "holds end once",
        lambda log: log.again(
            "ledger", "settled", batch=2, type="pointsman.ledger.adjusted.v1", amount="0.25", difference="-0.75"
        ),
    ),
    "a decision without a hold": ("holds end once", lambda log: log.again("decisions", batch=2, id="d-2", number=2)),
    "a hold of no decision": ("holds end once", lambda log: log.find("decisions").update(execute=False)),
    "a second, different settlement": (
        "holds end once",
        lambda log: log.again("ledger", "settled", batch=2, type="pointsman.ledger.conflicted.v1"),
    ),
    "settled is not billed": ("bill is covered", lambda log: log.bill.clear()),
    "settled is less than billed": ("bill is covered", lambda log: log.bill.extend([BillLine("a-1", 1, "answered")])),
    "billed and released": (
        "bill is covered",
        lambda log: log.find("ledger", "settled").update(type="pointsman.ledger.released.v1", attempt_id=None),
    ),
    "billed without an id": ("bill is covered", lambda log: log.bill.append(BillLine(None, 5, "answered"))),
    "a forfeit below the bill": ("bill is covered", a_forfeit_below_the_bill),
    "called twice": ("every call is in the log", lambda log: log.bill.append(BillLine("a-1", 0, "answered"))),
    "called without a claim": ("every call is in the log", lambda log: log.drop("provider-calls", "started")),
    "called after another's not_sent": (
        "every call is in the log",
        lambda log: log.find("provider-calls", "started").update(
            type="x.call.failed.v1", category="not_sent", billed="no"
        ),
    ),
    "reported by another": (
        "every call is in the log",
        lambda log: log.find("provider-calls", "finished").update(OTHER),
    ),
    "finished twice": ("every call is in the log", lambda log: log.again("provider-calls", "finished", id="f-2")),
    "billed but reported unbilled": (
        "every call is in the log",
        lambda log: log.find("provider-calls", "finished").update(
            type="x.call.failed.v1", billed="no", category="server"
        ),
    ),
    "a batch is missing": ("journal is contiguous", lambda log: log.drop("router-journal")),
    "an input was skipped": (
        "journal is contiguous",
        lambda log: log.find("router-journal").update(inputs={"requests": (1, 1), "provider-calls": (0, 0)}),
    ),
    "an input was read twice": (
        "journal is contiguous",
        lambda log: log.values[-2][1].update(inputs={"requests": (0, 1), "provider-calls": (0, 2)}),
    ),
    "an input was never applied": (
        "journal is contiguous",
        lambda log: log.add("provider-calls", type="x.call.job.v1"),
    ),
    "time went back": ("journal is contiguous", lambda log: log.find("router-journal").update(now_ms=9999)),
    "an output without a batch": ("outputs belong to batches", lambda log: log.again("results", id="res-2")),
    "an output of an unknown batch": ("outputs belong to batches", lambda log: log.again("ledger", batch=9)),
    "outputs out of order": ("outputs belong to batches", lambda log: log.again("ledger", batch=1)),
    "a torn transaction": ("outputs belong to batches", lambda log: log.drop("results")),
    "an answer counted twice": ("statistics are sums", lambda log: log.find("model-stats").update(successes=2)),
    "an answer not counted": ("statistics are sums", lambda log: log.find("model-stats").update(successes=0)),
}


def test_a_right_log_has_no_violation() -> None:
    """Nothing is wrong with the log all others are made from, and every rule had something to check."""
    log = Log()
    log.add("requests", request_id="r-2")
    log.add("requests.dlq", **{**LETTER, "position": {**REQUEST_AT, "offset": 1}})
    log.journal(3, calls=(2, 2), requests=(1, 2), wrote=())
    facts = Facts(sent=log.sent, bill=log.bill).take(log.records())
    findings = check(facts)
    assert {finding.rule: finding.wrong for finding in findings if finding.wrong} == {}
    assert [finding.rule for finding in findings if not finding.checked] == []
    assert as_json(findings)["holds"]
    assert "fullest window 66.6667%" in as_table(findings)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_found(name: str) -> None:
    """The rule that guards a promise fails when the promise is broken."""
    rule, break_it = VIOLATIONS[name]
    log = Log()
    break_it(log)
    assert rule in log.broken()


def test_a_forfeit_and_its_adjustment_are_right() -> None:
    """An attempt that was called unknown and then reported is charged in full first, and corrected once."""
    log = Log()
    log.find("ledger", "settled").update(type="pointsman.ledger.forfeited.v1", amount="1.000000000000")
    log.again(
        "ledger",
        "forfeited",
        batch=2,
        type="pointsman.ledger.adjusted.v1",
        amount="0.250000000000",
        difference="-0.750000000000",
    )
    assert log.broken() == set()


def test_a_paused_executor_that_comes_back_and_loses_its_claim_is_right() -> None:
    """A second claim of an attempt and a second ``not_sent`` change nothing."""
    log = Log()
    log.values.insert(2, ("provider-calls", {**log.find("provider-calls", "started"), **OTHER, "id": "s-2"}, {}))
    log.find("router-journal", "").update()
    log.values[-2][1]["inputs"]["provider-calls"] = (0, 3)
    assert log.broken() == set()


def test_the_checker_knows_nothing_of_the_product() -> None:
    """It imports the standard library, confluent_kafka and itself."""
    allowed = {*sys.stdlib_module_names, "confluent_kafka"}
    for path in (Path(__file__).parent / "checker").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("tests.faults.checker"), f"{path.name}: {name}"
