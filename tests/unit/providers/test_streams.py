"""Both dialects' streams, however the network cuts them."""

import pytest

from providers.accumulate import accumulate
from providers.base import ChatResult, Finish, Reasoning, TextDelta, ToolCall
from providers.errors import ProviderError
from tests.unit.providers.wire_samples import (
    BROKEN,
    WHOLE,
    dialect_of,
    fixture,
    parse_stream,
    response,
)


def failure_facts(error: ProviderError | None) -> object:
    return None if error is None else (type(error), error.billed, error.facts, str(error))


@pytest.mark.parametrize("name", [*WHOLE, *BROKEN])
def test_a_stream_split_at_any_byte_gives_the_same_events_and_the_same_end(name: str) -> None:
    """A stream cut at every byte position, and fed byte by byte, parses as it does in one piece (P7)."""
    data = fixture(f"{name}.sse")
    expected, whole = parse_stream(name, [data])
    for position in range(len(data) + 1):
        events, parser = parse_stream(name, [data[:position], data[position:]])
        assert events == expected, position
        assert failure_facts(parser.failure) == failure_facts(whole.failure), position
        assert parser.done == whole.done
    events, _ = parse_stream(name, [data[at : at + 1] for at in range(len(data))])
    assert events == expected


@pytest.mark.parametrize("name", WHOLE)
def test_a_stream_adds_up_to_the_answer_that_is_not_streamed(name: str) -> None:
    """Accumulating the events of a stream gives the result of the whole answer with the same content (P7)."""
    events, parser = parse_stream(name, [fixture(f"{name}.sse")])
    assert parser.done
    assert isinstance(events[-1], Finish)
    whole = dialect_of(name).parse_response(response(fixture(f"{name}.json")))
    assert accumulate(events) == whole


def whole_answer(name: str) -> ChatResult:
    return dialect_of(name).parse_response(response(fixture(f"{name}.json")))


def test_openai_usage_includes_cached_and_reasoning_tokens() -> None:
    """OpenAI's totals already include cached prompt tokens and reasoning."""
    usage = whole_answer("openai/text").usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, usage.reasoning_tokens) == (21, 8, 9, 4)


def test_anthropic_input_total_adds_the_cache() -> None:
    """Anthropic's input excludes the cache: the total adds writes and reads; null keeps the stream's start."""
    usage = whole_answer("anthropic/text").usage
    assert (usage.input_tokens, usage.cached_input_tokens, usage.cache_write_tokens) == (9050, 8000, 1000)
    assert (usage.cache_write_1h_tokens, usage.output_tokens, usage.uncached_input_tokens) == (400, 100, 50)


def test_the_cost_a_provider_reports_is_taken_exactly() -> None:
    """OpenRouter's usage.cost of 0.00004512 dollars is 45,120,000 pico-dollars."""
    result = whole_answer("openai/marketplace")
    assert result.usage.provider_cost == 45_120_000
    assert result.reasoning == (Reasoning("First the units. Then the sum."),)
    assert result.finish_reason == "length"


def test_parallel_tool_calls_keep_their_arguments_apart() -> None:
    """Fragments that carry only an index go to their call; arguments become compact JSON."""
    assert whole_answer("openai/tools").tool_calls == (
        ToolCall("call_a", "get_weather", '{"city":"Köln"}'),
        ToolCall("call_b", "get_time", '{"zone":"UTC"}'),
    )


def test_an_anthropic_tool_call_without_input_has_an_empty_object() -> None:
    """No input fragments mean {}."""
    assert whole_answer("anthropic/tools").tool_calls[1] == ToolCall("toolu_b", "get_time", "{}")


def test_thinking_blocks_keep_their_signatures() -> None:
    """Signed and redacted thinking survive unchanged, so that they can be sent back with tools."""
    result = whole_answer("anthropic/thinking")
    assert result.reasoning == (Reasoning("First this.", "EqQBsig=="), Reasoning(redacted="b64data"))
    assert result.usage.reasoning_tokens == 40


def test_a_refusal_is_told_by_the_finish_reason() -> None:
    """Refusals of either dialect end with content_filter."""
    assert whole_answer("openai/refusal").finish_reason == "content_filter"
    assert whole_answer("anthropic/refusal").finish_reason == "content_filter"


def test_missing_usage_is_marked() -> None:
    """An answer without usage is never taken for free: the usage is marked as estimated, with a warning."""
    result = whole_answer("openai/without_usage")
    assert result.usage.estimated
    assert result.warnings == ("usage_missing",)


@pytest.mark.parametrize(
    ("name", "category", "status", "code"),
    [
        ("openai/broken_error", "overloaded", 503, "server_is_overloaded"),
        ("openai/broken_marketplace", "rate_limited", 429, "rate_limit_exceeded"),
        ("anthropic/broken_error", "overloaded", 529, "overloaded_error"),
    ],
)
def test_an_error_inside_a_stream_gets_the_status_it_has_outside_one(
    name: str, category: str, status: int, code: str
) -> None:
    """An error event in a stream of status 200 is that error, with an unknown bill, and without the provider's text."""
    _, parser = parse_stream(name, [fixture(f"{name}.sse")])
    error = parser.failure
    assert error is not None
    assert (error.category, error.status, error.provider_error_code) == (category, status, code)
    assert (error.in_stream, error.billed) == (True, "unknown")
    assert "secret" not in f"{error!s}{error!r}{error.__dict__}"


@pytest.mark.parametrize("name", ["openai/broken_cut", "anthropic/broken_cut"])
def test_the_end_without_end_marker_is_never_success(name: str) -> None:
    """A body that ends without [DONE] or message_stop is an incomplete stream (P7)."""
    events, parser = parse_stream(name, [fixture(f"{name}.sse")])
    assert events == [TextDelta("Half an answer")]
    assert not parser.done
    assert parser.failure is not None
    assert parser.failure.category == "incomplete_stream"


@pytest.mark.parametrize("name", ["openai/broken_json", "anthropic/broken_json"])
def test_broken_json_in_a_stream_is_a_malformed_response(name: str) -> None:
    """What cannot be read is malformed, never retried and never proof of no bill."""
    _, parser = parse_stream(name, [fixture(f"{name}.sse")])
    assert parser.failure is not None
    assert (parser.failure.category, parser.failure.retryable) == ("malformed_response", False)
    assert parser.failure.billed == "unknown"


def test_a_first_event_error_the_config_lists_is_unbilled() -> None:
    """An error code listed with its source is unbilled inside a stream, but only before any content."""
    listed = {"unbilled_stream_codes": {"overloaded_error": "made-up source"}}
    data = fixture("anthropic/broken_error.sse")
    _, after_content = parse_stream("anthropic/broken_error", [data], **listed)
    _, at_once = parse_stream("anthropic/broken_error", [data[data.index(b"event: error") :]], **listed)
    assert after_content.failure is not None
    assert at_once.failure is not None
    assert (after_content.failure.billed, at_once.failure.billed) == ("unknown", "no")


def test_a_server_without_done_marker_ends_with_its_finish_reason() -> None:
    """Where the profile says that no [DONE] is sent, the finish reason and the end of the body are the end."""
    _, parser = parse_stream("openai/x", [fixture("openai/broken_cut.sse")], profile={"done_marker": False})
    assert parser.done
    assert parser.failure is None


def test_an_event_above_the_limit_fails_the_stream() -> None:
    """An endless event is cut off at 1 MiB."""
    _, parser = parse_stream("openai/x", [b"data: " + b"x" * (1024 * 1024 + 10)])
    assert parser.failure is not None
    assert parser.failure.category == "malformed_response"


@pytest.mark.parametrize(
    ("name", "body", "category"),
    [
        ("openai", b"<html>", "malformed_response"),
        ("openai", b"[]", "malformed_response"),
        ("openai", b'{"choices": []}', "malformed_response"),
        ("openai", b'{"choices": [{"message": null}]}', "malformed_response"),
        ("openai", b'{"error": {"code": 402, "message": "x"}}', "quota_exhausted"),
        ("openai", b'{"choices":[{"error":{"code":502,"message":"x"},"message":{}}]}', "server_error"),
        ("anthropic", b"", "malformed_response"),
        ("anthropic", b'{"content": "text"}', "malformed_response"),
        ("anthropic", b'{"type":"error","error":{"type":"api_error"}}', "server_error"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_an_error_with_an_unknown_bill(name: str, body: bytes, category: str) -> None:
    """Status 200 with an unreadable body, or with an error inside, is a failure whose bill is unknown."""
    with pytest.raises(ProviderError) as caught:
        dialect_of(name).parse_response(response(body))
    assert (caught.value.category, caught.value.billed) == (category, "unknown")


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -1, "completion_tokens": 2},
        {"prompt_tokens": "7", "completion_tokens": 2},
        {"prompt_tokens": 1.5, "completion_tokens": 2},
        {"prompt_tokens": True, "completion_tokens": 2},
        {"prompt_tokens": 10**13, "completion_tokens": 2},
        {"completion_tokens": 2},
    ],
)
def test_usage_that_cannot_be_is_estimated_instead(usage: dict[str, object]) -> None:
    """Wrong usage numbers never become a bill: they are replaced by a marked estimate."""
    from providers.openai import usage_of  # noqa: PLC0415  (beside its use)

    found, warnings = usage_of(usage)
    assert found.estimated
    assert warnings == ("usage_invalid",)
