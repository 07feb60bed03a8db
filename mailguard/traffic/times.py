"""Times as the database keeps them: microseconds since 1970, UTC.

Millions of them are compared and indexed.
"""

from datetime import UTC, datetime, timedelta

__all__ = ["EPOCH", "microseconds", "time_of"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """A time as the database keeps it."""
    since = at - EPOCH  # taken apart by hand: a million rows pass through
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def time_of(microseconds: int) -> datetime:
    """The time that the database keeps so.

    >>> time_of(microseconds(EPOCH)) == EPOCH
    True
    """
    return EPOCH + timedelta(microseconds=microseconds)
