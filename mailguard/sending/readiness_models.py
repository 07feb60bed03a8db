"""What the worker found of the server's readiness, and ports it is asked to open."""

from django.conf import settings
from django.db import models

from mailguard.servers.models import Server

__all__ = ["Opening", "Readiness"]


class Readiness(models.Model):
    """What was last found on a server.

    `at` is None before the first look. `asked_at` is when somebody asked for another;
    None where nobody waits. `checks` are `postfixconf.host.readiness.Check` as JSON.
    `manager` looks after the firewall: `firewalld`, `ufw` or empty. `digest` is that of
    the Postfix files that were looked at; `ms` is how long it took.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    checks = models.JSONField(default=list)
    manager = models.CharField(max_length=20, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    ms = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"readiness of {self.server} at {self.at}"


class Opening(models.Model):
    """Somebody had a port opened in the server's firewall.

    `done_at` is empty until the worker has tried; `said` is why it could not.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE)
    port = models.PositiveIntegerField()
    manager = models.CharField(max_length=20)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    ok = models.BooleanField(default=False)
    said = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"port {self.port} by {self.manager}, for {self.actor_name}"
