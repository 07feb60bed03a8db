"""Doors for Celery: take an id, call one service."""

from celery import shared_task

from mailguard.lists import checking, imports
from mailguard.lists.models import Import, State

__all__ = ["tend", "work"]


@shared_task
def work(import_id: int) -> None:
    """Get on with one import; a long check asks for another turn."""
    job = Import.objects.filter(pk=import_id).first()
    if job is None:
        return
    if job.state == State.IMPORTING:
        imports.carry_out(job=job)
    elif checking.check(job=job):
        imports.tell_worker(job)


@shared_task
def tend() -> None:
    """Look after imports that nobody gets on with."""
    imports.tend()
