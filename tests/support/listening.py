"""Somebody who listens where a server's other services would, and counts who comes."""

import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

__all__ = ["Ears", "listening"]


MARK = b"all who came before are counted"
TIMEOUT = 5.0  # seconds


class Ears:
    """What came to each address: connections, and every octet."""

    def __init__(self) -> None:
        self.octets: Counter[str] = Counter()
        self._connections: Counter[str] = Counter()
        self._marks: dict[str, Event] = {}

    def connections(self) -> Counter[str]:
        """Who came, by address; one that still waits in a queue is counted as well."""
        for name, mark in self._marks.items():
            mark.clear()
            with connection_to(name) as connected:
                connected.sendall(MARK)
            assert mark.wait(TIMEOUT)
        return self._connections

    def attend(self, name: str, listener: socket.socket) -> None:
        """Count until the listener is closed."""
        self._marks[name] = Event()
        with suppress(OSError):
            while True:
                person, _ = listener.accept()
                with person:
                    person.settimeout(TIMEOUT)
                    said = b"".join(iter(lambda: person.recv(4096), b""))  # noqa: B023
                if said == MARK:
                    self._marks[name].set()
                else:
                    self._connections[name] += 1
                    self.octets[name] += len(said)


@contextmanager
def listening(addresses: Iterable[str]) -> Iterator[Ears]:
    """Listen at `127.0.0.1:25`, `[::1]:25`, or the path of a UNIX socket."""
    ears = Ears()
    with ExitStack() as stack:
        threads = []
        for name in addresses:
            listener = stack.enter_context(listener_at(name))
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            threads.append(Thread(target=ears.attend, args=(name, listener)))
            threads[-1].start()
        try:
            yield ears
        finally:
            stack.close()
            for thread in threads:
                thread.join()


def connection_to(name: str) -> socket.socket:
    """A connection to somebody who listens."""
    if name.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.connect(name)
        return made
    host, _, port = name.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), TIMEOUT)


def listener_at(name: str) -> socket.socket:
    """A listening socket; one that is a file may be used by everybody."""
    if name.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(name)
        Path(name).chmod(0o666)
        made.listen()
        return made
    host, _, port = name.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    return socket.create_server((host.strip("[]"), int(port)), family=family)
