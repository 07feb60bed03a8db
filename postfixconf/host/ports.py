"""Which ports of master.cf somebody else holds, asked while Postfix is stopped.

master(8) cannot log why it does not start: its log daemon is its own child. A
taken port is the usual reason. UNIX sockets and IPv6 addresses are not looked at.
"""

import re
import socket
from errno import EADDRINUSE

from postfixconf.errors import Refusal
from postfixconf.text.mastercf import MasterCf

__all__ = ["check", "taken"]

PLAIN = re.compile(r"\d+\.\d+\.\d+\.\d+")


def taken(master: MasterCf) -> list[str]:
    """The `host:port` of each listener that cannot be had."""
    return [name for name in listeners(master) if not free(name)]


def check(before: str, after: str, interfaces: str) -> None:
    """Raise Refusal for a new listener of master.cf whose port is another program's.

    `interfaces` is inet_interfaces with its `$` expanded. Asked while Postfix runs.
    """
    there, wanted = (listeners(MasterCf.parse(each)) for each in (before, after))
    words = re.split(r"[,\s]+", interfaces.replace("loopback-only", "127.0.0.1"))
    hosts = [each for each in words if PLAIN.fullmatch(each)] or [""]
    for name in wanted:
        full = [name] if ":" in name else [f"{host}:{name}" for host in hosts]
        if name not in there and EADDRINUSE in map(obstacle, full):
            raise Refusal(
                f"Another program listens on port {name.rpartition(':')[2]}, so "
                "Postfix cannot have it. Nothing was changed. Find it with “ss -ltnp”, "
                "stop it, then apply again."
            )


def listeners(master: MasterCf) -> list[str]:
    """The names of the services on a port, each once."""
    names = [each.name for each in master.services() if each.type == "inet"]
    return [*dict.fromkeys(names)]


def free(name: str) -> bool:
    """Whether a listener's address is free; one that is not plain counts as free."""
    return obstacle(name) is None


def obstacle(name: str) -> int | None:
    """The errno for which a listener's address cannot be had, None where it can."""
    host, _, port = name.rpartition(":")
    try:
        number = int(port) if port.isdigit() else socket.getservbyname(port, "tcp")
    except OSError:
        return None
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, number))
        except OSError as cause:
            return cause.errno
    return None
