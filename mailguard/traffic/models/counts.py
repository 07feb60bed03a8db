"""What is counted: by hour, by day, and beside each switch."""

from django.db import models

from mailguard.servers.models import Server
from mailguard.traffic.models.attempts import Verdict

__all__ = ["Daily", "Evidence", "Hour"]


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
