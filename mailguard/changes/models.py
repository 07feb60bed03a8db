"""A revision: one attempt to bring a policy live."""

from django.conf import settings
from django.db import models

from mailguard.protection.differences import Difference
from mailguard.servers.models import Server

__all__ = ["FINISHED", "Kind", "Passed", "Revision", "State"]


class State(models.TextChoices):
    """queued → running → one of the rest, which never changes again."""

    QUEUED = "queued", "waiting for the worker"
    RUNNING = "running", "being applied"
    APPLIED = "applied", "applied"
    REFUSED = "refused", "refused, nothing was changed"
    ROLLED_BACK = "rolled_back", "failed, the old state was restored"
    BROKEN = "broken", "failed, and so did the way back"


FINISHED = (State.APPLIED, State.REFUSED, State.ROLLED_BACK, State.BROKEN)


class Kind(models.TextChoices):
    """What a revision is: a change, or the server as it was found."""

    CHANGE = "change", "change"
    ADOPTED = "adopted", "adopted"


class Revision(models.Model):
    """Who wanted what, why, the texts before and after, and how it ended.

    `plan_digest` is the plan that was reviewed: the worker applies that one or
    none. `policy` is as `Policy.as_json` tells it. `changes` are {what, before,
    after}, `more` how many there were beyond those; `tables` are {path, version,
    added, removed}; of the table `access` the hand-written lines are kept; `options`
    are postgrey's. `own_main` is main.cf without the hand edit that it was made beside
    of, None where there was none. `steps` are the protocol's steps with `ms` in
    milliseconds; `said` is what Postfix answered. `override` is why it may break a
    pin, empty if it may not.
    """

    number = models.PositiveIntegerField(unique=True)
    server = models.ForeignKey(Server, on_delete=models.PROTECT)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CHANGE)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    actor_name = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)
    reason = models.CharField(max_length=1000, blank=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    policy = models.JSONField(default=dict)
    changes = models.JSONField(default=list)
    more = models.PositiveIntegerField(default=0)
    tables = models.JSONField(default=list)
    reload = models.BooleanField(default=False)
    plan_digest = models.CharField(max_length=64, blank=True)
    main_before = models.BinaryField(default=b"")
    master_before = models.BinaryField(default=b"")
    access_before = models.BinaryField(default=b"")
    options_before = models.BinaryField(default=b"")
    main_after = models.BinaryField(default=b"")
    master_after = models.BinaryField(default=b"")
    access_after = models.BinaryField(default=b"")
    options_after = models.BinaryField(default=b"")
    own_main = models.BinaryField(null=True)
    findings = models.JSONField(default=list)
    steps = models.JSONField(default=list)
    override = models.CharField(max_length=1000, blank=True)
    cause = models.TextField(blank=True)
    said = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"revision {self.number} ({self.state})"

    @property
    def finished(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state in FINISHED

    @property
    def differences(self) -> list[Difference]:
        """What it changes, in words."""
        return [Difference(**each) for each in self.changes]


class Passed(models.Model):
    """A plan that was rehearsed before its apply, and passed.

    It counts for the same plan, the same state of the server (`observed`) and the same
    pins. `said` is what was seen.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    plan_digest = models.CharField(max_length=64)
    observed = models.CharField(max_length=64)
    pins = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now=True)
    said = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server"], name="latest_passed_plan")
        ]

    def __str__(self) -> str:
        return f"plan {self.plan_digest[:12]} passed"
