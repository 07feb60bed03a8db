"""The Celery application; its settings are the `CELERY_*` of settings.py."""

import os

from celery import Celery

__all__ = ["app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailguard.settings")

app = Celery("mailguard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
