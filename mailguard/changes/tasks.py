"""Doors for Celery: take an id, call one service."""

from contextlib import suppress

from celery import shared_task

from mailguard.changes import demotion, worker
from mailguard.changes.models import Revision
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server
from postfixconf.errors import Locked

__all__ = ["carry_out", "tend", "watch_lists"]


@shared_task
def carry_out(revision_id: int) -> None:
    """Carry out one queued revision."""
    revision = Revision.objects.filter(pk=revision_id).first()
    if revision is not None:
        with suppress(Locked):  # tending the server finds the row again
            worker.carry_out(revision)


@shared_task
@of_server
def tend(server: Server) -> None:
    """Look after one server."""
    worker.tend(server)


@shared_task
@of_server
def watch_lists(server: Server) -> None:
    """Check the blocklists, and take back what cannot be trusted."""
    demotion.watch(server)
