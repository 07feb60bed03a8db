"""What people wrote about how their people send."""

from django.db import models

__all__ = ["NetworkNote"]


class NetworkNote(models.Model):
    """Why a network is trusted, and who named it; it outlives its network.

    `network` is as `postfixconf.policy.networks.spelled` names it.
    """

    network = models.CharField(max_length=50, unique=True)
    note = models.CharField(max_length=200, blank=True)
    author_name = models.CharField(max_length=200)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["network"]

    def __str__(self) -> str:
        return f"{self.network}: {self.note}"
