"""What the worker saw of postgrey, what it is asked to do, and who waited how long."""

from django.conf import settings
from django.db import models

from mailguard.greylisting.refresh_models import Refresh, Schedule
from mailguard.servers.models import Server

__all__ = ["Figures", "Order", "Refresh", "Schedule", "Service", "Verb"]


class Service(models.Model):
    """postgrey on a server as the worker last saw it.

    `asked` says whether the live main.cf asks it, `guarded` whether mail flows all the
    same when it is down. `since` is when its process began. `answers` is None where it
    was not asked; it was at `asked_at`, and took `ms` milliseconds. `trouble` is why it
    does not answer, or why nobody could look.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    at = models.DateTimeField()
    installed = models.BooleanField(default=False)
    version = models.CharField(max_length=40, blank=True)
    options = models.CharField(max_length=500, blank=True)
    address = models.CharField(max_length=500, blank=True)
    unit = models.CharField(max_length=100, blank=True)
    asked = models.BooleanField(default=False)
    guarded = models.BooleanField(default=True)
    pid = models.PositiveIntegerField(null=True)
    since = models.DateTimeField(null=True)
    halted = models.BooleanField(default=False)
    answers = models.BooleanField(null=True)
    asked_at = models.DateTimeField(null=True)
    ms = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=1000, blank=True)

    def __str__(self) -> str:
        return f"postgrey on {self.server}: {self.trouble or self.pid or 'stopped'}"

    @property
    def down(self) -> bool:
        """Whether Postfix asks it and gets no answer."""
        return self.asked and (self.pid is None or self.answers is False or self.halted)

    @property
    def sentence(self) -> str:
        """What it means that it is down."""
        if self.guarded:
            return (
                "Greylisting does not work: Postfix asks postgrey and gets no answer. "
                "Mail keeps flowing."
            )
        return (
            "All mail is put off: Postfix asks postgrey, gets no answer, and was not "
            "told to go on without one."
        )

    @property
    def remedy(self) -> str:
        """What to do about it, as the name of a button."""
        return Verb.START if self.pid is None else Verb.RESTART


class Verb(models.TextChoices):
    """What can be done with a service."""

    START = "start", "start"
    STOP = "stop", "stop"
    RESTART = "restart", "restart"


class Order(models.Model):
    """Somebody had postgrey started, stopped or restarted.

    `done_at` is empty until the worker has tried; `said` is why it could not.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    verb = models.CharField(max_length=7, choices=Verb.choices)
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
        indexes = [models.Index(fields=["server", "done_at"], name="order_waiting")]

    def __str__(self) -> str:
        return f"{self.verb} postgrey, by {self.actor_name}"


class Figures(models.Model):
    """Who waited how long, week by week, as last worked out.

    `weeks` are `waiting.Week` as JSON, the oldest first: they stay when the rows they
    were counted from are forgotten. `ms` is how long the counting took.
    """

    server = models.OneToOneField(Server, on_delete=models.CASCADE)
    at = models.DateTimeField()
    weeks = models.JSONField(default=list)
    ms = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"waits on {self.server}"
