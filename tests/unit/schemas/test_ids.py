import uuid

from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import NAMESPACE, attempt_id, call_event_id, event_id, position_id, uuid5_of, uuid7

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(TEXT | st.integers(), max_size=6))
def test_uuid5_is_the_standard_one(parts: list[str | int]) -> None:
    """The fast form equals the standard library's uuid5 of the joined parts."""
    assert uuid5_of(parts) == str(uuid.uuid5(NAMESPACE, "\x1f".join(map(str, parts))))


@given(st.integers(min_value=0, max_value=2**48 - 1), st.integers(min_value=0, max_value=2**80 - 1))
def test_uuid7_carries_its_time(now_ms: int, random_bits: int) -> None:
    """A client's id is a version 7 UUID of variant 1 whose first 48 bits are the milliseconds."""
    value = uuid.UUID(uuid7(now_ms, random_bits))
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert value.int >> 80 == now_ms


@given(st.integers(min_value=0, max_value=2**47), st.integers(min_value=1, max_value=10**6))
def test_uuid7_sorts_by_time(now_ms: int, later: int) -> None:
    """Ids of later milliseconds sort after earlier ones, whatever their random bits."""
    assert uuid7(now_ms, 2**80 - 1) < uuid7(now_ms + later, 0)


def test_ids_depend_on_every_part() -> None:
    """Ids differ when tenant, type, cause, ordinal, position, attempt, instance, incarnation or sequence differ."""
    ids = [
        event_id("a", "t", "c", 1),
        event_id("b", "t", "c", 1),
        event_id("a", "u", "c", 1),
        event_id("a", "t", "d", 1),
        event_id("a", "t", "c", 2),
        position_id("requests", 0, 1),
        position_id("requests", 1, 0),
        attempt_id("d", 1),
        attempt_id("d", 2),
        call_event_id("a", "t", "x", "executor-0", 1),
        call_event_id("a", "t", "x", "executor-1", 1),
        call_event_id("a", "t", "x", "executor-0", 2),
        call_event_id("a", "t", "x", "executor-0", 1, 1),
    ]
    assert len(set(ids)) == len(ids)


def test_ids_are_pinned() -> None:
    """Ids of one cause are the same for ever: a changed namespace would make every redelivery look new (A5)."""
    assert position_id("requests", 3, 42) == "33781320-684e-5242-aaff-405a23e56e0e"
