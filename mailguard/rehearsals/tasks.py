"""Doors for Celery: take a server's name, call one service."""

from celery import shared_task

from mailguard.rehearsals import services, worker
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server

__all__ = ["forget", "go_on"]


@shared_task
@of_server
def go_on(server: Server) -> None:
    """Get on with rehearsals; another turn comes behind what waits."""
    if worker.go_on(server):
        services.tell_worker(server)


@shared_task
def forget() -> None:
    """Delete trials by hand that are old."""
    services.forget()
