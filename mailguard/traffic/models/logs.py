"""The mail log: how far it was read, and which older logs are read besides."""

from django.conf import settings
from django.db import models

from mailguard.servers.models import Server

__all__ = ["Log", "Reading"]


class Log(models.Model):
    """The mail log of a server: how far it was read, and what is kept of it.

    `bookmark` is `postfixconf.host.logs.Bookmark` as JSON; it moves in the same
    transaction in which the lines before it are counted. `unknown` counts lines of
    Postfix that were not understood, by kind; `suppressed` those that the system
    itself says it threw away. `source` is what is read, `older` what could be read
    besides, `trouble` why nothing can be read. `ports` is which port each name that
    smtpd logs as stands for, and since when: `{"postfix/smtpd": ["25", 0]}`.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    source = models.CharField(max_length=500, blank=True)
    older = models.JSONField(default=list)
    bookmark = models.JSONField(default=dict)
    since = models.DateTimeField(null=True)
    lines = models.PositiveBigIntegerField(default=0)
    foreign = models.PositiveBigIntegerField(default=0)
    unknown = models.JSONField(default=dict)
    suppressed = models.PositiveBigIntegerField(default=0)
    suppressed_at = models.DateTimeField(null=True)
    last_line_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=1000, blank=True)
    ports = models.JSONField(default=dict)
    keep_days = models.PositiveSmallIntegerField(default=30)
    domains_only = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"log of {self.server}"


class Reading(models.Model):
    """One older log file to be read from beginning to end, slice by slice.

    `fingerprint` names the file whatever it is called (`host.logs`): a file that
    was read is not read twice. `position` and `size` are bytes, unpacked; the lines
    behind `until` are read by following. `held_at` is when a command got on with it,
    which the worker then leaves alone.
    """

    class State(models.TextChoices):
        """How far it is."""

        QUEUED = "queued", "waiting"
        READING = "reading", "being read"
        DONE = "done", "read"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    OPEN = (State.QUEUED, State.READING)

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    path = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    position = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    until = models.PositiveBigIntegerField(null=True)
    held_at = models.DateTimeField(null=True)
    lines = models.PositiveBigIntegerField(default=0)
    attempts = models.PositiveBigIntegerField(default=0)
    cause = models.CharField(max_length=1000, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.path} {self.state}"

    @property
    def moving(self) -> bool:
        """Whether the worker has something to do."""
        return self.state in self.OPEN
