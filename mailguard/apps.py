"""The project as a Django application, which makes its Celery application known."""

from django.apps import AppConfig

from mailguard.celery import app

__all__ = ["MailguardConfig"]


class MailguardConfig(AppConfig):
    name = "mailguard"
    celery = app
