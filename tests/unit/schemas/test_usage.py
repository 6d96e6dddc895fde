import pytest
from pydantic import ValidationError

from schemas.usage import Usage


def test_usage_survives_json_with_its_cost_as_a_decimal_string() -> None:
    """Usage is written and read back unchanged; money is a string with 12 places."""
    usage = Usage(input_tokens=10, cached_input_tokens=4, output_tokens=3, provider_cost=45_120_000)
    text = usage.model_dump_json()
    assert '"provider_cost":"0.000045120000"' in text
    assert Usage.model_validate_json(text) == usage
    assert usage.uncached_input_tokens == 6


@pytest.mark.parametrize(
    "fields",
    [
        {"input_tokens": -1},
        {"input_tokens": 1.0},
        {"input_tokens": True},
        {"output_tokens": 10**13},
        {"input_tokens": 1, "cached_input_tokens": 2},
        {"input_tokens": 3, "cached_input_tokens": 2, "cache_write_tokens": 2},
        {"input_tokens": 3, "cache_write_tokens": 1, "cache_write_1h_tokens": 2},
        {"output_tokens": 1, "reasoning_tokens": 2},
        {"tokens": 1},
    ],
)
def test_counts_that_cannot_be_are_refused(fields: dict[str, object]) -> None:
    """Negative, fractional or absurd counts, parts above their totals and unknown fields are no usage."""
    with pytest.raises(ValidationError):
        Usage.model_validate(fields)
