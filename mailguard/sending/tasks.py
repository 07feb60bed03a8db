"""Doors for Celery: take a server's name, call one service."""

from celery import shared_task

from mailguard.sending import readiness
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server

__all__ = ["see_readiness"]


@shared_task
@of_server
def see_readiness(server: Server) -> None:
    """See whether the server is ready for people to send, and open asked-for ports."""
    readiness.tend(server)
