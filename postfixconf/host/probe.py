"""Asking the live Postfix, as any client, through its private probe service.

The conversation stops at RCPT: no message is sent. Probes greet as
`mailguard-probe.invalid`, by which they are left out of every count.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from postfixconf.errors import HostError

__all__ = ["NAME", "Probe", "Reply", "Session", "Unproven", "ask", "session"]

NAME = "mailguard-probe.invalid"
UNAVAILABLE = "[UNAVAILABLE]"
TIMEOUT = 30.0  # seconds for one reply: a slow DNS is slow, not broken
# What a Postfix answers that cannot work: 4.3.5 is its own configuration, 4.3.0
# a table it cannot read, 421 an smtpd that gives up.
BROKEN = ("4.3.5", "4.3.0")


class Unproven(HostError):
    """The live server does not work after the change, or relays for strangers."""


@dataclass(frozen=True)
class Reply:
    """One SMTP reply: its code, enhanced status code and text."""

    code: int
    enhanced: str
    text: str

    @property
    def broken(self) -> bool:
        """Whether it says that Postfix itself is at fault, not the message."""
        return self.code == 421 or (self.code == 451 and self.enhanced in BROKEN)

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(frozen=True)
class Probe:
    """One envelope with the identity of the client that sends it.

    `name` and `reverse_name` are the client's verified and unverified host
    names, None for none.
    """

    address: str
    sender: str
    recipient: str
    helo: str = NAME
    name: str | None = None
    reverse_name: str | None = None


class Session:
    """An SMTP conversation over a connected socket.

    Raises Unproven when the other side hangs up or keeps silent.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._file = connected.makefile("rb")
        self.banner = self._reply("the banner")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def command(self, line: str) -> Reply:
        """Send one line and read the reply."""
        try:
            self._socket.sendall(line.encode("utf-8", "surrogateescape") + b"\r\n")
        except OSError as cause:
            raise Unproven(f"smtpd hung up before “{line}”") from cause
        return self._reply(line)

    def envelope(self, probe: Probe) -> Reply:
        """Become the probe's client and offer its envelope; the deciding reply."""
        name = xtext(probe.name or UNAVAILABLE)
        reverse = xtext(probe.reverse_name or UNAVAILABLE)
        address = f"IPV6:{probe.address}" if ":" in probe.address else probe.address
        commands = (
            f"XCLIENT NAME={name} REVERSE_NAME={reverse} ADDR={address}",
            f"EHLO {probe.helo}",
            f"MAIL FROM:<{probe.sender}>",
            f"RCPT TO:<{probe.recipient}>",
        )
        self.command("RSET")
        for line in commands:
            reply = self.command(line)
            if reply.code >= 400:
                return reply
        return reply

    def _reply(self, after: str) -> Reply:
        lines = []
        while True:
            try:
                raw = self._file.readline(4096)
            except OSError as cause:
                reason = f"no answer to “{after}” within {TIMEOUT:g} seconds"
                raise Unproven(reason) from cause
            if not raw:
                raise Unproven(f"smtpd hung up at “{after}”")
            line = raw.decode("utf-8", "replace").rstrip()
            lines.append(line[4:])
            if line[3:4] != "-":
                break
        enhanced = lines[0].partition(" ")[0]
        return Reply(int(line[:3]), enhanced, " ".join(lines))


def xtext(value: str) -> str:
    """RFC 3461 xtext, as XCLIENT wants its values."""
    return "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}"
        for char in value
    )


@contextmanager
def session(path: Path) -> Iterator[Session]:
    """A conversation with the smtpd behind a UNIX socket. Raises Unproven."""
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(TIMEOUT)
        try:
            connected.connect(str(path))
        except OSError as cause:
            raise Unproven(f"the probe service does not answer: {cause}") from cause
        with Session(connected) as conversation:
            yield conversation


def ask(path: Path, probes: list[Probe]) -> list[Reply]:
    """The deciding reply to each probe, in order, in one conversation.

    Raises Unproven where smtpd hangs up, keeps silent or does not listen.
    """
    with session(path) as conversation:
        if conversation.banner.code != 220:
            raise Unproven(f"smtpd greets with “{conversation.banner}”")
        conversation.command(f"EHLO {NAME}")
        return [conversation.envelope(probe) for probe in probes]
