"""The wanted mode of each control: the draft."""

from django.db import models

from postfixconf.policy.control import Mode

__all__ = ["Setting"]


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
