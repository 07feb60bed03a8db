"""Days as people count them: from midnight to midnight in the zone of the settings.

Some have 23 or 25 hours. All times that are returned are UTC, so that they compare
as points in time and never by their wall clocks.
"""

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

__all__ = ["day_of", "days_before", "midnight"]


def day_of(moment: datetime) -> date:
    """The day a moment is in."""
    return timezone.localtime(moment).date()


def midnight(day: date, hour: int = 0) -> datetime:
    """When a day begins, or an hour of it; where clocks skip that, just after."""
    zone = timezone.get_current_timezone()
    return datetime.combine(day, time(hour), zone).astimezone(UTC)


def days_before(day: date, count: int) -> list[date]:
    """The last `count` days up to `day`, oldest first."""
    return [day - timedelta(days=back) for back in range(count - 1, -1, -1)]
