"""Asking the live Postfix, as any client, through its private probe service.

The conversation stops at RCPT: no message is sent.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from postfixconf.errors import Unproven

__all__ = ["NAME", "Probe", "Reply", "Session", "ask", "session"]

NAME = "mailguard-probe.invalid"
UNAVAILABLE = "[UNAVAILABLE]"
LISTEN = 0.1  # seconds between two looks at the alarm
TIMEOUT = 30.0  # seconds for one reply: a slow DNS is slow, not broken
# What a Postfix answers that cannot work: 4.3.5 is its own configuration, 4.3.0
# a table it cannot read, 421 an smtpd that gives up.
BROKEN = ("4.3.5", "4.3.0")

Alarm = Callable[[], list[str]]


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

    `named` are the client's verified and unverified host name; one word stands
    for both, none for no name at all.
    """

    address: str
    sender: str
    recipient: str
    helo: str = NAME
    named: tuple[str, ...] = (NAME,)


class Session:
    """An SMTP conversation over a connected socket.

    Raises Unproven when the other side hangs up or keeps silent.
    """

    def __init__(self, connected: socket.socket, alarm: Alarm) -> None:
        self._socket = connected
        self._socket.settimeout(LISTEN)
        self._alarm = alarm
        self._unread = b""
        self.banner = self._reply("the banner")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        names = probe.named or (UNAVAILABLE,)
        name, reverse = xtext(names[0]), xtext(names[-1])
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
        lines = [self._line(after)]
        while lines[-1][3:4] == "-":
            lines.append(self._line(after))
        texts = [line[4:] for line in lines]
        enhanced = texts[0].partition(" ")[0]
        return Reply(int(lines[-1][:3]), enhanced, " ".join(texts))

    def _line(self, after: str) -> str:
        """The next line, listening for the alarm while nothing comes."""
        end = time.monotonic() + TIMEOUT
        while b"\n" not in self._unread:
            try:
                read = self._socket.recv(4096)
            except TimeoutError as cause:
                if faults := self._alarm():
                    raise Unproven("; ".join(faults)) from cause
                if time.monotonic() > end:
                    reason = f"no answer to “{after}” within {TIMEOUT:g} seconds"
                    raise Unproven(reason) from cause
                continue
            except OSError as cause:
                raise Unproven(f"smtpd hung up at “{after}”") from cause
            if not read:
                raise Unproven(f"smtpd hung up at “{after}”")
            self._unread += read
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip()


def xtext(value: str) -> str:
    """RFC 3461 xtext, as XCLIENT wants its values."""
    return "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}"
        for char in value
    )


@contextmanager
def session(path: Path, alarm: Alarm = list) -> Iterator[Session]:
    """A conversation with the smtpd behind a UNIX socket. Raises Unproven.

    `alarm` is asked whenever smtpd is slow: what it returns ends the waiting, so
    that an smtpd that dies at every start is not waited for.
    """
    with socket.socket(socket.AF_UNIX) as connected:
        try:
            connected.connect(str(path))
        except OSError as cause:
            raise Unproven(f"the probe service does not answer: {cause}") from cause
        with Session(connected, alarm) as conversation:
            yield conversation


def ask(path: Path, probes: list[Probe], alarm: Alarm) -> list[Reply]:
    """The deciding reply to each probe, in order, in one conversation.

    `alarm` as for `session`. Raises Unproven where smtpd hangs up, keeps silent or
    does not listen.
    """
    with session(path, alarm) as conversation:
        if conversation.banner.code != 220:
            raise Unproven(f"smtpd greets with “{conversation.banner}”")
        conversation.command(f"EHLO {NAME}")
        return [conversation.envelope(probe) for probe in probes]
