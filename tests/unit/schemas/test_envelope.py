import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.envelope import Event, at_ms, to_ms
from schemas.request import RequestReceived
from schemas.topics import EVENT_TYPES, REQUESTS
from tests.unit.schemas.samples import NOON, sample

TYPES = sorted(EVENT_TYPES.values(), key=lambda event: event.TYPE)


@pytest.mark.parametrize("type_", TYPES, ids=lambda event: event.TYPE)
def test_headers_are_cloudevents(type_: type[Event]) -> None:
    """The CloudEvents package reads every event's headers and value as a valid binary-mode event (D1)."""
    event = sample(type_, user="ann", conversation_id="c-1", causation_id="k-1")
    output = event.to_output("anything")
    message = KafkaMessage(headers=dict(output.headers), key=output.key, value=output.value or b"")
    read = from_binary(message, JSONFormat(), CloudEvent)

    assert read.get_id() == event.id
    assert read.get_type() == type_.TYPE
    assert read.get_source() == event.source
    assert read.get_specversion() == "1.0"
    assert read.get_time() == NOON
    assert read.get_subject() == event.request_id
    assert read.get_extension("tenant") == "acme"
    assert read.get_extension("user") == "ann"
    assert read.get_extension("conversationid") == "c-1"
    assert read.get_extension("causationid") == "k-1"
    assert read.get_data() == json.loads(event.to_json())


@pytest.mark.parametrize("type_", TYPES, ids=lambda event: event.TYPE)
def test_value_repeats_the_headers(type_: type[Event]) -> None:
    """The JSON value carries the same envelope as the headers, so that a reader needs only one of them (D1)."""
    event = sample(type_)
    value = json.loads(event.to_json())
    headers = {name: text.decode() for name, text in event.headers()}

    assert value["id"] == headers["ce_id"]
    assert value["type"] == headers["ce_type"]
    assert value["source"] == headers["ce_source"]
    assert value["tenant"] == headers["ce_tenant"]
    assert datetime.fromisoformat(value["occurred_at"]) == datetime.fromisoformat(headers["ce_time"])
    assert value.get("request_id") == headers.get("ce_subject")


@pytest.mark.parametrize("type_", TYPES, ids=lambda event: event.TYPE)
def test_reading_back_gives_the_same_bytes(type_: type[Event]) -> None:
    """Parsing an event's JSON and writing it again changes no byte: same log, same decisions (A5)."""
    event = sample(type_)
    assert type_.model_validate_json(event.to_json()).to_json() == event.to_json()


def test_type_names_are_versioned() -> None:
    """Every type name ends in its version and is the key of the table that finds it (F6)."""
    for name, type_ in EVENT_TYPES.items():
        assert name == type_.TYPE == type_.model_fields["type"].default
        assert name.startswith("pointsman.")
        assert name.rsplit(".v", 1)[1].isdigit()


def test_output_is_keyed_by_tenant() -> None:
    """An event's record carries the tenant as its key unless another one is named."""
    event = sample(RequestReceived)
    assert event.to_output(REQUESTS).key == "acme"
    assert event.to_output(REQUESTS, key="acme#2", partition=3).key == "acme#2"
    assert event.to_output(REQUESTS, partition=3).partition == 3


def test_extra_headers_follow_the_envelope() -> None:
    """A writer's own headers come after the CloudEvents ones."""
    assert sample(RequestReceived).headers(("pm_batch", b"7"))[-1] == ("pm_batch", b"7")


def test_errors_never_repeat_the_input() -> None:
    """A validation error names the field and the rule, never the value: prompts and keys stay out of logs (D5)."""
    with pytest.raises(ValidationError) as caught:
        sample(RequestReceived, prompt=["my secret text"])
    assert "secret" not in str(caught.value)
    assert "prompt" in str(caught.value)


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "acme#", "acme#1234", "x" * 65, "-a", "a/b"])
def test_tenant_names_are_narrow(tenant: str) -> None:
    """A tenant is lower case letters, digits, dot, dash and underscore, with an optional shard; nothing else."""
    with pytest.raises(ValidationError):
        sample(RequestReceived, tenant=tenant)


def test_instants_carry_a_zone() -> None:
    """An event without a time zone in occurred_at is refused: whose noon was it?"""
    with pytest.raises(ValidationError):
        sample(RequestReceived, occurred_at="2026-03-01T12:00:00")


@given(st.integers(min_value=0, max_value=253_402_300_799_999))
def test_milliseconds_survive_the_way_to_an_instant_and_back(unix_ms: int) -> None:
    """Broker times in milliseconds become instants and milliseconds again without loss."""
    assert to_ms(at_ms(unix_ms)) == unix_ms


def test_milliseconds_are_those_of_utc() -> None:
    """An instant in another zone has the same milliseconds, rounded down."""
    instant = datetime(2026, 3, 1, 13, 0, 0, 1999, tzinfo=timezone(timedelta(hours=1)))
    assert at_ms(to_ms(instant)) == datetime(2026, 3, 1, 12, 0, 0, 1000, tzinfo=UTC)
