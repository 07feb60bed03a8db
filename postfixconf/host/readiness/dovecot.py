"""Dovecot's authentication service, asked as smtpd asks it.

The protocol (Dovecot's auth-protocol, version 1): both sides say which version they
speak; the server names its mechanisms and ends with DONE. A sign-in is one AUTH line,
its answer OK, FAIL or CONT.
"""

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import HostError

__all__ = ["Hello", "Service", "greet", "sign_in"]

PATIENCE = 3.0  # seconds; smtpd waits for ten
SLOW = 8.0  # seconds for a sign-in: a wrong password is answered late
MOST = 16_384  # bytes of a greeting


@dataclass(frozen=True)
class Service:
    """Where smtpd looks for it.

    `path` is the socket as this machine sees it, None for `host` and `port`.
    """

    path: Path | None
    host: str = ""
    port: int = 0

    @classmethod
    def of(cls, value: str, queue_directory: Path, *, chroot: bool) -> "Service":
        """From `smtpd_sasl_path`. Raises ValueError for an impossible port.

        smtpd runs in the queue directory, and in a chroot it sees nothing above it.
        """
        kind, _, rest = value.partition(":")
        if kind == "inet":
            host, _, port = rest.rpartition(":")
            return cls(None, host.strip("[]") or "127.0.0.1", int(port))
        path = rest if kind in ("unix", "local") else value
        where = path.lstrip("/") if chroot else path
        return cls(queue_directory / where)

    def __str__(self) -> str:
        return str(self.path) if self.path else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Hello:
    """What the service says of itself: the mechanisms it offers, in capitals."""

    mechanisms: tuple[str, ...]


def greet(service: Service) -> Hello:
    """Say hello. Raises HostError where it is not there or is something else."""
    with connected(service, PATIENCE) as connection:
        return hello(connection)


def sign_in(service: Service, user: str, password: str) -> str:
    """Ask whether somebody may sign in: empty for yes, else why not.

    Raises HostError where there was no answer.
    """
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    with connected(service, SLOW) as connection:
        hello(connection)
        asked = f"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tsecured\tresp={plain}\n"
        send(connection, asked.encode())
        for line in lines(connection):
            word, *told = line.split("\t")
            if word == "OK":
                return ""
            if word in ("FAIL", "CONT"):
                known = dict(each.partition("=")[::2] for each in told[1:])
                trouble = "it had trouble of its own" if "temp" in known else ""
                return known.get("reason") or trouble or "it said no"
    raise HostError("Dovecot hung up without an answer")


def hello(connection: socket.socket) -> Hello:
    """The greeting of both sides."""
    send(connection, f"VERSION\t1\t1\nCPID\t{os.getpid()}\n".encode())
    found, known = [], False
    for line in lines(connection):
        word, *told = line.split("\t")
        if not known and word != "VERSION":
            break
        if word == "VERSION":
            if told[:1] != ["1"]:
                raise HostError(f"it speaks version {told[:1]} of Dovecot's protocol")
            known = True
        elif word == "MECH" and told:
            found.append(told[0].upper())
        elif word == "DONE":
            return Hello(tuple(found))
    raise HostError("what answers there does not speak Dovecot's protocol")


def send(connection: socket.socket, data: bytes) -> None:
    """Say something. Raises HostError; the words are not in it."""
    try:
        connection.sendall(data)
    except OSError as cause:
        raise HostError("it hung up") from cause


def lines(connection: socket.socket) -> Iterator[str]:
    """What it says, line by line, until it hangs up. Raises HostError."""
    unread, read = b"", 0
    while read < MOST:
        try:
            data = connection.recv(4096)
        except TimeoutError as cause:
            raise HostError("it keeps silent") from cause
        except OSError as cause:
            raise HostError(f"it hung up: {cause.strerror}") from cause
        if not data:
            return
        read += len(data)
        *whole, unread = (unread + data).split(b"\n")
        for each in whole:
            yield each.decode("utf-8", "replace")


@contextmanager
def connected(service: Service, seconds: float) -> Iterator[socket.socket]:
    """A connection to the service. Raises HostError."""
    with opened(service, seconds) as made:
        yield made


def opened(service: Service, seconds: float) -> socket.socket:
    """A socket that is connected to the service. Raises HostError."""
    host, path = (service.host, service.port), service.path
    try:
        if path is None:
            return socket.create_connection(host, seconds)
        made = socket.socket(socket.AF_UNIX)
        try:
            made.settimeout(seconds)
            made.connect(str(path))
        except BaseException:
            made.close()
            raise
    except OSError as cause:
        raise HostError(f"nobody answers there: {cause.strerror or cause}") from cause
    return made
