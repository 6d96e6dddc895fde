from typing import Any

import pytest

from providers.base import ToolCall
from providers.tool_calls import ToolCallRouter, finished_tool_call


def routed(*fragments: dict[str, Any]) -> dict[int, str]:
    router = ToolCallRouter()
    calls: dict[int, str] = {}
    for fragment in fragments:
        delta = router.route(
            id_=fragment.get("id"),
            index=fragment.get("index"),
            name=fragment.get("name"),
            arguments=fragment.get("a", ""),
        )
        calls[delta.call] = calls.get(delta.call, "") + (delta.name or "") + delta.arguments
    return calls


@pytest.mark.parametrize(
    ("fragments", "calls"),
    [
        pytest.param([{"id": "x", "index": 0, "name": "f"}, {"index": 0, "a": "1"}], {0: "f1"}, id="id only first"),
        pytest.param(
            [{"id": "x", "name": "f", "a": "1"}, {"id": "x", "name": "f", "a": "2"}], {0: "f12"}, id="id always"
        ),
        pytest.param(
            [{"id": "x", "index": 0, "name": "f"}, {"id": "y", "index": 0, "name": "g"}, {"index": 0, "a": "1"}],
            {0: "f", 1: "g1"},
            id="new id on a used index",
        ),
        pytest.param([{"id": "x", "index": 1, "name": "f"}, {"index": 1, "a": "1"}], {0: "f1"}, id="index from 1"),
        pytest.param(
            [{"id": "x", "name": "f"}, {"a": "1"}, {"id": "y", "name": "g"}, {"a": "2"}],
            {0: "f1", 1: "g2"},
            id="no index at all",
        ),
        pytest.param(
            [
                {"id": "x", "index": 0, "name": "f"},
                {"id": "y", "index": 1, "name": "g"},
                {"a": "2"},
                {"index": 0, "a": "1"},
            ],
            {0: "f1", 1: "g2"},
            id="a missing index is the current call, not index 0",
        ),
        pytest.param([{"name": "f", "a": "1"}, {"name": "g", "a": "2"}], {0: "f1", 1: "g2"}, id="names alone"),
        pytest.param([{"id": "x", "index": 0, "name": "f"}, {"index": 5, "a": "1"}], {0: "f1"}, id="unknown index"),
        pytest.param([{"id": "", "index": 0, "name": "f"}, {"id": "", "index": 0, "a": "1"}], {0: "f1"}, id="empty id"),
    ],
)
def test_each_fragment_finds_its_call(fragments: list[dict[str, Any]], calls: dict[int, str]) -> None:
    """Fragments are routed by id, then index, then order, whatever a server leaves out."""
    assert routed(*fragments) == calls


@pytest.mark.parametrize(
    ("arguments", "expected", "malformed"),
    [
        ('{ "a" : [1, 2.50] }', '{"a":[1,2.5]}', False),
        ("", "{}", False),
        ('{"a": ', '{"a": ', True),
        ("[1]", "[1]", True),
        ("[" * 100_000, "[" * 100_000, True),
        ('{"a": NaN}', '{"a": NaN}', True),
    ],
)
def test_arguments_become_compact_json_or_are_marked(arguments: str, expected: str, malformed: bool) -> None:
    """Arguments that are no JSON object are kept raw and marked; they are no exception."""
    assert finished_tool_call("x", "f", arguments, 0) == ToolCall("x", "f", expected, malformed)


def test_a_call_without_id_gets_one_and_without_name_is_marked() -> None:
    """Ids are made up from the order; a call nobody can name is malformed."""
    assert finished_tool_call(None, "f", "{}", 2) == ToolCall("call_2", "f", "{}")
    assert finished_tool_call("x", None, "{}", 0).malformed
