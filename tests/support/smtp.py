"""A small SMTP client for tests, which hides nothing and mends nothing.

Every command returns the server's reply as a value, refusals too; only a lost or a
silent connection is an exception. What goes over the wire is what the test wrote: no
HELO the test did not ask for, no QUIT at the end, no line ending mended in a body.

What this does not handle: TLS, authentication, and BDAT.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Client", "Reply", "attempt", "smtp", "xtext"]

PORT = 2525
STRANGER = "127.0.0.66"  # an address without a name, see tests.support.dns
HELO = "client.example"
TIMEOUT = 10.0  # seconds for each reply

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


@dataclass(frozen=True)
class Reply:
    """One reply; ``550 5.7.1 Access denied`` has the enhanced status ``5.7.1``.

    A reply of several lines has its texts joined with newlines, without the code
    and without the enhanced status that each line repeats.
    """

    code: int
    enhanced: str | None
    text: str

    @property
    def ok(self) -> bool:
        """Whether the server says yes: a code of the 2xx class."""
        return self.code // 100 == 2

    @classmethod
    def parse(cls, lines: list[str]) -> Self:
        """Read the lines of one reply, without their line endings."""
        texts = [line[4:] for line in lines]
        status = _ENHANCED.match(texts[0])
        enhanced = status[1] if status else None
        if status:
            texts = [text.removeprefix(status[1]).lstrip(" ") for text in texts]
        return cls(int(lines[0][:3]), enhanced, "\n".join(texts))


class Client:
    r"""One connection. Commands wait for their reply, ``raw`` and ``read`` do not.

    >>> with smtp(helo=None) as client:
    ...     client.raw(b"HELO too.early\r\nMAIL FROM:<>\r\n")
    ...     client.banner(), client.read(), client.read()
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self._banner: Reply | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._connection.close()

    @property
    def port(self) -> int:
        """Our own port of a TCP connection."""
        return int(self._connection.getsockname()[1])

    def banner(self) -> Reply:
        """The first thing the server said; waits for it the first time only."""
        return self._banner or self.read()

    def helo(self, name: str) -> Reply:
        return self.command(f"HELO {name}")

    def ehlo(self, name: str) -> Reply:
        return self.command(f"EHLO {name}")

    def mail(self, sender: str, *parameters: str) -> Reply:
        """MAIL FROM. Give the bare address, "" for a bounce; then e.g. "SIZE=99"."""
        return self.command(" ".join([f"MAIL FROM:<{sender}>", *parameters]))

    def rcpt(self, recipient: str, *parameters: str) -> Reply:
        return self.command(" ".join([f"RCPT TO:<{recipient}>", *parameters]))

    def data(self, message: bytes) -> Reply:
        """DATA and, unless that is refused, the message.

        Lines that begin with a dot get a second one, and the end is marked. Line
        endings stay as they are, a lone LF as well.
        """
        reply = self.command("DATA")
        if reply.code != 354:
            return reply
        end = b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n"
        self.raw(re.sub(rb"(?m)^\.", b"..", message) + end)
        return self.read()

    def rset(self) -> Reply:
        return self.command("RSET")

    def quit(self) -> Reply:
        return self.command("QUIT")

    def xclient(self, **attributes: str) -> Reply:
        """Take on another client's ADDR, NAME, HELO...; the session starts over.

        The server must allow it (smtpd_authorized_xclient_hosts), and wants a HELO
        after it. An IPv6 address is written "IPV6:2001:db8::1".
        """
        pairs = [f"{key.upper()}={xtext(value)}" for key, value in attributes.items()]
        return self.command(" ".join(["XCLIENT", *pairs]))

    def command(self, line: str) -> Reply:
        """Send one line, after the banner has come, and wait for the reply."""
        self.banner()
        self.raw(line.encode() + b"\r\n")
        return self.read()

    def raw(self, octets: bytes) -> None:
        """Send exactly this and wait for nothing, not even for the banner."""
        self._connection.sendall(octets)

    def read(self) -> Reply:
        """The next reply, which is the banner if that was not read before.

        Raises ConnectionError when the server hangs up, TimeoutError when it is
        silent.
        """
        lines = [self._line()]
        while lines[-1][3:4] == "-":
            lines.append(self._line())
        reply = Reply.parse(lines)
        self._banner = self._banner or reply
        return reply

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the server hung up in the middle of {line!r}")
        return line.rstrip(b"\r\n").decode()


@contextmanager
def smtp(
    host: str = "127.0.0.1",
    port: int = PORT,
    *,
    src: str | None = STRANGER,
    helo: str | None = HELO,
    timeout: float = TIMEOUT,
) -> Iterator[Client]:
    """Connect from ``src`` and say HELO; ``helo=None`` leaves that to the test.

    A host that begins with a slash is a UNIX socket, where port and src mean
    nothing. An IPv6 host wants an IPv6 src, or None. Leaving hangs up without QUIT.
    """
    with _connect(host, port, src, timeout) as connection, Client(connection) as client:
        if helo is not None and client.banner().ok:
            client.helo(helo)
        yield client


def attempt(
    sender: str,
    recipient: str,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    src: str | None = STRANGER,
    helo: str | None = HELO,
    timeout: float = TIMEOUT,
) -> Reply:
    """Try to send mail as far as RCPT: the first refusal, or the reply to RCPT."""
    with smtp(host, port, src=src, helo=None, timeout=timeout) as client:
        reply = client.banner()
        if reply.ok and helo is not None:
            reply = client.helo(helo)
        if reply.ok:
            reply = client.mail(sender)
        if reply.ok:
            reply = client.rcpt(recipient)
        with suppress(ConnectionError):  # a server that refused may be gone
            client.quit()
        return reply


def xtext(value: str) -> str:
    """Encode as RFC 3461 section 4 says: ``a+b`` is ``a+2Bb``."""
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}"
        for octet in value.encode()
    )


def _connect(host: str, port: int, src: str | None, timeout: float) -> socket.socket:
    if not host.startswith("/"):
        source = None if src is None else (src, 0)
        return socket.create_connection((host, port), timeout, source)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(host)
    except OSError:
        connection.close()
        raise
    return connection
