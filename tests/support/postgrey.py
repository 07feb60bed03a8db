"""Debian's postgrey, on a port, with its lines in a syslog of our own.

postgrey logs through the C library, to /dev/log and nowhere else. It gets a /dev of
its own, with the few devices that it needs and a socket that we read, in a mount
namespace that nobody else sees.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from tests.support.waiting import eventually

__all__ = ["PORT", "Postgrey", "serving"]

PORT = 10023
HOST = "mx"
DEVICES = ("null", "random", "urandom", "zero")


class Postgrey:
    """The running daemon: what it has logged, and its whitelist of clients."""

    def __init__(self, room: Path, log: socket.socket) -> None:
        self._room = room
        self._lines: list[bytes] = []
        self._log = log
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def lines(self) -> list[bytes]:
        """Its lines as a syslog daemon writes them, the oldest first."""
        return [*self._lines]

    @property
    def clients(self) -> Path:
        """Its first list of clients."""
        return self._room / "clients"

    def whitelist(self, line: str) -> None:
        """Add a line to its whitelist of clients, and have it read that."""
        with self.clients.open("a") as clients:
            clients.write(f"{line}\n")
        pid, before = int((self._room / "pid").read_text()), self._reloads()

        def reloaded() -> bool:
            # A signal that comes while it is busy may not be heard.
            os.kill(pid, signal.SIGHUP)
            time.sleep(0.5)
            return self._reloads() > before

        eventually(reloaded, 20)

    def _reloads(self) -> int:
        return sum(b"reloading whitelists" in each for each in self._lines)

    def stop(self) -> None:
        """Stop reading."""
        self._log.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._log.close()

    def _read(self) -> None:
        """`<22>Nov  2 08:01:02 postgrey[7]: …` becomes a line with a host."""
        while datagram := self._log.recv(65_536):
            line = datagram.partition(b">")[2].rstrip(b"\0\n")
            self._lines.append(line[:16] + HOST.encode() + b" " + line[16:])


@contextmanager
def serving(
    *options: str, clients: Sequence[str] = (), recipients: Sequence[str] = ()
) -> Iterator[Postgrey]:
    """postgrey with these whitelists and further options, ready to be asked."""
    room = Path(tempfile.mkdtemp(prefix="mailguard-", dir="/tmp"))
    room.chmod(0o755)
    try:
        (room / "clients").write_text("".join(f"{each}\n" for each in clients))
        (room / "recipients").write_text("".join(f"{each}\n" for each in recipients))
        (room / "db").mkdir()
        shutil.chown(room / "db", "postgrey", "postgrey")
        postgrey = Postgrey(room, _syslog(room))
        try:
            _start(room, options)
            eventually(_answers, 10)
            yield postgrey
        finally:
            _stop(room / "pid")
            postgrey.stop()
    finally:
        shutil.rmtree(room)


def _syslog(room: Path) -> socket.socket:
    """A directory that can be mounted over /dev, and its log."""
    (room / "dev").mkdir(mode=0o755)
    for device in DEVICES:
        (room / "dev" / device).touch()
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(room / "dev" / "log"))
    (room / "dev" / "log").chmod(0o666)
    return log


def _start(room: Path, options: Sequence[str]) -> None:
    """Start it as a daemon; this returns when the parent has."""
    mounts = [f"mount --bind /dev/{each} {room}/dev/{each}" for each in DEVICES]
    command = [
        *("postgrey", f"--inet=127.0.0.1:{PORT}", "--daemonize"),
        *(f"--pidfile={room}/pid", f"--dbdir={room}/db"),
        f"--whitelist-clients={room}/clients",
        f"--whitelist-recipients={room}/recipients",
        *options,
    ]
    steps = [*mounts, f"mount --bind {room}/dev /dev", f"exec {shlex.join(command)}"]
    script = ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]
    subprocess.run(script, check=True, timeout=20, stdin=subprocess.DEVNULL)


def _answers() -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
        return True
    return False


def _stop(pid_file: Path) -> None:
    """End it, and wait until its port is free."""
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    eventually(lambda: not _answers(), 10)
