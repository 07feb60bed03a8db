"""What stands beside a throw-away Postfix: its log, and somebody to sign in with.

Postfix sends each log line to a socket on which its own log daemon would listen; we
listen there ourselves, so a line is here before the reply that it belongs to. A stub
of Dovecot's authentication socket offers PLAIN, which is enough for a client that has
signed in already (XCLIENT LOGIN).
"""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

from postfixconf.errors import FileFailed, Unproven
from postfixconf.host.rehearsal.staging import SASL

__all__ = ["Attendant", "attending"]

LONGEST = 65536  # bytes of a log line
WAIT = 5.0  # seconds until our own line has come back
HELLO = (
    b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
    b"COOKIE\t00000000000000000000000000000000\nDONE\n"
)


class Attendant:
    """Collects log lines, each as Postfix wrote it, without its end."""

    def __init__(self, log: socket.socket, sasl: socket.socket) -> None:
        self.lines: list[bytes] = []
        self._where = log.getsockname()
        self._marks: dict[bytes, Event] = {}
        self._ended, self._end = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(log, selectors.EVENT_READ, self._line)
        self._selector.register(sasl, selectors.EVENT_READ, self._greet)
        self._selector.register(self._ended, selectors.EVENT_READ, None)
        self._people: list[socket.socket] = []
        self._thread = Thread(target=self._attend, daemon=True)
        self._thread.start()

    def texts(self) -> list[str]:
        """The lines as text."""
        return [each.decode("utf-8", "replace") for each in self.lines]

    def caught_up(self) -> None:
        """Return when every line sent before is among `lines`. Raises Unproven."""
        mark = uuid4().bytes
        self._marks[mark] = Event()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(mark, self._where)
        came = self._marks[mark].wait(WAIT)
        del self._marks[mark]
        if not came:
            raise Unproven("the log of the rehearsal does not come")

    def close(self) -> None:
        """Stop listening."""
        self._end.close()
        self._thread.join()
        for each in self._people:
            each.close()
        self._ended.close()
        self._selector.close()

    def _attend(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data(key.fileobj)

    def _line(self, log: socket.socket) -> None:
        line = log.recv(LONGEST)
        if event := self._marks.get(line):
            event.set()
        else:
            self.lines.append(line.rstrip(b"\n"))

    def _greet(self, sasl: socket.socket) -> None:
        person, _ = sasl.accept()
        person.sendall(HELLO)
        self._people.append(person)  # Postfix keeps the connection


@contextmanager
def attending(queue: Path) -> Iterator[Attendant]:
    """Listen in a queue that has `public` and `private`. Raises FileFailed."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log,
        socket.socket(socket.AF_UNIX) as sasl,
    ):
        try:
            for each, name in ((log, "public/postlog"), (sasl, SASL)):
                each.bind(str(queue / name))
                (queue / name).chmod(0o666)
            sasl.listen()
        except OSError as cause:
            raise FileFailed(str(queue), cause) from cause
        attendant = Attendant(log, sasl)
        try:
            yield attendant
        finally:
            attendant.close()
