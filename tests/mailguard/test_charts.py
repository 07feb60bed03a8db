"""Buckets with noughts, days of 23 and 25 hours, and where the bars stand."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailguard.servers.models import Server
from mailguard.traffic.charts import Chart, draw, lying, scale, sparkline
from mailguard.traffic.models import Verdict
from mailguard.traffic.series import Bucket, Part, Period, edges, fill, series, summary
from tests.support.evidence import ago, hour

NOW = datetime(2026, 11, 22, 14, 35, tzinfo=UTC)
SPRING = datetime(2026, 3, 29, 20, 0, tzinfo=UTC)  # clocks went forward in Berlin
AUTUMN = datetime(2026, 10, 25, 20, 0, tzinfo=UTC)  # and back


@pytest.fixture
def host(db: None) -> Server:
    """A server of which only the log matters."""
    return Server.objects.create(name="local", config_dir="/etc/postfix")


def drawn(counts: dict[Part, int], *, one: bool = False) -> Chart:
    """A day's chart with these counts in the present hour."""
    begins = edges(Period.DAY, NOW)
    rows = [(NOW, part, number) for part, number in counts.items()]
    return draw(Period.DAY, fill(begins, rows), one=one)


@pytest.mark.parametrize(
    ("period", "buckets"), [(Period.DAY, 24), (Period.WEEK, 28), (Period.MONTH, 30)]
)
def test_a_period_has_its_buckets_and_now_is_in_one(
    period: Period, buckets: int
) -> None:
    begins = edges(period, NOW)
    assert len(begins) == buckets + 1
    assert begins[0] <= NOW < begins[-1] <= NOW + timedelta(days=1)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (NOW, 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(day: datetime, hours: int) -> None:
    with timezone.override("Europe/Berlin"):
        begins = edges(Period.MONTH, day)
    assert begins[-1] - begins[-2] == timedelta(hours=hours)


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_no_hour_is_lost_or_counted_twice_when_clocks_change(day: datetime) -> None:
    with timezone.override("Europe/Berlin"):
        begins = edges(Period.WEEK, day)
    hours = (begins[-1] - begins[0]) // timedelta(hours=1)
    rows = [(begins[0] + timedelta(hours=n), Part.REFUSED, 1) for n in range(hours)]
    assert sum(each.counts[Part.REFUSED] for each in fill(begins, rows)) == hours


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Beirut", "Pacific/Apia", "UTC"])
def test_edges_only_ever_go_on(zone: str) -> None:
    with timezone.override(zone):
        for period in Period:
            assert all(a < b for a, b in pairwise(edges(period, SPRING)))


def test_the_hours_of_a_day_are_whole_in_a_zone_half_an_hour_off() -> None:
    with timezone.override("Asia/Kolkata"):
        chart = draw(Period.DAY, fill(edges(Period.DAY, NOW), []), one=False)
    assert chart.slots[-1].name == "Sun 22 Nov, 19:30 to 20:30"


def test_what_lies_outside_is_left_out() -> None:
    begins = edges(Period.DAY, NOW)
    rows = [(begins[0] - timedelta(hours=1), Part.REFUSED, 5)]
    rows += [(begins[-1], Part.REFUSED, 5)]
    assert not any(each.counts for each in fill(begins, rows))


def test_greylisted_mail_is_not_put_off_a_second_time(host: Server) -> None:
    hour(host, Verdict.PUT_OFF, 10, NOW)
    hour(host, Verdict.PUT_OFF, 7, NOW, "greylisting")
    counts = series(host, Period.DAY, "", NOW)[-1].counts
    assert (counts[Part.GREYLISTED], counts[Part.PUT_OFF]) == (7, 3)


def test_a_control_has_a_series_of_its_own(host: Server) -> None:
    hour(host, Verdict.REFUSED, 10, NOW)
    hour(host, Verdict.WOULD, 4, NOW, "own_domains")
    counts = series(host, Period.DAY, "own_domains", NOW)[-1].counts
    assert +counts == {Part.WOULD: 4}


def test_another_server_has_its_own_counts(host: Server) -> None:
    other = Server.objects.create(name="other", config_dir="/etc/other")
    hour(other, Verdict.REFUSED, 10, NOW)
    assert not any(+each.counts for each in series(host, Period.DAY, "", NOW))


def test_today_begins_at_midnight(host: Server) -> None:
    hour(host, Verdict.ACCEPTED, 3, timezone.now())
    hour(host, Verdict.ACCEPTED, 9, ago(days=1))
    assert summary(host, timezone.now())[Part.ACCEPTED] == 3


def test_bars_stand_on_each_other_without_a_gap() -> None:
    bars = drawn({Part.ACCEPTED: 60, Part.PUT_OFF: 20, Part.REFUSED: 20}).slots[-1].bars
    assert [each.part for each in bars] == [Part.ACCEPTED, Part.PUT_OFF, Part.REFUSED]
    for below, above in pairwise(bars):
        assert above.y + above.height == pytest.approx(below.y)


def test_what_would_have_been_refused_stands_beside_all_mail() -> None:
    accepted, would = drawn({Part.ACCEPTED: 60, Part.WOULD: 20}).slots[-1].bars
    assert would.x == pytest.approx(accepted.x + accepted.width)
    assert would.y + would.height == pytest.approx(accepted.y + accepted.height)


def test_a_control_stacks_everything_it_met() -> None:
    chart = drawn({Part.WOULD: 5, Part.REFUSED: 5}, one=True)
    assert len({each.x for each in chart.slots[-1].bars}) == 1
    assert dict(chart.totals) == {Part.WOULD: 5, Part.PUT_OFF: 0, Part.REFUSED: 5}


def test_one_among_many_is_still_seen() -> None:
    bars = drawn({Part.ACCEPTED: 100_000, Part.REFUSED: 1}).slots[-1].bars
    assert bars[-1].height >= 2


def test_a_chart_of_nothing_is_empty() -> None:
    assert drawn({}).empty
    assert draw(Period.WEEK, [Bucket(NOW, NOW)], one=True).empty


@given(st.integers(0, 10**9))
def test_a_scale_is_short_round_and_high_enough(most: int) -> None:
    lines = scale(most)
    assert 2 <= len(lines) <= 5
    assert lines[-1] >= most
    assert len({b - a for a, b in pairwise(lines)}) == 1
    assert str(lines[1]).rstrip("0") in ("1", "2", "5")


def test_a_sparkline_shows_noughts_as_a_line_and_little_as_something() -> None:
    bars = sparkline([("Mon", 0), ("Tue", 1), ("Wed", 1000)])
    assert [each.height for each in bars] == [1, 3, 28]
    assert bars[2].title == "Wed 1,000"


def test_a_lying_bar_is_as_long_as_its_share() -> None:
    bars = lying([(Part.REFUSED, 30), (Part.WOULD, 20)], 100)
    assert [(each.x, each.width) for each in bars] == [(0, 30), (30, 20)]
