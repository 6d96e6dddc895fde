from collections.abc import Generator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from schemas.provider_call import CallFailed, CallFinished, CallStarted, CallUnknown, ResultChunk
from streams.local_kafka import LocalKafka
from streams.settings import Settings
from tests.executed import Log, bill, executing, plan, ready, simulator, terminal
from tests.waiting import eventually


@dataclass
class Bench:
    """One broker name space, one simulator and one executor for the tests of this file."""

    log: Log
    settings: Settings
    run_dir: Path
    url: str


@pytest.fixture(scope="module")
def bench(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Bench]:
    run_dir = tmp_path_factory.mktemp("executor")
    settings = ready(Settings(bootstrap=kafka.bootstrap, prefix=f"t{uuid4().hex[:10]}-", run_dir=run_dir))
    log = Log(settings)
    with simulator(run_dir) as url, executing(settings):
        yield Bench(log, settings, run_dir, url)
    log.close()


def test_a_decision_becomes_one_call_one_answer_one_bill(bench: Bench) -> None:
    """The journal shows claim and answer, the cost is the provider's bill, and the offset is committed (P10, B2)."""
    (decision,) = bench.log.submit(plan("quick"))
    started, finished = bench.log.ended(decision)
    assert isinstance(started, CallStarted)
    assert isinstance(finished, CallFinished)
    assert started.expires_at <= decision.deadline
    assert finished.content is not None
    assert finished.content.startswith("[simulated]")
    assert finished.simulated
    (line,) = bill(bench.run_dir)[finished.attempt_id]
    assert f"{finished.cost / 10**12:.12f}" == line["cost"]
    assert finished.usage.output_tokens == line["usage"]["output_tokens"]
    assert finished.price_source == "test-prices@1"
    eventually(lambda: bench.log.all_committed(decision), "the decision is committed")


def test_many_decisions_of_many_tenants_are_each_called_once(bench: Bench) -> None:
    """Every decision ends with one answer, and the bill has one line for each (P10)."""
    decisions = bench.log.submit(plan("quick"), count=200, tenants=[f"tenant-{number}" for number in range(16)])
    events = bench.log.ended(*decisions)
    assert [type(event) for event in terminal(events)] == [CallFinished] * 200
    lines = bill(bench.run_dir)
    assert all(len(lines[event.attempt_id]) == 1 for event in terminal(events))
    eventually(lambda: bench.log.all_committed(*decisions), "all decisions are committed")


def _complete(chunks: list[ResultChunk]) -> list[ResultChunk]:
    return chunks if chunks and chunks[-1].last else []


def test_live_tokens_come_before_the_answer_and_add_up_to_it(bench: Bench) -> None:
    """A stream's chunks are numbered from 0, joined they are the answer, and the last one says so (P7)."""
    (decision,) = bench.log.submit(plan("chatty"), stream=True)
    finished = terminal(bench.log.ended(decision))[0]
    assert isinstance(finished, CallFinished)
    chunks = eventually(lambda: _complete(bench.log.chunks(decision)), "the last chunk")
    assert [chunk.seq for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert "".join(chunk.text for chunk in chunks) == finished.content
    assert {chunk.attempt_id for chunk in chunks} == {finished.attempt_id}
    pauses = [later.occurred_at - earlier.occurred_at for earlier, later in pairwise(chunks[:-1])]
    assert 3 < len(chunks) < 200
    assert all(pause.total_seconds() >= 0.02 for pause in pauses)
    assert finished.ttft_ms is not None
    assert finished.ttft_ms < finished.latency_ms


def test_both_wire_formats_are_spoken(bench: Bench) -> None:
    """The endpoint's document says which format is used; answers look the same."""
    decisions = bench.log.submit(plan("quick", "sim2"), count=2, stream=True)
    assert [type(event) for event in terminal(bench.log.ended(*decisions))] == [CallFinished] * 2


def test_a_rate_limited_model_is_left_for_the_next_at_once(bench: Bench) -> None:
    """A 429 is not billed: the next model of the chain is called at once, under the same hold (P4, P5)."""
    (decision,) = bench.log.submit(plan("limited"), plan("quick"))
    first, failed, second, finished = bench.log.ended(decision)
    assert isinstance(failed, CallFailed)
    assert (failed.category, failed.billed, failed.terminal, failed.status) == ("rate_limited", "no", False, 429)
    assert failed.retry_after_ms is not None
    assert failed.retry_after_ms >= 30_000
    assert [event.attempt for event in (first, failed, second, finished)] == [1, 1, 2, 2]
    assert finished.model == "quick"
    assert (second.occurred_at - failed.occurred_at).total_seconds() < failed.retry_after_ms / 1000
    assert failed.attempt_id not in bill(bench.run_dir)


def test_attempts_are_bounded(bench: Bench) -> None:
    """A model that refuses for a moment is asked once more after Retry-After, then its failure is terminal (P4)."""
    (decision,) = bench.log.submit(plan("impatient"))
    events = bench.log.ended(decision)
    failures = [event for event in events if isinstance(event, CallFailed)]
    assert [event.terminal for event in failures] == [False, True]
    assert (events[2].occurred_at - failures[0].occurred_at).total_seconds() >= 0.05


def test_an_endpoint_nobody_listens_at_is_retried_then_left(bench: Bench) -> None:
    """A refused connection proves that nothing was sent: once more, then the next model (P4)."""
    (decision,) = bench.log.submit(plan("quick", "gone"), plan("quick"))
    events = bench.log.ended(decision)
    categories = [event.category for event in events if isinstance(event, CallFailed)]
    assert categories[0] == "connect"
    assert isinstance(terminal(events)[0], CallFailed | CallFinished)


def test_a_lost_answer_is_unknown_and_not_repeated(bench: Bench) -> None:
    """The connection broke after sending: the provider billed it, nobody here can know, the router decides (B2)."""
    (decision,) = bench.log.submit(plan("lost"), plan("quick"))
    started, unknown = bench.log.ended(decision)
    assert isinstance(unknown, CallUnknown)
    assert unknown.reason == "connection_lost"
    assert len(bill(bench.run_dir)[started.attempt_id]) == 1


def test_a_server_error_without_a_source_for_unbilled_is_unknown(bench: Bench) -> None:
    """A 5xx proves nothing unless the endpoint's document lists it as unbilled (B2)."""
    (decision,) = bench.log.submit(plan("broken"), plan("quick"))
    assert [type(event) for event in terminal(bench.log.ended(decision))] == [CallUnknown]


def test_a_stream_that_breaks_after_its_first_token_does_not_switch_silently(bench: Bench) -> None:
    """Tokens were published: the attempt ends unknown and partial, no other model is called (P7)."""
    decisions = bench.log.submit(plan("cut"), plan("quick"), count=6, stream=True)
    events = bench.log.ended(*decisions)
    unknown = terminal(events)
    assert {type(event) for event in unknown} == {CallUnknown}
    assert len([event for event in events if isinstance(event, CallStarted)]) == 6
    for event in unknown:
        assert isinstance(event, CallUnknown)
        published = bench.log.chunks(next(d for d in decisions if d.id == event.decision_id))
        assert event.partial == bool(published)
    assert any(event.partial for event in unknown if isinstance(event, CallUnknown))


def test_a_deadline_ends_a_call_in_time(bench: Bench) -> None:
    """A call does not outlive the decision's deadline; what it cost is unknown (P4)."""
    (decision,) = bench.log.submit(plan("slow"), seconds=0.7)
    _, unknown = bench.log.ended(decision)
    assert isinstance(unknown, CallUnknown)
    assert unknown.reason == "timeout"


def test_a_waiter_past_its_deadline_is_not_sent(bench: Bench) -> None:
    """With one place at the provider the second decision waits, and ends unsent at its deadline (P9)."""
    (first,) = bench.log.submit(plan("slow", "narrow"))
    (second,) = bench.log.submit(plan("slow", "narrow"), seconds=0.5)
    events = bench.log.ended(first, second)
    ends = {event.decision_id: event for event in terminal(events)}
    assert isinstance(ends[first.id], CallFinished)
    failed = ends[second.id]
    assert isinstance(failed, CallFailed)
    assert (failed.category, failed.billed, failed.attempt) == ("not_sent", "no", 1)
    assert failed.attempt_id not in bill(bench.run_dir)


def test_a_request_no_longer_in_the_log_is_not_sent(bench: Bench) -> None:
    """Without its content nothing can be called: the decision ends with proof that nothing was."""
    ((request, at),) = bench.log.requests(1, ["acme"], "x")
    nowhere = at.model_copy(update={"offset": at.offset + 1_000_000})
    (decision,) = [bench.log.decision(request, nowhere, [plan("quick", timeout_ms=1_500)])]
    bench.log.decide([decision])
    failed = terminal(bench.log.ended(decision))[0]
    assert isinstance(failed, CallFailed)
    assert failed.category == "not_sent"


def test_an_old_request_is_read_again_from_the_log(bench: Bench) -> None:
    """A decision on a request far behind is answered like any other: its content is fetched by position."""
    old = bench.log.requests(3, ["acme"], "An old question")
    bench.log.submit(plan("quick"), count=5)
    decisions = [bench.log.decision(request, at, [plan("quick")]) for request, at in old]
    bench.log.decide(decisions)
    assert [type(event) for event in terminal(bench.log.ended(*decisions))] == [CallFinished] * 3


def test_a_cancelled_stream_falls_silent_and_is_accounted_for(bench: Bench) -> None:
    """After a cancellation no more tokens are published, the end is journaled, and no other model is tried (P7)."""
    (decision,) = bench.log.submit(plan("chatty"), plan("quick"), stream=True)
    eventually(lambda: bench.log.chunks(decision), "the first token")
    bench.log.cancel(decision)
    end = terminal(bench.log.ended(decision))
    assert len(end) == 1
    assert isinstance(end[0], CallUnknown) or (isinstance(end[0], CallFinished) and end[0].cancelled)
    if isinstance(end[0], CallFinished):
        published = "".join(chunk.text for chunk in bench.log.chunks(decision))
        assert len(published) < len(end[0].content or "")
    eventually(lambda: bench.log.all_committed(decision), "the decision is committed")


def test_an_override_replaces_a_running_call(bench: Bench) -> None:
    """The superseded call is cancelled and reported, the new decision is called (U1)."""
    ((request, at),) = bench.log.requests(1, ["acme"], "Something slow")
    first = bench.log.decision(request, at, [plan("slow")])
    bench.log.decide([first])
    eventually(lambda: bench.log.calls(first), "the first claim")
    second = bench.log.decision(request, at, [plan("quick")], number=2, cause="override", supersedes=first.id)
    bench.log.decide([second])
    ends = {event.decision_id: event for event in terminal(bench.log.ended(first, second))}
    assert isinstance(ends[second.id], CallFinished)
    old = ends[first.id]
    assert isinstance(old, CallUnknown) or (isinstance(old, CallFinished) and old.cancelled)


def test_decisions_not_to_be_executed_are_committed_without_a_call(bench: Bench) -> None:
    """``execute: false`` is done at once (P11)."""
    (decision,) = bench.log.submit(plan("quick"), execute=False)
    eventually(lambda: bench.log.all_committed(decision), "the decision is committed")
    assert not bench.log.calls(decision)


def test_a_failing_model_is_reported_and_avoided(bench: Bench) -> None:
    """After failures in a row the breaker opens: a health row says so, and chains skip the model (P5, P9)."""
    bench.log.ended(*bench.log.submit(plan("refused"), count=8))
    rows = eventually(lambda: [row for row in bench.log.health() if row.model == "refused"], "a health row")
    assert rows[-1].state in {"open", "half_open"}
    assert [row.version for row in rows] == sorted({row.version for row in rows})
    assert rows[0].instance == "executor-0"


def test_a_new_document_is_used_without_a_restart(bench: Bench) -> None:
    """An endpoint published while the executor runs serves the next decision (X1)."""
    bench.log.publish_provider("late")
    decisions = bench.log.submit(plan("quick", "late"), plan("quick", "late"), count=1)
    events = bench.log.ended(*decisions)
    assert isinstance(terminal(events)[-1], CallFinished | CallFailed)

    def served() -> bool:
        return isinstance(terminal(bench.log.ended(*bench.log.submit(plan("quick", "late"))))[-1], CallFinished)

    eventually(served, "the new endpoint serves")
