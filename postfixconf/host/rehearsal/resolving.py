"""Where Postfix would send a message to an address: asked of its own trivial-rewrite.

`user%elsewhere.example@here.example` may be somebody's mailbox or the way out; no text
tells, but the service that decides does. The protocol is Postfix's internal one:
`name NUL value NUL` pairs, ended by an empty name (attr_print0.c, resolve_clnt.c; run
on 3.7.11). Newer versions say who they are first.
"""

import re
import socket
from pathlib import Path

from postfixconf.errors import Unproven

__all__ = ["goes_out", "is_sent_out"]

TIMEOUT = 5.0  # seconds
LONGEST = 65536  # bytes of an answer
ANSWER = re.compile(
    rb"transport\0([^\0]*)\0nexthop\0[^\0]*\0recipient\0[^\0]*\0flags\0([0-9]+)\0\0"
)
REFUSING = ("error", "retry")  # transports that answer a recipient themselves
# resolve_clnt.h
LOCAL, ALIAS, MAILBOX, RELAYED = 1 << 8, 1 << 9, 1 << 10, 1 << 11
ROUTED = 1 << 1  # the address names another domain before the last @


def goes_out(queue: Path, address: str) -> bool:
    """Whether a message to `address` would leave for others.

    One that is routed further by a server behind this one would, too. Raises
    Unproven.
    """
    _, flags = resolved(queue, address)
    if flags & (LOCAL | ALIAS | MAILBOX):
        return False
    return not flags & RELAYED or bool(flags & ROUTED)


def is_sent_out(queue: Path, address: str) -> bool:
    """Whether this server sends such mail at all. Raises Unproven."""
    transport, _ = resolved(queue, address)
    return transport not in REFUSING


def resolved(queue: Path, address: str) -> tuple[str, int]:
    """The transport, and the flags of the address. Raises Unproven."""
    asked = f"request\0resolve\0sender\0\0address\0{address}\0\0"
    said = b""
    try:
        with socket.socket(socket.AF_UNIX) as connected:
            connected.settimeout(TIMEOUT)
            connected.connect(str(queue / "private" / "rewrite"))
            connected.sendall(asked.encode("utf-8", "surrogateescape"))
            while not (answer := ANSWER.search(said)):
                read = connected.recv(LONGEST)
                said += read
                if not read or len(said) > LONGEST:
                    raise Unproven(f"trivial-rewrite does not resolve “{address}”")
    except OSError as cause:
        raise Unproven(f"trivial-rewrite does not answer: {cause}") from cause
    return answer[1].decode(), int(answer[2])
