"""What is wanted: the mode of each control, and the own domains. The draft."""

from django.db import models

from postfixconf.policy.control import Mode
from postfixconf.policy.own_domains import REPLY

__all__ = ["OwnDomain", "OwnException", "OwnReply", "Setting"]


class Setting(models.Model):
    """One control of the catalogue and the mode it is wanted in."""

    key = models.CharField(max_length=200, unique=True)
    mode = models.CharField(
        max_length=4,
        choices=[(mode.value, mode.name.title()) for mode in Mode],
        default=Mode.OFF.value,
    )

    def __str__(self) -> str:
        return f"{self.key} {self.mode}"


class OwnDomain(models.Model):
    """A domain that only one's own people may use as envelope sender."""

    domain = models.CharField(max_length=253, unique=True)

    class Meta:
        ordering = ["domain"]

    def __str__(self) -> str:
        return self.domain


class OwnException(models.Model):
    """A client address or network that may send with an own domain all the same."""

    network = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ["network"]

    def __str__(self) -> str:
        return self.network


class OwnReply(models.Model):
    """What a refused outsider reads; at most one row."""

    text = models.CharField(max_length=200, default=REPLY)

    def __str__(self) -> str:
        return self.text
