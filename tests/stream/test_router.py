"""The router on a real broker: its transactions, its order of inputs, its restore and its fences."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import topics as t
from schemas.control import ConfigDocument
from schemas.ids import position_id
from schemas.money import format_usd, parse_usd
from schemas.record import Output, Record
from streams.local_kafka import LocalKafka
from streams.log_reader import read_range
from streams.replay import verify
from streams.settings import Settings
from tests.documents import documents, tenant
from tests.poison.corpus import TENANT, corpus
from tests.scripted_executor import ScriptedExecutor, answer
from tests.stage import Stage, everything, prepared, publish
from tests.waiting import eventually

MODEL = "gpt-4.1-mini"
Json = dict[str, Any]


def settings_for(kafka: LocalKafka, prefix: str, *tenants: ConfigDocument) -> Settings:
    """Return settings of a prepared name space on the shared broker."""
    settings = Settings(bootstrap=kafka.bootstrap, prefix=prefix)
    return prepared(settings, documents(*tenants))


def ask(name: str, request_id: str, **values: object) -> Output:
    """Return a bare JSON request."""
    body = {"request_id": request_id, "prompt": "Translate 'good morning' to French.", "user": "u1", **values}
    return Output(t.REQUESTS, name, json.dumps(body).encode(), ())


def values(records: list[Record], type_: str = "") -> list[Json]:
    """Return the JSON values of the records whose type holds ``type_``."""
    return [orjson.loads(r.value) for r in records if r.value and type_ in (r.header("ce_type") or "")]


def finals(settings: Settings) -> list[Json]:
    """Return all final results."""
    return values(everything(settings, t.RESULTS), "result.final")


def until_final(settings: Settings, count: int, seconds: float = 60) -> list[Json]:
    """Wait for that many final results and return them."""
    return eventually(lambda: found if len(found := finals(settings)) >= count else [], f"{count} finals", seconds)


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Callable[[Settings], Stage]]:
    """Start routers that are stopped at the end of the test."""
    started: list[Stage] = []

    def start(settings: Settings, slot: int = 0) -> Stage:
        started.append(Stage(settings, tmp_path / "run", "router", slot))
        return started[-1]

    yield start
    for stage in started:
        stage.stop()


def test_a_request_becomes_an_explained_decision_and_one_final_result(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """A bare JSON request gives one classification, one decision with reasons, money booked, one final result (F6)."""
    settings = settings_for(kafka, prefix, tenant("acme", budget={"daily": 10}))
    router(settings)
    executor = ScriptedExecutor(settings)
    publish(settings, [ask("acme", "r1"), ask("acme", "r2", execute=False)])
    results = {result["request_id"]: result for result in until_final(settings, 2)}
    executor.close()
    assert results["r1"]["status"] == "completed"
    assert results["r2"]["status"] == "routed"
    decisions = values(everything(settings, t.DECISIONS), "decision.made")
    assert len(decisions) == 2
    for decision in decisions:
        assert decision["reason"]
        assert decision["candidates"]
        assert decision["config_offset"] > 0
    assert [d.get("hold") is not None for d in sorted(decisions, key=lambda d: d["request_id"])] == [True, False]
    ledger = Counter(value["type"] for value in values(everything(settings, t.LEDGER)))
    assert ledger == {"pointsman.ledger.held.v1": 1, "pointsman.ledger.settled.v1": 1}
    assert len(values(everything(settings, t.CLASSIFICATIONS))) == 2
    assert len(values(everything(settings, t.TECHNICAL_OUTCOMES), "outcome.technical")) == 2


def test_a_cap_that_fits_a_hundred_passes_exactly_a_hundred_of_three_hundred(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """300 concurrent requests against a cap for exactly 100, nothing settled: 100 pass, none over, no false denial."""
    settings = settings_for(kafka, prefix, tenant("probe"), tenant("exact"))
    router(settings)
    publish(settings, [ask("probe", "p1", model=MODEL)])
    first = eventually(lambda: values(everything(settings, t.DECISIONS), "decision.made"), "a decision")[0]
    hold = parse_usd(first["hold"]["amount"])
    cap = format_usd(100 * hold)
    prepared(settings, [tenant("exact", version=2, budget={"daily": cap})])
    publish(settings, [ask("exact", f"r{i}", model=MODEL) for i in range(300)])
    refused = until_final(settings, 200)
    assert {result["code"] for result in refused} == {"budget_day"}
    held = [value for value in values(everything(settings, t.LEDGER), "ledger.held") if value["tenant"] == "exact"]
    assert len(held) == 100
    assert sum(parse_usd(value["amount"]) for value in held) == parse_usd(cap)
    assert len(refused) == 200
    assert all(result["fits_at"] for result in refused)


def test_every_kind_of_poison_is_dead_lettered_once_and_neighbours_are_answered(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """100 kinds of bad messages each end once in the dead letters with reason and position; good neighbours pass."""
    settings = settings_for(kafka, prefix, tenant(TENANT))
    cases = corpus(settings.partitions)
    outputs: list[Output] = []
    for index, case in enumerate(cases):
        outputs.append(
            Output(case.topic, case.key, case.value, case.headers, case.place(settings.partitions))  # type: ignore[arg-type]
        )
        if case.topic == t.REQUESTS:
            outputs.append(ask(TENANT, f"good-{index}"))
    publish(settings, outputs)
    good = sum(1 for output in outputs if output.key == TENANT and b"good-" in (output.value or b""))
    stage = router(settings)
    executor = ScriptedExecutor(settings)
    completed = [result for result in until_final(settings, good) if result["status"] == "completed"]
    assert len(completed) == good
    stage.kill()
    router(settings)
    publish(settings, [ask(TENANT, "after-restart")])
    until_final(settings, good + 1)
    executor.close()
    sources = {topic.name for topic in t.DEAD_LETTER_SOURCES}
    letters = [letter for name in sources for letter in values(_dead_letters(settings, name))]
    assert len(letters) == len(cases)
    assert len({letter["id"] for letter in letters}) == len(cases)
    counts = Counter((letter["position"]["topic"], letter["code"]) for letter in letters)
    assert counts == Counter((case.topic, case.code.value) for case in cases)
    for letter in letters:
        position = letter["position"]
        assert letter["id"] == position_id(position["topic"], position["partition"], position["offset"])
        assert letter["reason"]


def _dead_letters(settings: Settings, topic: str) -> list[Record]:
    return list(read_range(settings, {(f"{topic}.dlq", 0): 0}))


def test_repeats_conflicts_and_stale_requests_get_notices_and_no_second_decision(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """The same request again is a duplicate, other content a conflict, an old one stale; none is decided twice."""
    settings = settings_for(kafka, prefix, tenant("acme"))
    stage = router(settings)
    executor = ScriptedExecutor(settings)
    publish(settings, [ask("acme", "r1")])
    until_final(settings, 1)
    stage.kill()
    router(settings)
    publish(
        settings,
        [
            ask("acme", "r1"),
            ask("acme", "r1", prompt="something else"),
            ask("acme", "old", occurred_at="2020-01-01T00:00:00Z"),
            ask("acme", "r2"),
        ],
    )
    until_final(settings, 2)
    executor.close()
    notices = Counter(value["type"] for value in values(everything(settings, t.RESULTS)))
    assert notices == {
        "pointsman.result.final.v1": 2,
        "pointsman.result.duplicate.v1": 1,
        "pointsman.result.conflict.v1": 1,
        "pointsman.result.stale.v1": 1,
    }
    assert len(values(everything(settings, t.DECISIONS), "decision.made")) == 2


def test_kills_leave_no_duplicate_and_replay_is_byte_equal(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """Routers killed amid 600 requests: one final each, no decision twice, and replay writes the same bytes (A5)."""
    settings = settings_for(kafka, prefix, tenant("acme", budget={"daily": 1}), tenant("zen"))
    stage = router(settings)
    executor = ScriptedExecutor(settings)
    for round_ in range(4):
        batch = [ask(("acme", "zen")[i % 2], f"r{round_}-{i}", conversation_id=f"c{i % 7}") for i in range(150)]
        override = {"scope": "always", "user": "u1", "model": MODEL if round_ % 2 else "auto", "id": f"o{round_}"}
        publish(settings, [*batch, Output(t.OVERRIDES, "zen", json.dumps(override).encode(), ())])
        if round_ == 1:
            prepared(settings, [tenant("acme", version=2, budget={"daily": 2})])
        time.sleep(0.7)
        stage.kill()
        stage = router(settings)
    results = until_final(settings, 600)
    executor.close()
    assert max(Counter((r["tenant"], r["request_id"]) for r in results).values()) == 1
    decisions = values(everything(settings, t.DECISIONS), "decision.made")
    assert max(Counter(d["id"] for d in decisions).values()) == 1
    report = verify(settings)
    assert report.mismatches == []
    assert report.equal
    assert report.requests >= 600


def test_a_batch_takes_no_more_of_an_input_than_it_may(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage]
) -> None:
    """However much waits, a batch takes at most ``batch_size`` of each input, in order, and everything is answered."""
    tenants = ("acme", "zen", "exact", "probe")
    settings = settings_for(kafka, prefix, *[tenant(name) for name in tenants]).model_copy(update={"batch_size": 7})
    publish(settings, [ask(tenants[index % len(tenants)], f"r{index}") for index in range(200)])
    executor = ScriptedExecutor(settings)
    router(settings)
    until_final(settings, 200)
    executor.close()
    spans = [
        (batch["inputs"][t.REQUESTS], batch["inputs"][t.PROVIDER_CALLS])
        for batch in values(everything(settings, t.ROUTER_JOURNAL), "batch")
    ]
    assert max(end - start for pair in spans for start, end in pair) == 7
    assert verify(settings).equal


def test_a_changed_partition_count_is_refused(
    kafka: LocalKafka, prefix: str, router: Callable[[Settings], Stage], tmp_path: Path
) -> None:
    """A router started with another partition count refuses to start, for a tenant would get two ledgers."""
    settings = settings_for(kafka, prefix, tenant("acme"))
    stage = router(settings)
    executor = ScriptedExecutor(settings, answer)
    publish(settings, [ask("acme", "r1")])
    until_final(settings, 1)
    executor.close()
    stage.stop()
    other = settings.model_copy(update={"partitions": 4})
    refused = Stage(other, tmp_path / "other", "router")
    eventually(lambda: refused.process.poll() is not None, "the router to end")
    assert refused.stop() == 70
    assert b"two ledgers" in (tmp_path / "other" / "router-0.log").read_bytes()
