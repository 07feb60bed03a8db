"""The user, our own from the start: Django cannot exchange it later."""

from django.contrib.auth.models import AbstractUser

__all__ = ["User"]


class User(AbstractUser):
    """Somebody who may sign in."""
