"""The worker: recover first, then Celery in this very process."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from mailguard.changes import worker
from mailguard.servers import services as servers


class Command(BaseCommand):
    help = "Look after the server: recover what was cut off, then take tasks."

    def handle(self, *args: Any, **options: Any) -> None:
        worker.tend(servers.local())
        words = ["worker", "--pool=solo", "--loglevel=WARNING"]
        words += ["--queues=server.local", "--without-gossip", "--without-mingle"]
        # It must be root to look after Postfix; its tasks carry ids, as JSON.
        quiet = "ignore:You're running the worker with superuser privileges"
        celery = [sys.executable, "-W", quiet, "-m", "celery", "-q", "-A", "mailguard"]
        celery += words
        os.execv(sys.executable, celery)  # noqa: S606
