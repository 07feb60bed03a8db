"""Who sends through this server, and through which port."""

from django.db import models

from mailguard.servers.models import Server

__all__ = ["Usage"]


class Usage(models.Model):
    """A user, or a device, at one address: how often it sent, through which port.

    `who` is the key of the user, or of a device's address; all rows of one have the
    same. `user` is "" for a device: a client of an own network that did not sign in.
    Where only domains are kept it is `@DOMAIN`, or `@` for a name without one. `port`
    is as `postfixconf.policy.ports` tells it, "" where that is not known. `tls` is the
    protocol, "" where the log told none. `count` is recipients.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    key = models.BigIntegerField(unique=True)
    who = models.BigIntegerField()
    port = models.CharField(max_length=30, blank=True)
    user = models.CharField(max_length=255, blank=True)
    client_address = models.CharField(max_length=45)
    client_name = models.CharField(max_length=255, blank=True)
    tls = models.CharField(max_length=10, blank=True)
    first_at = models.BigIntegerField()
    last_at = models.BigIntegerField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["last_at"], name="usage_last"),
            # All that is asked to count the senders of a port, and to order them.
            models.Index(
                fields=["server", "port", "who", "last_at", "count"],
                name="usage_senders",
            ),
            models.Index(fields=["who"], name="usage_who"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.client_address} through {self.port or 'a port'}"
