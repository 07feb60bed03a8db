"""Time stamps of log lines: `Nov  2 08:01:02`, and RFC 3339 with any offset.

The traditional stamp has no year and no time zone. The year is the one that puts
it closest before a reference time, with a day of tolerance for clocks that differ;
the zone is the reference's. So a December line read in January is last year's.

What this does not handle: the hour that a change of clocks repeats (the first one
is taken), and traditional stamps more than a year older than the reference.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache

__all__ = ["STAMP", "Clock"]

# What pflogsumm takes for a stamp, and nothing else.
STAMP = (
    r"(?:[A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"(?:[+-][0-9]{2}:[0-9]{2}|Z))"
)
TRADITIONAL = re.compile(r"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d)", re.ASCII)
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
SECONDS = {f":{n:02}": timedelta(seconds=min(n, 59)) for n in range(100)}
PRECISE = len("2026-11-02T08:01:02.123456+01:00")
AHEAD = timedelta(days=1)  # how far a host's clock may be ahead of ours
FIRST, LAST = 1970, 2999  # years that a log can be of
BACK = 8  # years to look for one with a 29 February


class Clock:
    """Reads stamps as seen at `reference`, a time with its zone.

    >>> from datetime import UTC
    >>> Clock(datetime(2026, 1, 1, 0, 5, tzinfo=UTC)).read("Dec 31 23:59:58")
    datetime.datetime(2025, 12, 31, 23, 59, 58, tzinfo=datetime.timezone.utc)
    """

    def __init__(self, reference: datetime) -> None:
        if reference.tzinfo is None:
            raise ValueError("the reference time needs its zone")
        self._reference = reference
        self._minutes = lru_cache(maxsize=1024)(self._minute)
        self._latest: tuple[str, datetime | None] = ("", None)

    def read(self, stamp: str) -> datetime | None:
        """The time of a stamp; None where it names no possible time."""
        before, at = self._latest
        if before != stamp:
            at = self._read(stamp)
            self._latest = (stamp, at)
        return at

    def _read(self, stamp: str) -> datetime | None:
        """Seconds change from line to line, so minutes are remembered."""
        if stamp[10:11] == "T":
            try:
                at = datetime.fromisoformat(_microseconds(stamp))
            except ValueError:
                return None
            return at if FIRST <= at.year <= LAST else None
        minute, second = self._minutes(stamp[:-3]), SECONDS.get(stamp[-3:])
        return None if minute is None or second is None else minute + second

    def _minute(self, stamp: str) -> datetime | None:
        """The minute of a traditional stamp without its seconds."""
        match = TRADITIONAL.fullmatch(stamp)
        if match is None or match[1] not in MONTHS:
            return None
        month = MONTHS.index(match[1]) + 1
        day, hour, minute = (int(part) for part in match.groups()[1:])
        latest = self._reference + AHEAD
        for year in range(latest.year, latest.year - BACK - 1, -1):
            try:
                at = datetime(
                    *(year, month, day, hour, minute),
                    tzinfo=self._reference.tzinfo,
                )
            except ValueError:
                continue
            if at <= latest:
                return at
        return None


def _microseconds(stamp: str) -> str:
    """The stamp with the six decimals that datetime can hold."""
    if len(stamp) > PRECISE:
        stamp = re.sub(r"(\.\d{6})\d+", r"\1", stamp)
    return stamp.replace(":60", ":59") if ":60" in stamp else stamp
