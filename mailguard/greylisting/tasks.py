"""Doors for Celery: take a server's name, call one service."""

from celery import shared_task

from mailguard.greylisting import refresh_worker, services, waiting
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server

__all__ = ["count", "refresh", "tend"]


@shared_task
@of_server
def tend(server: Server) -> None:
    """Look after postgrey."""
    services.tend(server)


@shared_task
@of_server
def count(server: Server) -> None:
    """Work out who waited how long."""
    waiting.work_out(server)


@shared_task
@of_server
def refresh(server: Server) -> None:
    """Look after the published whitelist."""
    refresh_worker.tend(server)
