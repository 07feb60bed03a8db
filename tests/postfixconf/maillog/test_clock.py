"""Time stamps: both styles, and the year that the traditional one leaves out."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from postfixconf.maillog.clock import Clock

JANUARY = Clock(datetime(2026, 1, 1, 0, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("stamp", "year"),
    [
        ("Dec 31 23:59:59", 2025),
        ("Jan  1 00:00:00", 2026),
        ("Jan  2 00:04:00", 2026),  # a clock that is ahead of ours
        ("Jan  3 00:00:00", 2025),
        ("Feb 29 10:00:00", 2024),
    ],
)
def test_at_new_year_the_closest_year_before_is_taken(stamp: str, year: int) -> None:
    at = JANUARY.read(stamp)
    assert at is not None
    assert at.year == year


def test_a_december_clock_ahead_of_new_year_reads_january_as_next_year() -> None:
    at = Clock(datetime(2025, 12, 31, 23, 59, tzinfo=UTC)).read("Jan  1 00:00:01")
    assert at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_the_zone_of_a_traditional_stamp_is_the_references() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    at = Clock(datetime(2026, 7, 1, tzinfo=berlin)).read("Jun  9 08:00:00")
    assert at == datetime(2026, 6, 9, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2026-11-02T08:01:02+01:00", "07:01:02"),
        ("2026-11-02T08:01:02.123456789-05:30", "13:31:02.123456"),
        ("2026-11-02T08:01:02Z", "08:01:02"),
    ],
)
def test_an_rfc_3339_stamp_carries_its_offset(stamp: str, utc: str) -> None:
    at = JANUARY.read(stamp)
    assert at is not None
    assert at.astimezone(UTC).time().isoformat() == utc


@pytest.mark.parametrize("stamp", ["Foo 12 08:00:00", "Feb 30 08:00:00", "x"])
def test_an_impossible_stamp_is_no_time(stamp: str) -> None:
    assert JANUARY.read(stamp) is None


def test_a_leap_second_is_the_one_before() -> None:
    at = JANUARY.read("Jan  1 00:00:60")
    assert at == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=59)


def test_a_reference_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Clock(datetime(2026, 1, 1))
