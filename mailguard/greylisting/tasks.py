"""Doors for Celery: take an id, call one service."""

from celery import shared_task

from mailguard.greylisting import refresh_worker
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server

__all__ = ["refresh"]


@shared_task
@of_server
def refresh(server: Server) -> None:
    """Look after the published whitelist."""
    refresh_worker.tend(server)
