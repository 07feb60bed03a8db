"""Asking an smtpd on a private socket, as any client: XCLIENT, and an envelope.

The conversation stops at RCPT: no message is sent.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from postfixconf.errors import Unproven
from postfixconf.policy.probes import Probe

__all__ = [
    "NAME",
    "NO_AUTH",
    "Alarm",
    "Reply",
    "Session",
    "ask",
    "session",
    "under_tls",
    "unverified",
]

NAME = "mailguard-probe.invalid"
UNAVAILABLE = "[UNAVAILABLE]"
LISTEN = 0.1  # seconds between two looks at the alarm
TIMEOUT = 30.0  # seconds for one reply: a slow DNS is slow, not broken
# What a Postfix answers that cannot work: 4.3.5 is its own configuration, 4.3.0
# a table it cannot read, 421 an smtpd that gives up.
BROKEN = ("4.3.5", "4.3.0")

AUTH = re.compile(r"\bAUTH[ =]")

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


class Session:
    """An SMTP conversation over a connected socket.

    Raises Unproven when the other side hangs up or keeps silent.
    """

    def __init__(self, connected: socket.socket, alarm: Alarm) -> None:
        self._socket = connected
        self._socket.settimeout(LISTEN)
        self._alarm = alarm
        self._unread = b""
        self.offers_login = False
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
        return self.commands(line)[0]

    def commands(self, *lines: str) -> list[Reply]:
        """Send lines at once and read the reply to each."""
        text = "".join(f"{line}\r\n" for line in lines)
        try:
            self._socket.sendall(text.encode("utf-8", "surrogateescape"))
        except OSError as cause:
            raise Unproven(f"smtpd hung up before “{lines[0]}”") from cause
        return [self._reply(line) for line in lines]

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on under TLS; EHLO is to be said again. Raises Unproven."""
        reply = self.command("STARTTLS")
        if reply.code != 220:
            raise Unproven(f"STARTTLS: “{reply}”")
        self._socket = under_tls(self._socket, context, self._alarm)

    def envelope(self, probe: Probe, port: int = 0) -> Reply:
        """Become the probe's client and offer its envelope; the deciding reply.

        `port` is the client's, by which a log line is told from another. The envelope
        is sent at once, as RFC 2920 allows. A client that has signed in where nobody
        can gets NO_AUTH.
        """
        if probe.sasl_username and not self.offers_login:
            return NO_AUTH
        greeted = self._become(probe, port)
        if greeted.code >= 400:
            return greeted
        mail, rcpt, _ = self.commands(*lines_of(probe, greeted), "RSET")
        return mail if mail.code >= 400 else rcpt

    def message(self, probe: Probe) -> Reply:
        """The same with an empty message after it: the last reply before the end.

        Only where the message goes nowhere.
        """
        reply = self._become(probe, 0)
        for line in (*lines_of(probe, reply), "DATA"):
            if reply.code < 400:
                reply = self.command(line)
        if reply.code == 354:
            reply = self.command("\r\n.")
        self.command("RSET")
        return reply

    def _become(self, probe: Probe, port: int) -> Reply:
        """Be the probe's client, and greet; the reply to that."""
        reply = self.command(xclient(probe, port, login=self.offers_login))
        return self.command(f"EHLO {probe.helo}") if reply.code < 400 else reply

    def greet(self) -> None:
        """Say EHLO; what is offered is known then. Raises Unproven."""
        if self.banner.code != 220:
            raise Unproven(f"smtpd greets with “{self.banner}”")
        said = self.command(f"EHLO {NAME}").text
        # XCLIENT offers LOGIN everywhere; it counts only where AUTH is (on 3.7.11).
        offered = AUTH.search(said) is not None
        self.offers_login = offered and " LOGIN" in said.partition("XCLIENT")[2]

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


NO_AUTH = Reply(503, "5.5.1", "5.5.1 AUTH is not offered here")


def unverified() -> ssl.SSLContext:
    """TLS with whoever is there: a certificate made by oneself encrypts as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def under_tls(
    connected: socket.socket, context: ssl.SSLContext, alarm: Alarm
) -> ssl.SSLSocket:
    """The same connection under TLS, listening for the alarm. Raises Unproven."""
    wrapped = context.wrap_socket(connected, do_handshake_on_connect=False)
    wrapped.settimeout(LISTEN)
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            wrapped.do_handshake()
            return wrapped
        except TimeoutError as cause:
            faults = alarm()
            if faults or time.monotonic() > end:
                wrapped.close()
                said = "; ".join(faults) or f"nothing came within {TIMEOUT:g} seconds"
                raise Unproven(f"TLS does not come about: {said}") from cause
        except OSError as cause:
            wrapped.close()
            raise Unproven(f"TLS does not come about: {cause}") from cause


def lines_of(probe: Probe, greeted: Reply) -> tuple[str, str]:
    """MAIL and RCPT, in the letters that were offered with the greeting."""
    plain = f"{probe.sender}{probe.recipient}".isascii()
    wide = " SMTPUTF8" if not plain and "SMTPUTF8" in greeted.text else ""
    return f"MAIL FROM:<{probe.sender}>{wide}", f"RCPT TO:<{probe.recipient}>"


def xclient(probe: Probe, port: int, *, login: bool) -> str:
    """The command that makes a conversation the probe's client's."""
    address, name = probe.client_address, probe.client_name
    values = {
        "NAME": xtext(name) if name else UNAVAILABLE,
        "REVERSE_NAME": xtext(probe.reverse) if probe.reverse else UNAVAILABLE,
        "ADDR": f"IPV6:{address}" if ":" in address else address,
        "PORT": str(port) if port else UNAVAILABLE,
    }
    if login:
        user = probe.sasl_username
        values["LOGIN"] = xtext(user) if user else UNAVAILABLE
    return "XCLIENT " + " ".join(f"{key}={value}" for key, value in values.items())


def xtext(value: str) -> str:
    """RFC 3461 xtext, as XCLIENT wants its values."""
    return "".join(
        chr(byte) if 33 <= byte <= 126 and byte not in b"+=" else f"+{byte:02X}"
        for byte in value.encode("utf-8", "surrogateescape")
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


def ask(path: Path, probes: Iterable[Probe], alarm: Alarm) -> list[Reply]:
    """The deciding reply to each probe, in order, in one conversation.

    `alarm` as for `session`. Raises Unproven where smtpd hangs up, keeps silent or
    does not listen.
    """
    with session(path, alarm) as conversation:
        conversation.greet()
        return [conversation.envelope(probe) for probe in probes]
