"""What doors for Celery have in common that take the name of a server."""

from collections.abc import Callable
from functools import wraps

from mailguard.servers.models import Server

__all__ = ["of_server"]


def of_server(work: Callable[[Server], object]) -> Callable[[str], None]:
    """A door to `work` that takes a server's name; nothing happens if it is gone."""

    @wraps(work)
    def door(name: str) -> None:
        server = Server.objects.filter(name=name).first()
        if server is not None:
            work(server)

    return door
