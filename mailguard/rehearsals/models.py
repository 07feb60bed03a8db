"""What a draft would do to recorded mail, and single envelopes tried by hand."""

from django.conf import settings
from django.db import models

from mailguard.servers.models import Server
from mailguard.traffic.models import Attempt

__all__ = ["OPEN", "Kind", "Rehearsal", "State", "Trial", "Turn"]


class State(models.TextChoices):
    """queued → running → one of the rest."""

    QUEUED = "queued", "waiting for the worker"
    RUNNING = "running", "being rehearsed"
    DONE = "done", "rehearsed"
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "could not be rehearsed"


OPEN = (State.QUEUED, State.RUNNING)


class Kind(models.TextChoices):
    """How a recorded message would fare otherwise than now."""

    LOST = "lost", "would be lost"
    GAINED = "gained", "would get through"
    WARNED = "warned", "would only be logged"


class Asked(models.Model):
    """Somebody asks something of the worker, which answers later."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    author_name = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    cause = models.TextField(blank=True)

    class Meta:
        abstract = True

    @property
    def open(self) -> bool:
        """Whether it is not finished."""
        return self.state in OPEN


class Rehearsal(Asked):
    """One plan, tried with the pins and with recorded mail.

    `keys` are the attempts whose envelopes are tried, a different envelope each, the
    newest first; `tried` is how many are done, which took `spent` seconds. `recorded`
    is how many attempts were looked at, `partial` how many of them cannot be tried.
    `faults`, `notes`, `flips` and `left_out` are sentences; with a fault or a flip the
    plan cannot go live. The counts stay when the attempts are gone.
    """

    plan_digest = models.CharField(max_length=64, db_index=True)
    most = models.PositiveIntegerField(default=2000)
    safe = models.BooleanField(null=True)
    faults = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    flips = models.JSONField(default=list)
    left_out = models.JSONField(default=list)
    keys = models.JSONField(default=list)
    tried = models.PositiveIntegerField(default=0)
    spent = models.FloatField(default=0)
    recorded = models.PositiveIntegerField(default=0)
    partial = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    gained = models.PositiveIntegerField(default=0)
    warned = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"rehearsal of plan {self.plan_digest[:12]} ({self.state})"

    @property
    def total(self) -> int:
        """How many envelopes there are to try."""
        return len(self.keys)


class Turn(models.Model):
    """A recorded message that would fare otherwise: which, how, and why.

    Names no person: the attempt does, for as long as it is kept. `control` is the key
    behind it, `code` the reply's that it would get; `todays_dns` says that the client's
    names are those of today and not those of the day it came.
    """

    rehearsal = models.ForeignKey(
        Rehearsal, on_delete=models.CASCADE, related_name="turns"
    )
    attempt = models.ForeignKey(
        Attempt,
        to_field="key",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    kind = models.CharField(max_length=6, choices=Kind.choices)
    control = models.CharField(max_length=200, blank=True)
    code = models.PositiveSmallIntegerField()
    todays_dns = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["rehearsal", "kind"], name="turn_kind")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.control}"


class Trial(Asked):
    """One envelope, tried by hand on the draft or on what is live.

    `probe` is as `Probe.as_json` tells it, `answer` and `steps` are what Postfix said:
    {verdict, code, text, control, warned} and {list, rule, outcome, text, control}.
    Where `every` rule was asked none of them ended it, and the answer has `later`: the
    rules of the lists that come behind the recipients, which are not asked.
    """

    probe = models.JSONField()
    every = models.BooleanField(default=False)
    on_draft = models.BooleanField(default=True)
    todays_dns = models.BooleanField(default=False)
    answer = models.JSONField(default=dict)
    steps = models.JSONField(default=list)
    left_out = models.JSONField(default=list)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"trial {self.pk} ({self.state})"
