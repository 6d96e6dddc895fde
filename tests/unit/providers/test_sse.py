from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from providers.sse import ServerSentEvent, SseParser


def parse(*pieces: bytes, limit: int = 1000) -> list[tuple[str, str]]:
    parser = SseParser(limit)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return [(event.event, event.data) for event in events]


def test_lines_end_with_cr_lf_or_both() -> None:
    """CRLF, LF and CR all end a line."""
    assert parse(b"data: a\r\n\r\ndata: b\n\ndata: c\r\rdata: d\n\r\n") == [("message", x) for x in "abcd"]


def test_a_crlf_cut_in_the_middle_is_one_line_end() -> None:
    """CR at the end of one chunk and LF at the start of the next are one line end."""
    assert parse(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n") == [("message", "a\nb")]


def test_names_comments_ids_and_several_data_lines() -> None:
    """Comments are passed over, data lines are joined, one space after the colon is dropped."""
    parser = SseParser()
    events = parser.feed(b": hello\nevent: delta\nid: 7\ndata:  x\ndata:y\ndata\nretry: 5\n\n")
    assert events == [ServerSentEvent("delta", " x\ny\n", "7")]


def test_a_byte_order_mark_is_dropped_once() -> None:
    """A BOM at the start is no part of the first field, also when it comes in pieces."""
    assert parse(b"\xef", b"\xbb", b"\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [("message", "a")]


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    """Invalid UTF-8 does not stop the stream."""
    assert parse(b"data: \xff\n\n") == [("message", "�")]


def test_an_event_without_data_is_no_event() -> None:
    """A name alone dispatches nothing."""
    assert parse(b"event: ping\n\ndata: a\n\n") == [("message", "a")]


def test_an_event_above_the_limit_stops_the_parser() -> None:
    """The size of an event is bounded, also over many lines; comments do not count."""
    parser = SseParser(50)
    assert parser.feed(b": " + b"c" * 40 + b"\n: " + b"c" * 40 + b"\ndata: a\n\n") != []
    assert not parser.overflow
    assert parser.feed(b"data: " + b"x" * 30 + b"\ndata: " + b"x" * 30 + b"\n\ndata: b\n\n") == []
    assert parser.overflow


def test_the_end_of_input_completes_an_event_whose_lines_are_complete() -> None:
    """A missing last blank line is forgiven; a cut line is not."""
    parser = SseParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.close() == [ServerSentEvent("message", "a")]
    cut = SseParser()
    assert cut.feed(b"data: a\ndata: b") == []
    assert cut.close() == []


LINES = st.sampled_from(
    [b"data: x", b"data:y", b"event: e", b":c", b"id: 1", b"\xef\xbb\xbf", b"", "data: ü🚂".encode()]
)


@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"]))), st.lists(st.integers(0, 200), max_size=6))
def test_cutting_never_changes_the_events(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """Any stream gives the same events however it is cut."""
    data = b"".join(line + end for line, end in lines)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert parse(*pieces) == parse(data)
