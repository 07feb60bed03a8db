"""A network of one test's own, with a way back: for packet filters and taken ports.

It has loopback and `eth0`, by which the default route goes out; nobody is there. What a
test starts in it stays in it.
"""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["apart", "iptables", "nft", "own_ufw"]

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
UFW = ("/etc/ufw", "/etc/default")
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def apart() -> Iterator[None]:
    """Move this thread, and what it starts, into a new network; and back."""
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        for words in (
            *("link set lo up", "link add eth0 type veth peer name far"),
            *("link set far up", "link set eth0 up", "addr add 192.0.2.10/24 dev eth0"),
            "route add default via 192.0.2.1",
        ):
            _ip(words)
        yield
    finally:
        _check(_libc.setns(back, CLONE_NEWNET))
        os.close(back)


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
