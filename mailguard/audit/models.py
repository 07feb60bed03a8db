"""One row for each single change that somebody made."""

from django.conf import settings
from django.db import models

__all__ = ["Change"]


class Change(models.Model):
    """Who set what from `before` to `after`, when, from where and why.

    Rows are only ever added. The name is kept as text, so a row outlives its
    user; `address` is the client the page or command came from, empty for
    mailguard itself.
    """

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    actor_name = models.CharField(max_length=200)
    address = models.CharField(max_length=45, blank=True)
    what = models.CharField(max_length=300)
    before = models.CharField(max_length=10_000, blank=True)
    after = models.CharField(max_length=10_000, blank=True)
    reason = models.CharField(max_length=1000, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.what} {self.before} → {self.after}"
