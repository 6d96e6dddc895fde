"""Budget windows: half-open, in the tenant's zone, gapless, right on days of 23, 25 and 24 hours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.windows import KINDS, UnknownZoneError, WindowKind, window_bounds, zone
from schemas.envelope import at_ms, to_ms

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Havana",
    "Pacific/Apia",
    "Africa/Cairo",
)
HOUR = 3_600_000


def utc(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


def hours(kind: WindowKind, instant: str, zone_name: str) -> float:
    start, end = window_bounds(kind, utc(instant), zone_name)
    return (end - start) / HOUR


@pytest.mark.parametrize(
    ("zone_name", "instant", "expected"),
    [
        ("America/New_York", "2024-03-10T12:00", 23),
        ("America/New_York", "2024-11-03T12:00", 25),
        ("Europe/Berlin", "2024-03-31T12:00", 23),
        ("Europe/Berlin", "2024-10-27T12:00", 25),
        ("Australia/Lord_Howe", "2024-04-06T20:00", 24.5),
        ("Australia/Lord_Howe", "2024-10-05T20:00", 23.5),
        ("America/Havana", "2023-03-12T12:00", 23),
        ("America/Havana", "2023-11-05T12:00", 25),
        ("Africa/Cairo", "2023-04-28T12:00", 23),
        ("Africa/Cairo", "2023-10-26T12:00", 25),
        ("Asia/Kathmandu", "2024-03-29T12:00", 24),
        ("UTC", "2024-03-29T12:00", 24),
    ],
)
def test_a_day_of_a_clock_change_has_its_true_length(zone_name: str, instant: str, expected: float) -> None:
    """The day of a clock change has 23 or 25 hours (half an hour on Lord Howe), others have 24 (B1)."""
    assert hours("day", instant, zone_name) == expected


@pytest.mark.parametrize(
    ("zone_name", "start", "end"),
    [
        ("UTC", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("America/New_York", "2028-02-01T05:00", "2028-03-01T05:00"),
        ("Asia/Kathmandu", "2028-01-31T18:15", "2028-02-29T18:15"),
    ],
)
def test_a_february_with_29_days_is_one_window(zone_name: str, start: str, end: str) -> None:
    """The month of a leap year ends after February 29 in the tenant's zone (B1)."""
    assert window_bounds("month", utc("2028-02-29T12:00"), zone_name) == (utc(start), utc(end))


def test_a_month_with_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    """March has 743 hours in Berlin, October 745."""
    assert hours("month", "2024-03-15T00:00", "Europe/Berlin") == 743
    assert hours("month", "2024-10-15T00:00", "Europe/Berlin") == 745


def test_midnight_belongs_to_the_new_window() -> None:
    """The last millisecond before midnight is in the old day, midnight itself in the new one."""
    midnight = utc("2026-11-20T05:00")
    before, after = (window_bounds("day", ms, "America/New_York") for ms in (midnight - 1, midnight))
    assert before[1] == midnight == after[0]


def test_a_month_ends_where_the_year_does() -> None:
    """December ends and January starts at local midnight of New Year."""
    turn = utc("2026-12-31T23:00")
    assert window_bounds("month", turn - 1, "Europe/Berlin")[1] == turn
    assert window_bounds("month", turn, "Europe/Berlin") == (turn, utc("2027-01-31T23:00"))


def test_a_date_that_a_zone_skipped_has_no_window() -> None:
    """Samoa had no December 30 in 2011: its 29th is followed by its 31st."""
    change = utc("2011-12-30T10:00")
    before, after = (window_bounds("day", ms, "Pacific/Apia") for ms in (change - 1, change))
    assert before == (change - 24 * HOUR, change)
    assert after == (change, change + 24 * HOUR)


_INSTANTS = st.integers(utc("1990-01-01T00:00"), utc("2036-01-01T00:00"))


@given(st.sampled_from(ZONES), st.sampled_from(KINDS), _INSTANTS)
@example("America/Havana", "day", utc("2023-11-05T05:30"))
@example("America/Sao_Paulo", "day", utc("2018-02-18T01:59"))
@example("America/St_Johns", "day", utc("2006-10-29T02:45"))
@example("America/Toronto", "day", utc("1919-03-31T04:45"))
@example("Africa/Monrovia", "day", utc("1971-06-01T00:40"))
def test_windows_of_a_zone_partition_time(zone_name: str, kind: WindowKind, now_ms: int) -> None:
    """Every instant lies in exactly one window, and each window begins where the one before it ended."""
    start, end = window_bounds(kind, now_ms, zone_name)
    assert start <= now_ms < end
    assert window_bounds(kind, start, zone_name) == window_bounds(kind, end - 1, zone_name) == (start, end)
    assert window_bounds(kind, start - 1, zone_name)[1] == start
    assert window_bounds(kind, end, zone_name)[0] == end


@given(st.sampled_from(ZONES[:5]), _INSTANTS)
def test_a_day_contains_the_instants_of_its_local_date(zone_name: str, now_ms: int) -> None:
    """Where midnight happens once a day, the window is the local calendar day of the instant."""
    rules = zone(zone_name)
    start, end = window_bounds("day", now_ms, zone_name)
    today = at_ms(now_ms).astimezone(rules).date()
    first = at_ms(start).astimezone(rules)
    assert (first.date(), first.time()) == (today, time(0))
    assert at_ms(end).astimezone(rules).date() == today + timedelta(days=1)


def test_rules_come_from_the_tzdata_wheel() -> None:
    """A zone's rules are read from the pinned wheel, whatever the machine has in /usr/share/zoneinfo."""
    assert zone("Europe/Berlin") is not ZoneInfo("Europe/Berlin")
    assert zone("Europe/Berlin") is zone("Europe/Berlin")
    assert zone("America/Argentina/Buenos_Aires").key == "America/Argentina/Buenos_Aires"


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "/etc/passwd", "zone.tab", "a/b/c/d"]
)
def test_an_unknown_zone_is_refused_by_name(name: str) -> None:
    """A zone that the wheel does not know, or that is no zone name, raises UnknownZoneError."""
    with pytest.raises(UnknownZoneError):
        window_bounds("day", 0, name)
