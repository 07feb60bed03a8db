"""Doors for Celery: take a server's name, call one service."""

from celery import shared_task

from mailguard.servers.models import Server
from mailguard.servers.tasks import of_server
from mailguard.traffic import evidence, intake, readings, retention, suggesting

__all__ = ["follow", "forget", "read_older", "suggest", "weigh"]


@shared_task
@of_server
def follow(server: Server) -> None:
    """Read on in the mail log."""
    intake.follow(server)


@shared_task
@of_server
def read_older(server: Server) -> None:
    """Carry on with an older log."""
    readings.tend(server)


@shared_task
@of_server
def weigh(server: Server) -> None:
    """Work out the evidence anew where there is something new."""
    evidence.refresh(server, 0.3)


@shared_task
@of_server
def suggest(server: Server) -> None:
    """Work out whom greylisting should not keep waiting."""
    suggesting.catch_up(server)


@shared_task
@of_server
def forget(server: Server) -> None:
    """Delete attempts that are too old."""
    retention.forget(server)
