"""Which tool call a streamed fragment belongs to, and what a finished call looks like.

Only the first fragment of a call surely carries its id, indexes may be missing, start at 1, collide, or occur several
times in one chunk. The rule that holds for all of them:

1. a known id: that call;
2. a new id, also on an index already in use: a new call;
3. no id, a known index: that call;
4. neither: a fragment with a name opens a new call, any other belongs to the current call.

A missing index is not index 0.
"""

import json
from typing import Any

from providers.base import ToolCall, ToolDelta


class ToolCallRouter:
    """Assigns each fragment to a call, numbered in order of appearance."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._by_index: dict[int, int] = {}
        self._named: set[int] = set()
        self._count = 0
        self._current = 0

    def route(self, *, id_: str | None, index: int | None, name: str | None, arguments: str) -> ToolDelta:
        """Return the fragment as a delta of its call; id and name are repeated only where they are new."""
        new_id = bool(id_) and id_ not in self._by_id
        call = self._find(id_, index, name)
        if call is None:
            call = self._count
            self._count += 1
        if id_:
            self._by_id[id_] = call
        if index is not None:
            self._by_index[index] = call
        self._current = call
        new_name = name if name and call not in self._named else None
        if new_name:
            self._named.add(call)
        return ToolDelta(call, id_ if new_id else None, new_name, arguments)

    def _find(self, id_: str | None, index: int | None, name: str | None) -> int | None:
        if id_:
            return self._by_id.get(id_)
        if index is not None and index in self._by_index:
            return self._by_index[index]
        if name or not self._count:
            return None
        return self._current


def finished_tool_call(id_: str | None, name: str | None, arguments: str, ordinal: int) -> ToolCall:
    """Return a whole call with its arguments as compact JSON; what is not a JSON object is kept raw and marked."""
    compact = _compact_object(arguments)
    return ToolCall(
        id=id_ or f"call_{ordinal}",
        name=name or "",
        arguments=arguments if compact is None else compact,
        malformed=compact is None or not name,
    )


def compact_json(value: Any) -> str:
    """Return compact JSON with keys in their order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _compact_object(text: str) -> str | None:
    if not text.strip():
        return "{}"
    try:
        value = json.loads(text)
        return compact_json(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None
