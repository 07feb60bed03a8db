"""Doors for Celery: take a name, call one service."""

from celery import shared_task

from mailguard.servers.models import Server
from mailguard.traffic import evidence, intake, readings, retention, suggesting

__all__ = ["follow", "forget", "read_older", "suggest", "weigh"]


@shared_task
def follow(name: str) -> None:
    """Read on in the mail log."""
    server = Server.objects.filter(name=name).first()
    if server is not None:
        intake.follow(server)


@shared_task
def read_older(name: str) -> None:
    """Carry on with an older log."""
    server = Server.objects.filter(name=name).first()
    if server is not None:
        readings.tend(server)


@shared_task
def weigh(name: str) -> None:
    """Work out the evidence anew where there is something new."""
    server = Server.objects.filter(name=name).first()
    if server is not None:
        evidence.refresh(server, 0.3)


@shared_task
def suggest(name: str) -> None:
    """Work out whom greylisting should not keep waiting."""
    server = Server.objects.filter(name=name).first()
    if server is not None:
        suggesting.catch_up(server)


@shared_task
def forget(name: str) -> None:
    """Delete attempts that are too old."""
    server = Server.objects.filter(name=name).first()
    if server is not None:
        retention.forget(server)
