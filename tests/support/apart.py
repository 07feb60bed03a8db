"""A network of one test's own, with a way back: for packet filters and taken ports.

It has loopback and `eth0`, by which the default route goes out to a stranger with a
network of his own. What a test starts in it stays in it.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Stranger", "apart", "iptables", "nft", "own_ufw"]

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
OURS, HIS = "9.8.7.1", "9.8.7.2"  # nobody's network is as good as any
UFW = ("/etc/ufw", "/etc/default")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Stranger:
    """Somebody on the other side of `eth0`, by his network and ours."""

    his: int
    ours: int

    def reaches(self, port: int) -> bool:
        """Whether his connection to a port of ours is let in; somebody listens."""
        with socket.create_server((OURS, port)):
            _enter(self.his)
            try:
                socket.create_connection((OURS, port), timeout=0.4).close()
            except OSError:
                return False
            finally:
                _enter(self.ours)
            return True


@contextmanager
def apart() -> Iterator[Stranger]:
    """Move this thread, and what it starts, into a new network; and back."""
    before, his = _here(), _new()
    ours = _new()
    try:
        _ip("link set lo up")
        far = f"/proc/{os.getpid()}/fd/{his}"
        _ip(f"link add eth0 type veth peer name far netns {far}")
        _enter(his)
        _up("far", HIS)
        _enter(ours)
        _up("eth0", OURS)
        _ip(f"route add default via {HIS}")
        yield Stranger(his, ours)
    finally:
        _enter(before)
        for each in (before, his, ours):
            os.close(each)


def _up(interface: str, address: str) -> None:
    _ip(f"addr add {address}/24 dev {interface}")
    _ip(f"link set {interface} up")


def _here() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _new() -> int:
    _check(_libc.unshare(CLONE_NEWNET))
    return _here()


def _enter(network: int) -> None:
    _check(_libc.setns(network, CLONE_NEWNET))


def nft(rules: str) -> None:
    """Load a ruleset."""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True, timeout=20)


def iptables(program: str, *lines: str) -> None:
    """Add rules, by one of iptables' programs."""
    for line in lines:
        subprocess.run([program, *line.split()], check=True, timeout=20)


@contextmanager
def own_ufw() -> Iterator[None]:
    """Let ufw write into copies of its files, which only this process sees."""
    with tempfile.TemporaryDirectory(prefix="mailguard-") as room:
        for path in map(Path, UFW):
            copy = shutil.copytree(path, Path(room, path.name), symlinks=True)
            subprocess.run(["mount", "--bind", str(copy), str(path)], check=True)
        try:
            yield
        finally:
            for covered in UFW:
                subprocess.run(["umount", "--lazy", covered], check=True)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, timeout=10)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
