from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.blocks import arrow_table, group
from analytics.rows import TOMBSTONE, UNPARSED, Row, rows_for, type_in_events
from analytics.tables import TABLE_OF_EVENT, TABLES
from analytics.tables.position import POSITION
from schemas import topics as t
from schemas.envelope import to_ms
from schemas.ids import position_id
from schemas.record import Record
from schemas.topics import EVENT_TYPES, TOPICS
from tests.recorded_flow import Flow, Log

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AT_MICROS = int(AT.timestamp()) * 1_000_000


def record(value: bytes | None, topic: str = t.REQUESTS, **other: Any) -> Record:
    return Record(
        **{
            "topic": topic,
            "partition": 3,
            "offset": 42,
            "timestamp_ms": to_ms(AT),
            "key": b"acme",
            "value": value,
            **other,
        }
    )


def named(row: Row) -> dict[str, Any]:
    """A row by column name."""
    columns = (*POSITION, *TABLES[row.table].columns)
    return dict(zip([column.name for column in columns], row.values, strict=True))


def of_table(records: list[Record], table: str) -> list[dict[str, Any]]:
    return [named(row) for item in records for row in rows_for(item) if row.table == table]


def test_every_record_is_one_event_and_one_body() -> None:
    """The rows of a record begin with its one row of events and its one body, in that order."""
    log = Log()
    Flow(log).whole()
    for item in log.records:
        rows = rows_for(item)
        assert [row.table for row in rows[:2]] == ["events", "event_bodies"]
        assert named(rows[0])["parse_error"] == ""
        assert named(rows[1])["body"] == item.value
        assert len(rows) == 3


def test_a_row_knows_where_it_comes_from() -> None:
    """Position, tenant, id and time of the event are in each of its rows."""
    log = Log()
    first = Flow(log).request()
    for row in rows_for(first):
        values = named(row)
        assert (values["src_topic"], values["src_partition"], values["src_offset"]) == (
            first.topic,
            first.partition,
            first.offset,
        )
        assert (values["tenant"], values["event_id"], values["event_ts"]) == ("acme", "client-acme-0", AT_MICROS)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (b"", "empty"),
        (b"  ", "empty"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b'"text"', "not_an_object"),
        (b"[" * 9000, "not_json"),
        (b'{"type":"pointsman.request.received.v9"}', "unknown_type"),
        (b'{"type":7}', "unknown_type"),
        (b'{"id":7}', "invalid"),
        (b'{"tenant":["a"]}', "invalid"),
        (None, "tombstone"),
    ],
)
def test_what_is_no_event_is_still_a_row(value: bytes | None, fault: str) -> None:
    """Poison becomes a row of type unparsed, with its fault, its bytes and the id of its position."""
    event, body = (named(row) for row in rows_for(record(value)))
    assert (event["type"], event["parse_error"]) == (UNPARSED, fault)
    assert event["event_id"] == position_id(t.REQUESTS, 3, 42)
    assert event["event_ts"] == AT_MICROS
    assert body["body"] == (value or b"")


def test_a_deletion_on_a_compacted_topic_is_a_row() -> None:
    """A tombstone on a topic of rows is no fault."""
    rows = rows_for(record(None, t.PREFERENCES))
    assert type_in_events(rows) == TOMBSTONE
    assert named(rows[0])["parse_error"] == ""


def test_a_missing_required_value_leaves_the_row_out_and_says_so() -> None:
    """A settlement without its amount is an event, but no ledger entry: a sum never takes in a guess."""
    value = {"id": "x", "type": "pointsman.ledger.settled.v1", "tenant": "acme", "occurred_at": AT.isoformat()}
    rows = rows_for(record(orjson.dumps({**value, "request_id": "r", "hold_id": "h", "decision_id": "d"}), t.LEDGER))
    assert [row.table for row in rows] == ["events", "event_bodies"]
    assert named(rows[0])["parse_error"] == "missing:charge"


@pytest.mark.parametrize("amount", ["1000000.000000000000", "1e5", "NaN", "", "0x1", None, {}, "1.0000000000001"])
def test_money_that_no_column_holds_is_refused(amount: object) -> None:
    """An amount is exact in its column or the row is left out."""
    value = {
        "id": "x",
        "type": "pointsman.ledger.settled.v1",
        "tenant": "acme",
        "occurred_at": AT.isoformat(),
        "request_id": "r",
        "hold_id": "h",
        "decision_id": "d",
        "amount": amount,
    }
    assert not of_table([record(orjson.dumps(value), t.LEDGER)], "ledger_entries")


def test_charges() -> None:
    """Settled and forfeited amounts and adjustments are charged; a hold is not."""
    log = Log()
    flow = Flow(log, cost=3_000_000_000)
    flow.decided()
    flow.forfeited()
    flow.adjusted()
    charges = {row["kind"]: row["charge"] for row in of_table(log.records, "ledger_entries")}
    assert charges == {"held": "0", "forfeited": "0.012000000000", "adjusted": "-0.009000000000"}


def test_bare_json_gets_what_its_position_implies() -> None:
    """A request without envelope is filed under its key's tenant, its append time and the id of its position."""
    rows = rows_for(record(b'{"prompt": "x"}'))
    event, request = named(rows[0]), named(rows[2])
    assert event["type"] == "pointsman.request.received.v1"
    assert (event["tenant"], event["event_id"]) == ("acme", position_id(t.REQUESTS, 3, 42))
    assert request["request_id"] == event["event_id"]


def test_structured_mode_is_flattened() -> None:
    """A structured CloudEvent gives the same row as the flat event."""
    value = {
        "specversion": "1.0",
        "id": "a1",
        "type": "pointsman.request.received.v1",
        "source": "shop",
        "time": AT.isoformat(),
        "subject": "r1",
        "tenant": "acme",
        "data": {"prompt": "x", "use_case": "coding"},
    }
    request = named(rows_for(record(orjson.dumps(value)))[2])
    assert (request["event_id"], request["request_id"], request["use_case"]) == ("a1", "r1", "coding")


def test_old_versions_are_read_as_new_ones() -> None:
    """A rating of version 0 in stars is a rating in 0..1."""
    value = {
        "id": "x",
        "type": "pointsman.outcome.rated.v0",
        "tenant": "acme",
        "occurred_at": AT.isoformat(),
        "request_id": "r",
        "model": "m",
        "stars": 4,
    }
    (row,) = of_table([record(orjson.dumps(value), t.OUTCOMES)], "feedback_outcomes")
    assert (row["kind"], row["value"]) == ("rated", 0.75)


@pytest.mark.parametrize(
    ("occurred", "filed"),
    [
        (AT - timedelta(days=399), AT - timedelta(days=399)),
        (AT - timedelta(days=401), AT),
        (AT + timedelta(hours=23), AT + timedelta(hours=23)),
        (AT + timedelta(days=2), AT),
    ],
)
def test_a_bad_clock_creates_no_partitions(occurred: datetime, filed: datetime) -> None:
    """An event far from its append time is filed under that; its own time stays in a column."""
    value = orjson.dumps({"prompt": "x", "occurred_at": occurred.isoformat()})
    event = named(rows_for(record(value))[0])
    assert event["event_ts"] == int(filed.timestamp()) * 1_000_000
    assert event["occurred_at"] == int(occurred.timestamp()) * 1_000_000


def test_an_absurd_append_time_counts_as_none() -> None:
    """Producers may set the broker's time on some topics: nonsense is filed under 1970."""
    assert named(rows_for(record(b"x", timestamp_ms=-1))[0])["event_ts"] == 0
    assert named(rows_for(record(b"x", timestamp_ms=10**16))[0])["event_ts"] == 0


def test_a_preference_row_is_one_row_per_model() -> None:
    """Values of preferences, which are rows and no events, become one row for each model of the user."""
    models = {"a": {"score": 0.8, "overrides_to": 2}, "b": {"score": 0.3}}
    value = {
        "version": 4,
        "tenant": "acme",
        "user": "ann",
        "observations": 9,
        "models": models,
        "updated_at": AT.isoformat(),
    }
    rows = rows_for(record(orjson.dumps(value), t.PREFERENCES, key=b"acme|ann"))
    assert type_in_events(rows) == "preferences.row"
    scores = [named(row) for row in rows[2:]]
    assert [(row["model"], row["score"], row["overrides_to"], row["version"]) for row in scores] == [
        ("a", 0.8, 2, 4),
        ("b", 0.3, 0, 4),
    ]


def test_a_price_book_is_one_row_per_price() -> None:
    """A published price book is a config version and one row for each of its prices."""
    prices = {"m": [{"since": "2026-01-01", "input": "3.000000000000", "output": "15.000000000000", "source": "s"}]}
    value = {
        "id": "c",
        "type": "pointsman.config.published.v1",
        "tenant": "system",
        "occurred_at": AT.isoformat(),
        "kind": "prices",
        "name": "current",
        "version": 2,
        "document": {"kind": "prices", "name": "current", "version": 2, "prices": prices},
    }
    rows = rows_for(record(orjson.dumps(value), t.CONFIG))
    assert [row.table for row in rows[2:]] == ["config_versions", "model_prices"]
    price = named(rows[3])
    assert (price["price_book"], price["version"], price["model"]) == ("current", 2, "m")
    assert (price["input_per_million"], price["output_per_million"]) == ("3.000000000000", "15.000000000000")
    assert price["since"] == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def test_every_recorded_event_type_has_a_home() -> None:
    """Every event type of a recorded topic has its table, but for announcements, cancellations and resets."""
    in_events_only = {
        "pointsman.request.cancelled.v1",
        "pointsman.decision.cancelled.v1",
        "pointsman.executor.started.v1",
        "pointsman.config.applied.v1",
        "pointsman.preference.reset.v1",
    }
    recorded = {event.TYPE for topic in TOPICS if topic.recorded for event in topic.events}
    assert recorded - set(TABLE_OF_EVENT) == in_events_only
    assert set(TABLE_OF_EVENT) <= set(EVENT_TYPES)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1.5", "-0.000000000001", AT.isoformat(), "0001-01-01T00:00:00+14:00", "\x00", "é" * 50])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(
    {
        str(column.source or column.name).split(".")[0]
        for table in TABLES.values()
        for column in table.columns
        if isinstance(column.source, str)
    }
    | {
        "windows",
        "candidates",
        "vetoes",
        "chain",
        "view",
        "messages",
        "attempts",
        "models",
        "document",
        "difference",
        "rating",
        "value",
        "prices",
        "model",
        "tenant",
        "id",
        "occurred_at",
    }
)


@given(
    topic=st.sampled_from([topic.name for topic in TOPICS] + [f"{topic.name}.dlq" for topic in TOPICS] + ["other"]),
    type_=st.sampled_from([*EVENT_TYPES, "pointsman.outcome.rated.v0", None]),
    fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=12),
    timestamp=st.integers(-1, 2**62),
)
def test_no_value_stops_the_line(topic: str, type_: str | None, fields: dict[str, Any], timestamp: int) -> None:
    """Whatever JSON object lies on whatever topic, its rows exist and Arrow takes them in."""
    try:
        raw = orjson.dumps({**fields, **({} if type_ is None else {"type": type_})})
    except (TypeError, orjson.JSONEncodeError):
        raw = repr(fields).encode()
    rows = rows_for(record(raw, topic, timestamp_ms=timestamp))
    assert [row.table for row in rows[:2]] == ["events", "event_bodies"]
    assert named(rows[0])["parse_error"] != "internal"
    for table, values in group(rows).items():
        assert arrow_table(table, values).num_rows == len(values)


@given(value=st.binary(max_size=200))
def test_no_bytes_stop_the_line(value: bytes) -> None:
    """Whatever bytes lie on a topic, they are a row."""
    for table, values in group(rows_for(record(value))).items():
        assert arrow_table(table, values).num_rows == 1


def test_deep_nesting_below_the_decoders_limit_is_a_row() -> None:
    """A document that decodes but nests too deep to be written again loses its text, not its row."""
    deep = b'{"type":"pointsman.alert.raised.v1","kind":"x","details":' + b"[" * 600 + b"]" * 600 + b"}"
    rows = rows_for(record(deep, t.ALERTS))
    assert named(rows[2])["details"] == ""
