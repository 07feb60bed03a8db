"""Entries, since when and until when each was live, files of them, and pins."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q

from postfixconf.policy import entries as library
from postfixconf.policy.probes import Expect, Probe

__all__ = ["UNFINISHED", "Domain", "Entry", "Import", "Pin", "Staged", "State"]


class Domain(Func):
    """What stands behind the @, or the whole value, for an index.

    The @ stands in the SQL itself: SQLite finds no index by a parameter.
    """

    template = "SUBSTR(%(expressions)s, %(position)s(%(expressions)s, '@') + 1)"
    position = "INSTR"
    output_field = models.CharField()

    def as_sql(self, *args: Any, **extra: Any) -> Any:
        extra.setdefault("position", self.position)
        return super().as_sql(*args, **extra)

    def as_postgresql(self, *args: Any, **extra: Any) -> Any:
        """The same in PostgreSQL's words."""
        return self.as_sql(*args, position="STRPOS", **extra)


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
        max_length=20, choices=[(each.value, each.value) for each in library.Kind]
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
                fields=["side", "kind", "value"],
                condition=Q(until_revision=None),
                name="entry_by_kind",
            ),
            models.Index(
                Domain("value"),
                F("value"),
                condition=Q(until_revision=None),
                name="entry_by_domain",
            ),
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
            models.Index(
                fields=["since_revision"],
                condition=Q(until_revision=None),
                name="entry_since",
            ),
            models.Index(
                fields=["until_revision"],
                condition=Q(until_revision__isnull=False),
                name="entry_ended",
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


class State(models.TextChoices):
    """How far an import is."""

    UPLOADED = "uploaded", "waiting"
    CHECKING = "checking", "being checked"
    CHECKED = "checked", "checked, nothing changed yet"
    IMPORTING = "importing", "being imported"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


UNFINISHED = (State.UPLOADED, State.CHECKING, State.CHECKED, State.IMPORTING)


class Import(models.Model):
    """One file of entries: how far it is, and what came of it.

    `path` is where it lies on the server, `total` counts its lines; up to `offset`
    bytes and `lines` lines were read. The refused lines stand in a report,
    of which `report_size` bytes are sure. `added`, `there` and `moved` say what the
    import would do, and what it did once it is done. `touched_at` is when the worker
    last got on with it.
    """

    name = models.CharField(max_length=200)
    path = models.CharField(max_length=500)
    ours = models.BooleanField(default=True)  # the file goes with the import
    state = models.CharField(
        max_length=9, choices=State.choices, default=State.UPLOADED
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    author_name = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)
    size = models.PositiveBigIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    offset = models.PositiveBigIntegerField(default=0)
    report_size = models.PositiveBigIntegerField(default=0)
    lines = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    delimiter = models.CharField(max_length=1, default=",")
    added = models.PositiveIntegerField(default=0)
    there = models.PositiveIntegerField(default=0)
    moved = models.PositiveIntegerField(default=0)
    doubts = models.JSONField(default=list)
    cause = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"

    @property
    def report(self) -> Path:
        """Where the refused lines stand."""
        return Path(settings.HOME) / "imports" / f"{self.pk}.refused.csv"

    @property
    def moving(self) -> bool:
        """Whether the worker has something to do."""
        return self.state in (State.UPLOADED, State.CHECKING, State.IMPORTING)

    @property
    def unfinished(self) -> bool:
        """Whether it can still change anything."""
        return self.state in UNFINISHED


class Staged(models.Model):
    """A good line of a file that is not imported yet: no list knows of it."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, db_index=False)
    line = models.PositiveIntegerField()
    side = models.CharField(max_length=5)
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=320)
    lookup = models.CharField(max_length=30)
    note = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "kind", "value"], name="staged_once")
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.side} {self.kind} {self.value}"


class Pin(models.Model):
    """Mail that must always get through, or never, whatever is switched.

    Either a sender `domain`, or the one envelope in the fields that have the names of
    `Probe`'s, told apart by `domain` being "". `key` stands for what is pinned,
    without what is expected, so that nothing is pinned twice or both ways.
    """

    LONGEST = 512  # characters, as of a probe

    expect = models.CharField(
        max_length=6,
        choices=[
            (Expect.ACCEPT.value, "must always get through"),
            (Expect.REFUSE.value, "must never get through"),
        ],
    )
    domain = models.CharField(max_length=253, blank=True)
    client_address = models.CharField(max_length=45, blank=True)
    client_name = models.CharField(max_length=LONGEST, blank=True)
    reverse_client_name = models.CharField(  # noqa: DJ001
        max_length=LONGEST, null=True, blank=True
    )
    helo = models.CharField(max_length=LONGEST, blank=True)
    sender = models.CharField(max_length=LONGEST, blank=True)
    recipient = models.CharField(max_length=LONGEST, blank=True)
    sasl_username = models.CharField(max_length=LONGEST, blank=True)
    service = models.CharField(max_length=LONGEST, blank=True)
    key = models.BigIntegerField(unique=True)
    note = models.CharField(max_length=200, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=200)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.what} {self.get_expect_display()}"

    @property
    def what(self) -> str:
        """What is pinned, in words that hold what strangers wrote."""
        return self.domain or f"{self.sender or '<>'} to {self.recipient}"

    @property
    def probe(self) -> Probe:
        """The envelope with what is expected; a domain's pin has none of its own."""
        texts = {each.name: getattr(self, each.name) for each in fields(Probe)}
        return Probe(**texts | {"expect": Expect(self.expect)})
