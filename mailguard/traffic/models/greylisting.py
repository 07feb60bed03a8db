"""What postgrey saw, and whom it should not keep waiting."""

from django.conf import settings
from django.db import models

from mailguard.servers.models import Server

__all__ = ["Ignored", "LetThrough", "Suggested", "Triplet"]


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


class LetThrough(models.Model):
    """A client or recipient that one of postgrey's whitelists let through.

    `which` is `clients` or `recipients`; `name` is the client's, or the recipient.
    Lines up to `last_at` are counted.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    key = models.BigIntegerField(unique=True)
    which = models.CharField(max_length=10)
    name = models.CharField(max_length=320)
    address = models.CharField(max_length=45, blank=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["last_at"], name="let_through_last")]

    def __str__(self) -> str:
        return f"{self.name} [{self.address}] {self.count}"


class Suggested(models.Model):
    """Whom greylisting should perhaps not keep waiting, as last worked out.

    `found` is a list of `postfixconf.maillog.suggestions.Suggestion` as JSON.
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
