"""The web application; one room a feature, each with Django's own file names."""

from mailguard.celery import app as celery

__all__ = ["celery"]
