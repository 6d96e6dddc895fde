from datetime import UTC, datetime

import pytest

from pointsman.cli.errors import CliError, ExitCode
from pointsman.cli.tail import as_json, formatted, instant_of
from schemas.record import Record

RECORD = Record("decisions", 3, 42, 1_767_268_800_123, b"acme", b'{"a": 1}', (("ce_type", b"t.v1"), ("ce_id", b"e-1")))
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("%k %h{ce_type} %s", 'acme t.v1 {"a": 1}'),
        (r"%t[%p]@%o %T\n", "decisions[3]@42 1767268800123\n"),
        (r"%K\t%S", "4\t8"),
        ("%h", "ce_type=t.v1,ce_id=e-1"),
        ("%h{absent}|100%%", "|100%"),
        ("no token", "no token"),
    ],
)
def test_format_is_kcats(template: str, text: str) -> None:
    """The tokens of --format mean what they mean in kcat (D3)."""
    assert formatted(RECORD, template) == text


def test_a_tombstone_has_length_minus_one() -> None:
    """A record without key and value is told from empty ones by its lengths, as in kcat."""
    assert formatted(Record("config", 0, 0, 0, None, None), "%K %S [%k%s]") == "-1 -1 []"


def test_values_that_are_no_json_stay_text() -> None:
    """The JSON form keeps values that are not JSON as text, and tombstones as null."""
    assert as_json(RECORD)["value"] == {"a": 1}
    assert as_json(Record("requests", 0, 0, 0, b"k", b"\xffoops"))["value"] == "\ufffdoops"
    assert as_json(Record("config", 0, 0, 0, b"k", None))["value"] is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("10m", datetime(2026, 1, 1, 11, 50, tzinfo=UTC)),
        ("-2h", datetime(2026, 1, 1, 10, 0, tzinfo=UTC)),
        ("2025-12-31T23:00:00+01:00", datetime(2025, 12, 31, 22, 0, tzinfo=UTC)),
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
    ],
)
def test_times(text: str, instant: datetime) -> None:
    """--from takes how long ago, or an ISO time; without a zone it is UTC."""
    assert instant_of(text, NOW) == instant


def test_a_time_that_is_none_is_a_usage_error() -> None:
    """What is no time is explained with examples, exit status 2."""
    with pytest.raises(CliError) as caught:
        instant_of("yesterday", NOW)
    assert caught.value.code is ExitCode.USAGE
    assert "beginning" in caught.value.hint
