"""Doors for Celery: take a server's name, call one service."""

from celery import shared_task

from mailguard.protection import watching
from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server

__all__ = ["look_up_mx", "watch_senders"]


@shared_task
@of_server
def look_up_mx(server: Server) -> None:
    """Ask the DNS who takes mail for our domains."""
    watching.exchanges(server)


@shared_task
@of_server
def watch_senders(server: Server) -> None:
    """Work out anew who sends as us."""
    watching.senders(server)
