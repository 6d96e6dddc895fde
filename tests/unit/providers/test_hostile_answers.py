"""Answers nobody promised: whatever JSON comes, the outcome is a result or an error of the tree, never a crash."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.accumulate import accumulate
from providers.errors import ProviderError
from schemas.usage import Usage
from tests.unit.providers.wire_samples import dialect_of, response

WORDS = """id model choices delta message content tool_calls function name arguments index finish_reason usage error
code type text input stop_reason thinking signature partial_json content_block prompt_tokens completion_tokens
input_tokens output_tokens prompt_tokens_details cached_tokens cost metadata message_start content_block_start
content_block_delta message_delta message_stop tool_use text_delta input_json_delta thinking_delta overloaded_error"""
KEYS = st.sampled_from(WORDS.split())
LEAVES = st.none() | st.booleans() | st.integers(-5, 2**63) | st.floats() | KEYS | st.text(max_size=8)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
PARTS = st.dictionaries(KEYS, JSON, max_size=4)
CHOICES = st.lists(st.fixed_dictionaries({"delta": PARTS, "message": PARTS}), max_size=2)
NEARLY = st.fixed_dictionaries(
    {"choices": CHOICES, "content": st.lists(PARTS, max_size=2), "usage": PARTS},
    optional={"type": KEYS, "delta": PARTS, "content_block": PARTS, "message": PARTS, "index": LEAVES},
)
OBJECTS = PARTS | NEARLY
DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


@DIALECTS
@settings(max_examples=100)
@given(value=OBJECTS)
def test_any_answer_is_a_result_or_an_error_of_the_tree(dialect: str, value: dict[str, Any]) -> None:
    """Status 200 with any JSON object parses or fails as a ProviderError; usage is always valid."""
    try:
        result = dialect_of(dialect).parse_response(response(encoded(value)))
    except ProviderError as error:
        assert error.billed == "unknown"  # noqa: PT017  (either outcome is right)
    else:
        assert Usage.model_validate(result.usage.model_dump()) == result.usage


@DIALECTS
@settings(max_examples=100)
@given(values=st.lists(OBJECTS, max_size=5))
def test_any_stream_ends_as_one_thing(dialect: str, values: list[dict[str, Any]]) -> None:
    """A stream of any JSON objects ends finished or failed, not both, and adds up where it finished."""
    parser = dialect_of(dialect).stream_parser(response(), "made-up-model")
    events = [event for value in values for event in parser.feed(b"data: " + encoded(value) + b"\n\n")]
    if dialect == "openai":
        events += parser.feed(b"data: [DONE]\n\n")
    events += parser.close()
    assert parser.done != (parser.failure is not None)
    if parser.done:
        accumulate(events)


@DIALECTS
@given(status=st.integers(201, 599), body=st.binary(max_size=40) | OBJECTS.map(encoded), hint=st.text(max_size=12))
def test_any_failure_is_an_error_of_the_tree(dialect: str, status: int, body: bytes, hint: str) -> None:
    """Any status with any body and any hints gives one error; 4xx but 408 and 499 is proof, the rest is unknown."""
    headers = {"retry-after": hint, "x-should-retry": hint, "x-request-id": hint}
    error = dialect_of(dialect).parse_failure(response(body, status, headers))
    assert isinstance(error, ProviderError)
    proven = 400 <= status < 500 and status not in (408, 499)
    assert error.billed == ("no" if proven else "unknown")
    assert error.retry_after is None or 0 <= error.retry_after < 1e12
