"""Recent attempts, what refused them, and in which words."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from mailguard.servers.models import Server
from mailguard.traffic.times import time_of

__all__ = ["HITS", "Attempt", "Correspondent", "Hit", "Reply", "Verdict"]


class Verdict(models.TextChoices):
    """What became of a recipient; `would` is a refusal that only was logged."""

    ACCEPTED = "accepted", "accepted"
    REFUSED = "refused", "refused"
    PUT_OFF = "put off", "put off"
    WOULD = "would", "would have been refused"
    UNDECIDED = "undecided", "undecided"


HITS = (Verdict.REFUSED, Verdict.PUT_OFF, Verdict.WOULD)  # what a control can do


class Reply(models.Model):
    """The words of a refusal, with what differs from mail to mail left out.

    There are few of them, so words are searched here and not in every attempt.
    """

    text = models.CharField(max_length=300, unique=True)

    def __str__(self) -> str:
        return self.text


class Attempt(models.Model):
    """One RCPT: who, from whom, to whom, and what became of it.

    `key` names it across restarts. `control` is the key of what refused it, `warned`
    those (with blanks between) that would have. A sender of None is not known, ""
    is the null sender. `delivered` is what became of it in the queue (`sent`,
    `deferred`, `bounced`, …). `raw` are its lines as logged.
    """

    server = models.ForeignKey(
        Server, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    key = models.BigIntegerField(unique=True)
    at = models.BigIntegerField()
    service = models.CharField(max_length=100)
    client_address = models.CharField(max_length=45, blank=True)
    client_name = models.CharField(max_length=255, blank=True)
    reverse_name = models.CharField(max_length=255, blank=True)
    helo = models.CharField(max_length=255, blank=True)
    sender = models.CharField(max_length=320, null=True)  # noqa: DJ001
    recipient = models.CharField(max_length=320, null=True)  # noqa: DJ001
    sasl_username = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(max_length=9, choices=Verdict.choices)
    command = models.CharField(max_length=20)
    code = models.PositiveSmallIntegerField(null=True)
    text = models.CharField(max_length=1000, blank=True)
    reply = models.ForeignKey(
        Reply,
        null=True,
        on_delete=models.DO_NOTHING,
        db_index=False,
        db_constraint=False,
        related_name="+",
    )
    control = models.CharField(max_length=200, blank=True)
    warned = models.CharField(max_length=1000, blank=True)
    queue_id = models.CharField(max_length=30, blank=True)
    delivered = models.CharField(max_length=20, blank=True)
    raw = models.BinaryField(default=b"")
    sender_key = models.BigIntegerField(null=True)
    domain_key = models.BigIntegerField(null=True)
    recipient_key = models.BigIntegerField(null=True)
    network_key = models.BigIntegerField(null=True)
    name_key = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="attempt_at"),
            # Senders are found in it too (`keys.sent_by`): an index of their own
            # would change all over with each second of a log.
            models.Index(
                fields=["domain_key", "at", "sender_key"], name="attempt_domain"
            ),
            models.Index(fields=["recipient_key", "at"], name="attempt_recipient"),
            models.Index(fields=["network_key", "at"], name="attempt_network"),
            models.Index(
                fields=["name_key", "at"],
                condition=Q(name_key__isnull=False),
                name="attempt_name",
            ),
            models.Index(
                fields=["reply", "at"],
                condition=Q(reply__isnull=False),
                name="attempt_reply",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender} to {self.recipient}: {self.outcome}"

    @property
    def when(self) -> datetime:
        """`at` as a time."""
        return time_of(self.at)


class Hit(models.Model):
    """A control that refused, put off or would have refused an attempt.

    `who` is the key of client network, sender and recipient together: what is
    counted beside a switch are different ones of these.
    """

    attempt = models.ForeignKey(
        Attempt,
        to_field="key",
        on_delete=models.DO_NOTHING,
        db_index=False,
        db_constraint=False,
        related_name="hits",
    )
    control = models.CharField(max_length=200)
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    at = models.BigIntegerField()
    who = models.BigIntegerField()
    sender_key = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "control"], name="one_hit")
        ]
        indexes = [
            models.Index(
                fields=["control", "verdict", "at", "who", "sender_key"],
                name="hit_control",
            ),
            models.Index(fields=["verdict", "at"], name="hit_verdict"),
        ]

    def __str__(self) -> str:
        return f"{self.control} {self.verdict}"


class Correspondent(models.Model):
    """A sender from whom mail was accepted that no rule would have refused."""

    sender_key = models.BigIntegerField(primary_key=True)
    at = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"correspondent {self.sender_key}"
