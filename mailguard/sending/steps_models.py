"""What people said of the steps that no machine can see."""

from django.db import models

from mailguard.servers.models import Server

__all__ = ["Tick"]


class Tick(models.Model):
    """That a step is done, by whom and when; `step` is its key."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, db_index=False)
    step = models.CharField(max_length=20)
    author_name = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["server", "step"], name="one_tick")
        ]

    def __str__(self) -> str:
        return f"{self.step}: {self.author_name}"
