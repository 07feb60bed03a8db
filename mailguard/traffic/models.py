"""What was read from the mail log: how far, recent attempts, and counts.

Times in `at` are microseconds since 1970, UTC: millions of them are compared and
indexed. Keys (`sender_key`, …) are `keys.key_of` of a text, 63 bits: what is searched
for is found through them, never through the text itself.
"""

from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from mailguard.servers.models import Server

__all__ = [
    "Attempt",
    "Correspondent",
    "Daily",
    "Evidence",
    "Hit",
    "Hour",
    "Ignored",
    "Log",
    "Reading",
    "Reply",
    "Suggested",
    "Triplet",
    "Verdict",
]


class Verdict(models.TextChoices):
    """What became of a recipient; `would` is a refusal that only was logged."""

    ACCEPTED = "accepted", "accepted"
    REFUSED = "refused", "refused"
    PUT_OFF = "put off", "put off"
    WOULD = "would", "would have been refused"
    UNDECIDED = "undecided", "undecided"


class Log(models.Model):
    """The mail log of a server: how far it was read, and what is kept of it.

    `bookmark` is `postfixconf.host.logs.Bookmark` as JSON; it moves in the same
    transaction in which the lines before it are counted. `unknown` counts lines of
    Postfix that were not understood, by kind; `suppressed` those that the system
    itself says it threw away. `source` is what is read, `older` what could be read
    besides, `trouble` why nothing can be read.
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
        return self.state in (self.State.QUEUED, self.State.READING)


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
            models.Index(fields=["sender_key", "at"], name="attempt_sender"),
            models.Index(fields=["domain_key", "at"], name="attempt_domain"),
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
        return datetime.fromtimestamp(self.at / 1_000_000, UTC)


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


class Hour(models.Model):
    """How many attempts in an hour met with a verdict; kept for good.

    `control` is "" for all mail: then each attempt is in one verdict, and in `would`
    besides where a rule in test mode would have refused it.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    hour = models.DateTimeField()
    control = models.CharField(max_length=200, blank=True)
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "control", "hour", "verdict"], name="one_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.control} {self.verdict}: {self.count}"


class Daily(models.Model):
    """How often a domain, client or reason was met with a verdict on one day.

    Domains and clients are personal data: gone with the attempts.
    """

    class What(models.TextChoices):
        """What is counted."""

        DOMAIN = "domain", "sender domain"
        CLIENT = "client", "client"
        REASON = "reason", "reason"

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    day = models.DateField()
    what = models.CharField(max_length=6, choices=What.choices)
    value = models.CharField(max_length=320)
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    count = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["server", "what", "day", "value", "verdict"], name="one_daily"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.value} {self.verdict}: {self.count}"


class Evidence(models.Model):
    """What one control did or would have done lately, as last worked out.

    `figures` is `evidence.Figures` as JSON.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    control = models.CharField(max_length=200)
    figures = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "control"], name="one_evidence")
        ]

    def __str__(self) -> str:
        return f"evidence of {self.control}"


class Triplet(models.Model):
    """What postgrey saw of one client network, sender and recipient.

    `tries` counts its lines, `early` those that came before the delay was over.
    `passed_at` is when it was let through, `delay` the seconds that cost. `clients`
    are the addresses it came from, the last ten.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    key = models.BigIntegerField(unique=True)
    network = models.CharField(max_length=45)
    sender = models.CharField(max_length=320)
    recipient = models.CharField(max_length=320)
    clients = models.JSONField(default=list)
    names = models.JSONField(default=list)
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    tries = models.PositiveIntegerField(default=0)
    early = models.PositiveIntegerField(default=0)
    passed_at = models.BigIntegerField(null=True)
    delay = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [models.Index(fields=["last_at"], name="triplet_last")]

    def __str__(self) -> str:
        return f"{self.network} {self.sender} {self.recipient}"


class Suggested(models.Model):
    """Whom greylisting should perhaps not keep waiting, as last worked out.

    `found` is a list of `postfixconf.maillog.greylisting.Suggestion` as JSON.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    found = models.JSONField(default=list)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"suggestions for {self.server}"


class Ignored(models.Model):
    """An organisation or network that is not to be suggested again."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    who = models.CharField(max_length=255)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    author_name = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["who"]
        constraints = [
            models.UniqueConstraint(fields=["server", "who"], name="one_ignored")
        ]

    def __str__(self) -> str:
        return f"{self.who} is ignored"
