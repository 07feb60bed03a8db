"""The verb on what only people read: note and expiry. Nothing has to be applied."""

from datetime import datetime

from django.db import transaction

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.lists.models import Entry

__all__ = ["annotate"]


@transaction.atomic
def annotate(
    *, row: Entry, note: str, expires_at: datetime | None, actor: Actor
) -> Change | None:
    """Change the note and the expiry of an entry; None where nothing differs."""
    before = told(row.note, row.expires_at)
    if before == told(note, expires_at):
        return None
    row.note, row.expires_at = note, expires_at
    row.save(update_fields=["note", "expires_at"])
    return record(
        actor=actor, what=row.what, before=before, after=told(note, expires_at)
    )


def told(note: str, expires_at: datetime | None) -> str:
    """Both in words."""
    until = f", until {expires_at.isoformat()}" if expires_at else ""
    return f"note “{note}”{until}"
