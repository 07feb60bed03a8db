"""Figures that the worker counts anew when there is new mail, and pages read.

They are kept as evidence under a name that is no control's.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from mailguard.servers.models import Server
from mailguard.traffic.as_us import news
from mailguard.traffic.models import Evidence

__all__ = ["figures", "keep"]

REST = timedelta(minutes=1)
LATEST = "latest"  # the mail that they were counted from


def figures(server: Server, name: str) -> Mapping[str, Any] | None:
    """What was counted last; None before the first time."""
    row = Evidence.objects.filter(server=server, control=name).first()
    return row.figures if row else None


def keep(server: Server, name: str, counted: Callable[[], dict[str, Any]]) -> None:
    """Count again, where there is new mail and the last time was a while ago."""
    row = Evidence.objects.filter(server=server, control=name).first()
    latest = news(server)
    rests = row is not None and timezone.now() - row.at < REST
    if rests or (row is not None and row.figures[LATEST] == latest):
        return
    Evidence.objects.update_or_create(
        server=server,
        control=name,
        defaults={"figures": counted() | {LATEST: latest}, "at": timezone.now()},
    )
