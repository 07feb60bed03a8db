"""Policy services: not asked in a rehearsal, but they have to be there. We connect and
hang up.
"""

import socket
from contextlib import suppress
from pathlib import Path

from postfixconf.policy.policy_services import PolicyService

__all__ = ["listens"]

TIMEOUT = 1.0  # seconds to connect


def listens(service: PolicyService, queue: Path) -> bool:
    """Whether it can be connected to; a name without a dot or path may be wrong.

    `queue` is the queue directory: UNIX sockets are named from there.
    """
    kind, _, place = service.name.partition(":")
    with suppress(OSError, ValueError):
        if kind == "unix":
            with socket.socket(socket.AF_UNIX) as connected:
                connected.settimeout(TIMEOUT)
                connected.connect(str(path_of(queue, place)))
                return True
        host, _, port = place.rpartition(":")
        address = (host.strip("[]") or "127.0.0.1", int(port))
        with socket.create_connection(address, TIMEOUT):
            return True
    return False


def path_of(queue: Path, place: str) -> Path:
    """Where the socket is: an absolute name may be meant from within a chroot."""
    path = queue / place
    inside = queue / place.lstrip("/")
    return inside if inside.exists() else path
