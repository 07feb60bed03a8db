"""What people type about an entry besides its value: a note, and until when."""

from datetime import datetime

from django.utils import timezone

from postfixconf.errors import BadValue

__all__ = ["LONGEST_NOTE", "read_expires", "read_note", "read_reason"]

LONGEST_NOTE = 200  # characters


def read_note(text: str) -> str:
    """One line of visible text. Raises BadValue, which quotes it."""
    note = text.strip()
    if not note.isprintable():
        raise BadValue(text, "a note is one line without invisible characters")
    if len(note) > LONGEST_NOTE:
        raise BadValue(text, f"a note has at most {LONGEST_NOTE} characters")
    return note


def read_reason(text: str) -> str:
    """A note that says why, and is not left out. Raises BadValue, which quotes it."""
    reason = read_note(text)
    if not reason:
        raise BadValue(text, "say why: it stands in the history")
    return reason


def read_expires(text: str) -> datetime | None:
    """A time in ISO 8601, in this site's zone where it names none; None for nothing.

    Raises BadValue for what is no time, or is over already.
    """
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        at = at if timezone.is_aware(at) else timezone.make_aware(at)
        over = at <= timezone.now()
    except (ValueError, OverflowError):
        raise BadValue(text, "not a time (2027-01-31 or 2027-01-31T18:00)") from None
    if over:
        raise BadValue(text, "is over already: an entry expires in the future")
    return at
