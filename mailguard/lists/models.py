"""Entries, and since when and until when each was live."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from postfixconf.policy import entries as library

__all__ = ["Entry"]


class Entry(models.Model):
    """One line of an allow or deny list, for all time.

    A row that was ever live is never deleted: it is live from `since_revision` until
    `until_revision`, so the lists of every revision are a query. A row is `waiting`
    while it shall come (it has no `since_revision`) or go (it is `removed`) with the
    next apply. `claimed` is the revision that is bringing that live right now.
    `lookup` is the table it stands in.
    """

    side = models.CharField(
        max_length=5, choices=[(each.value, each.value) for each in library.Side]
    )
    kind = models.CharField(
        max_length=13, choices=[(each.value, each.value) for each in library.Kind]
    )
    value = models.CharField(max_length=320)
    lookup = models.CharField(max_length=30)
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    author_name = models.CharField(max_length=200)
    added_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    since_revision = models.PositiveIntegerField(null=True)
    until_revision = models.PositiveIntegerField(null=True)
    waiting = models.BooleanField(default=True)
    removed = models.BooleanField(default=False)
    claimed = models.PositiveIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value"],
                condition=Q(until_revision=None, removed=False),
                name="one_wanted_entry",
            )
        ]
        indexes = [
            models.Index(fields=["value", "kind"], name="entry_by_value"),
            models.Index(
                fields=["side", "lookup"],
                condition=Q(until_revision=None),
                name="entry_by_table",
            ),
            models.Index(
                fields=["lookup", "removed", "id"],
                condition=Q(waiting=True),
                name="entry_waiting",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(until_revision=None, expires_at__isnull=False),
                name="entry_to_expire",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.what}"

    @property
    def what(self) -> str:
        """Its name in the history: kind and value."""
        return f"{self.kind} {self.value}"

    @property
    def entry(self) -> library.Entry:
        """The row as the library's value."""
        side, kind = library.Side(self.side), library.Kind(self.kind)
        return library.Entry(side, kind, self.value)

    @property
    def state(self) -> str:
        """Where it stands between the draft and the server."""
        if self.since_revision is None:
            return "new"
        return "going" if self.removed else "live"
