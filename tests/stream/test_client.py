from collections.abc import Generator

import pytest

from pointsman.client import Client, NoAnswerError, NotAcceptedError, now
from pointsman.publisher import PublishError
from schemas.decision import DecisionMade, RequestRefused
from schemas.override import OverrideApplied, OverrideRejected
from schemas.request import RequestReceived
from schemas.result import FinalResult
from streams.local_kafka import LocalKafka
from streams.settings import Settings
from tests.installation import installed


@pytest.fixture(scope="module")
def settings(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Generator[Settings]:
    """Router, executor and simulated providers on the shared broker."""
    with installed(kafka, tmp_path_factory.mktemp("client"), ("simulated", "router", "executor")) as installation:
        yield installation.settings


@pytest.fixture
def client(settings: Settings) -> Generator[Client]:
    with Client(settings) as made:
        yield made


def test_a_request_has_a_decision_then_one_result(client: Client) -> None:
    """submit, decision, result: the decision is readable on its own, the result refers to it (D1)."""
    receipt = client.submit(tenant="atelier", prompt="Name three rivers.", user="ann")
    decision = client.decision(receipt)
    result = client.result(receipt)
    assert isinstance(decision, DecisionMade)
    assert isinstance(result, FinalResult)
    assert result.status == "completed", result.reason
    assert result.decision_id == decision.id
    assert result.content is not None
    assert (result.request_at.partition, result.request_at.offset) == (receipt.partition, receipt.offset)


def test_many_requests_are_told_apart(client: Client) -> None:
    """Requests of several tenants in flight at once each get their own answer."""
    tenants = ["atelier", "harbor", "meadow"] * 4
    receipts = [
        client.submit(tenant=tenant, prompt=f"What is {number} plus one?") for number, tenant in enumerate(tenants)
    ]
    results = [client.result(receipt) for receipt in reversed(receipts)]
    assert [result.request_id for result in reversed(results)] == [receipt.request_id for receipt in receipts]
    assert [result.tenant for result in reversed(results)] == tenants


def test_sending_again_is_harmless(client: Client) -> None:
    """The same request sent twice runs once: the second sending is not accepted, and says so (promise 1)."""
    request = RequestReceived(
        id="twice", request_id="twice", tenant="atelier", occurred_at=now(), prompt="Once is enough"
    )
    first = client.send(request)
    assert client.result(first).status == "completed"
    with pytest.raises(NotAcceptedError, match="accepted before"):
        client.result(client.send(request))


def test_a_cancelled_request_ends_cancelled_or_answered(client: Client) -> None:
    """cancel ends a request with one final result, cancelled unless the answer was there first (P7)."""
    receipt = client.submit(tenant="atelier", prompt="Write a very long story about a slow river.")
    client.cancel(receipt, "changed my mind")
    assert client.result(receipt).status in {"cancelled", "completed"}


def test_refusals_are_decisions_with_a_result(client: Client) -> None:
    """A refused request has its refusal as decision and one refused result (F6)."""
    receipt = client.submit(tenant="lantern", prompt="An essay", model="opus", max_output_tokens=8000)
    refusal = client.decision(receipt)
    assert isinstance(refusal, RequestRefused)
    assert client.result(receipt).status == "refused"


def test_overrides_are_answered(client: Client) -> None:
    """An override is answered by the router: applied, or rejected with a reason (U1)."""
    fields = {"scope": "conversation", "conversation_id": "c-1", "user": "ann"}
    applied = client.override_answer(client.override(tenant="atelier", model="opus", **fields))
    assert isinstance(applied, OverrideApplied)
    rejected = client.override_answer(client.override(tenant="atelier", model="no-such-model", **fields))
    assert isinstance(rejected, OverrideRejected)
    assert rejected.reason


def test_poll_shows_only_what_is_our_own(client: Client, settings: Settings) -> None:
    """A client sees the events of its own requests, not those of others on the same partition."""
    with Client(settings) as other:
        theirs = other.submit(tenant="atelier", prompt="What is a lighthouse?")
        ours = client.submit(tenant="atelier", prompt="What is a buoy?")
        assert other.result(theirs).status == "completed"
        seen: set[str | None] = set()
        while ours.request_id not in seen:
            seen |= {event.request_id for event in client.poll(1) if isinstance(event, FinalResult)}
        assert seen == {ours.request_id}


def test_no_answer_is_an_error_that_says_pending(client: Client) -> None:
    """Waiting too short raises, and names the request, which goes on (promise 1)."""
    receipt = client.submit(tenant="atelier", prompt="Take your time.")
    with pytest.raises(NoAnswerError, match=receipt.request_id):
        client.result(receipt, timeout=0)
    assert client.result(receipt).status == "completed"


def test_no_kafka_is_an_error_that_says_where(settings: Settings, client: Client) -> None:
    """A record that no broker acknowledges raises, and names topic and broker."""
    lonely = client._publisher
    lonely._settings = settings.model_copy(update={"prefix": "no-such-prefix-"})
    with pytest.raises(PublishError, match="no-such-prefix-requests"):
        client.send(RequestReceived(id="l", request_id="l", tenant="atelier", occurred_at=now(), prompt="Hello?"), 0.5)
