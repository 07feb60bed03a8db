"""Which ports of master.cf somebody else holds, asked while Postfix is stopped.

master(8) cannot log why it does not start: its log daemon is its own child. A
taken port is the usual reason. UNIX sockets and IPv6 addresses are not looked at.
"""

import socket

from postfixconf.text.mastercf import MasterCf

__all__ = ["taken"]


def taken(master: MasterCf) -> list[str]:
    """The `host:port` of each listener that cannot be had."""
    names = [each.name for each in master.services() if each.type == "inet"]
    return [name for name in dict.fromkeys(names) if not free(name)]


def free(name: str) -> bool:
    """Whether a listener's address is free; one that is not plain counts as free."""
    host, _, port = name.rpartition(":")
    try:
        number = int(port) if port.isdigit() else socket.getservbyname(port, "tcp")
    except OSError:
        return True
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, number))
        except OSError:
            return False
    return True
