"""Asking a policy server as smtpd does (SMTPD_POLICY_README): one question, one action.

    ask("inet:127.0.0.1:10023", question(client="mx.good.example"), 5.0)  # 'DUNNO'

What is asked is always about mail of nobody's: no row of real mail is made or changed.
"""

import re
import socket
from pathlib import Path

from postfixconf.errors import Unproven
from postfixconf.host.conversation import NAME
from postfixconf.host.proof import STRANGER
from postfixconf.text.postgrey_files import PROBE_SENDER

__all__ = ["NAME", "TIMEOUT", "ask", "question"]

TIMEOUT = 5.0  # seconds for one answer, as long as Postfix is told to wait for it
ACTION = re.compile(rb"action=([^\n]*)\n")


def question(client: str = NAME, recipient: str = f"postmaster@{NAME}") -> str:
    """What smtpd would ask about a stranger with this host name, for this recipient."""
    told = {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "protocol_name": "ESMTP",
        "client_address": STRANGER,
        "client_name": client,
        "reverse_client_name": client,
        "helo_name": NAME,
        "sender": PROBE_SENDER,
        "recipient": recipient,
    }
    return "".join(f"{name}={value}\n" for name, value in told.items()) + "\n"


def ask(
    service: str, asked: str, timeout: float = TIMEOUT, root: Path = Path("/")
) -> str:
    """What `inet:HOST:PORT`, or `unix:PATH` below `root`, tells Postfix to do.

    Raises Unproven where no action comes within `timeout` seconds.
    """
    try:
        with connected(service, timeout, root) as server:
            server.sendall(asked.encode())
            got = b""
            while b"\n\n" not in got and (piece := server.recv(4096)):
                got += piece
    except TimeoutError as cause:
        why = f"no answer within {timeout:g} seconds"
        raise Unproven(f"postgrey ({service}) does not answer: {why}") from cause
    except (OSError, ValueError) as cause:
        why = getattr(cause, "strerror", None) or str(cause)
        where = service or "nowhere"
        raise Unproven(f"postgrey ({where}) does not answer: {why}") from cause
    if not (action := ACTION.match(got)):
        raise Unproven(f"postgrey ({service}) answers {got[:80]!r}")
    return action[1].decode("utf-8", "replace")


def connected(service: str, timeout: float, root: Path) -> socket.socket:
    """A connection to it. Raises OSError, and ValueError for what names no port."""
    kind, _, place = service.partition(":")
    if kind != "unix":
        host, _, port = place.rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), timeout)
    made = socket.socket(socket.AF_UNIX)
    try:
        made.settimeout(timeout)
        made.connect(str(root / place))
    except OSError:
        made.close()
        raise
    return made
