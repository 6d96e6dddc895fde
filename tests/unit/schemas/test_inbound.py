"""Every kind of bad message is refused for its own reason; good ones pass in all three forms."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inbound import Rejection, parse, unknown_of
from schemas.outcome import OutcomeRated
from schemas.partition import partition_for
from schemas.provider_call import CallUnknown
from schemas.record import Record
from schemas.request import RequestReceived
from schemas.topics import BY_NAME
from tests.poison.corpus import TENANT, Poison, corpus

PARTITIONS = 8
HOME = partition_for("acme", PARTITIONS)


def record(value: bytes | None, topic: str = "requests", key: bytes | None = b"acme", **more: object) -> Record:
    fields = {"partition": HOME, "offset": 3, "timestamp_ms": 1_750_000_000_000, "headers": (), **more}
    return Record(topic, key=key, value=value, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", corpus(PARTITIONS), ids=lambda case: case.name)
def test_poison_is_refused_for_its_reason(case: Poison) -> None:
    """Each kind of bad message is refused with the code that names its fault."""
    place = case.place(PARTITIONS)
    found = parse(
        Record(case.topic, place, 7, 1_750_000_000_000, case.key, case.value, case.headers),
        BY_NAME[case.topic],
        PARTITIONS,
    )
    assert isinstance(found, Rejection)
    assert (found.code, found.reason) == (case.code, found.reason)


def test_the_corpus_has_a_hundred_kinds() -> None:
    """The corpus covers at least a hundred distinct kinds of poison."""
    names = {case.name for case in corpus(PARTITIONS)}
    assert len(names) == len(corpus(PARTITIONS)) >= 100


@pytest.mark.parametrize("case", corpus(PARTITIONS), ids=lambda case: case.name)
def test_a_rejection_never_repeats_content(case: Poison) -> None:
    """A refusal's reason holds no marker that was put into the bad message's content (A11)."""
    marker = "canary-7f3a"
    value = case.value.replace(b"hello", marker.encode()) if case.value else case.value
    found = parse(
        Record(case.topic, case.place(PARTITIONS), 7, 0, case.key, value, case.headers), BY_NAME[case.topic], PARTITIONS
    )
    assert isinstance(found, Rejection)
    assert marker not in found.reason


def test_bare_json_needs_only_content() -> None:
    """A bare JSON request takes tenant from the key, id and time from its position."""
    event = parse(record(b'{"prompt": "hi"}'), BY_NAME["requests"], PARTITIONS)
    assert isinstance(event, RequestReceived)
    assert event.tenant == "acme"
    assert event.request_id == event.id
    assert event.occurred_at.timestamp() == 1_750_000_000


def test_structured_and_binary_cloud_events_are_the_same() -> None:
    """Structured mode and binary mode of one CloudEvent give equal events."""
    attributes = {"id": "e1", "type": RequestReceived.TYPE, "source": "svc", "subject": "r1"}
    structured = {"specversion": "1.0", **attributes, "tenant": "acme", "time": "2026-01-01T00:00:00Z"}
    one = parse(
        record(
            json.dumps({**structured, "data": {"prompt": "hi"}}).encode(),
            headers=(("content-type", b"application/cloudevents+json"),),
        ),
        BY_NAME["requests"],
        PARTITIONS,
    )
    headers = tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())
    two = parse(
        record(b'{"prompt": "hi"}', headers=(*headers, ("ce_time", b"2026-01-01T00:00:00Z"), ("ce_tenant", b"acme"))),
        BY_NAME["requests"],
        PARTITIONS,
    )
    assert isinstance(one, RequestReceived)
    assert one == two


def test_a_recorded_old_event_is_upcast() -> None:
    """A rating recorded as v0 with stars reads as a v1 rating in 0..1."""
    old = (Path(__file__).parent / "data" / "outcome.rated.v0.json").read_bytes()
    event = parse(record(old, "outcomes"), BY_NAME["outcomes"], PARTITIONS)
    assert isinstance(event, OutcomeRated)
    assert event.rating == 0.75


def test_an_invalid_terminal_call_record_stands_for_unknown() -> None:
    """A terminal call record that cannot be read counts as UNKNOWN for the attempt its headers name."""
    headers = (("ce_type", b"pointsman.call.finished.v1"), ("ce_decisionid", b"d1"), ("ce_attemptid", b"a1"))
    bad = record(b"{}", "provider-calls", headers=headers)
    rejection = parse(bad, BY_NAME["provider-calls"], PARTITIONS)
    assert isinstance(rejection, Rejection)
    unknown = unknown_of(bad, rejection, PARTITIONS)
    assert isinstance(unknown, CallUnknown)
    assert (unknown.decision_id, unknown.attempt_id) == ("d1", "a1")


def test_an_invalid_claim_stands_for_nothing() -> None:
    """An unreadable call.started is no claim and no UNKNOWN."""
    headers = (("ce_type", b"pointsman.call.started.v1"), ("ce_decisionid", b"d1"), ("ce_attemptid", b"a1"))
    bad = record(b"{}", "provider-calls", headers=headers)
    rejection = parse(bad, BY_NAME["provider-calls"], PARTITIONS)
    assert isinstance(rejection, Rejection)
    assert unknown_of(bad, rejection, PARTITIONS) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(value: bytes) -> None:
    """No bytes whatever raise an exception."""
    for topic in ("requests", "overrides", "provider-calls"):
        parse(record(value, topic, key=TENANT.encode()), BY_NAME[topic], PARTITIONS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(["prompt", "messages", "constraints", "tools", "type", "id", "occurred_at", "user", "attachments"]),
)
def test_any_json_in_any_field_is_parsed_or_refused(value: object, field: str) -> None:
    """No JSON value in any field raises an exception."""
    body = json.dumps({"prompt": "x", field: value}).encode()
    parse(record(body), BY_NAME["requests"], PARTITIONS)


@pytest.mark.parametrize("timestamp", [-1, 253_402_300_800_000, 2**62])
def test_a_timestamp_outside_the_calendar_is_no_exception(timestamp: int) -> None:
    """A record timestamp that no calendar has reads as the epoch; it never raises."""
    event = parse(record(b'{"prompt": "hi"}', timestamp_ms=timestamp), BY_NAME["requests"], PARTITIONS)
    assert isinstance(event, RequestReceived)
    assert event.occurred_at.timestamp() == 0
