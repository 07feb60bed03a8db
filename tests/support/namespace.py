"""A network of our own, so that a test can neither reach nor disturb the machine's.

Entering moves the calling thread, and every thread and process it starts from then
on, into a network namespace that holds nothing but a loopback interface, and into a
mount namespace where names are resolved by the DNS server on 127.0.0.1 (see
``tests.support.dns``). Each pytest-xdist worker is a process, so each has its own
ports 25, 53 and 2525, and a real Postfix can listen on all of them at once.

What this does not handle: threads that were already running stay where they were;
sockets that are files (a system bus, nscd) are still the machine's; users, processes
and the host name are shared. There is no way back out: a process leaves by ending.
"""

import ctypes
import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["enter"]

CLONE_NEWNS = 0x00020000  # <linux/sched.h>
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000  # <linux/mount.h>
MS_REC = 0x4000
MS_PRIVATE = 0x40000

# "search ." keeps the resolver from appending the domain of the machine's own name.
# Without nsswitch.conf, nss-resolve would ask systemd-resolved through its socket,
# which no network namespace stands in the way of.
FILES = {
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/resolv.conf": (
        "nameserver 127.0.0.1\nsearch .\noptions timeout:1 attempts:1\n"
    ),
}

_libc = ctypes.CDLL(None, use_errno=True)


@cache
def enter() -> None:
    """Enter a network and a mount namespace of our own; a second call does nothing.

    Raises PermissionError unless run by root, and OSError or CalledProcessError
    when the kernel refuses, as it does in a container without CAP_SYS_ADMIN.
    """
    if os.geteuid() != 0:
        raise PermissionError(
            "The tests run a real Postfix in a network namespace of its own, "
            "and only root may make one: run pytest as root."
        )
    _check("unshare", _libc.unshare(CLONE_NEWNET | CLONE_NEWNS))
    _mount("none", "/", MS_REC | MS_PRIVATE)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
    _cover_files()


def _cover_files() -> None:
    """Put our files over the machine's, from a file system that only we can see.

    A bind mount keeps that file system, so its own mount and its directory can go
    at once, and nothing is left behind however the process ends. (Files that are
    merely deleted could not be covered again by a child that enters too.)
    """
    with tempfile.TemporaryDirectory(prefix="mailguard-") as directory:
        _mount("tmpfs", directory, kind="tmpfs")
        try:
            for path, text in FILES.items():
                source = Path(directory, Path(path).name)
                source.write_text(text)
                source.chmod(0o644)  # whatever the umask: Postfix is another user
                # Not the symlink is covered, but the file it stands for
                _mount(str(source), str(Path(path).resolve(strict=True)), MS_BIND)
        finally:
            _check("umount", _libc.umount2(os.fsencode(directory), 0))


def _mount(source: str, target: str, flags: int = 0, kind: str = "none") -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        os.fsencode(kind),
        ctypes.c_ulong(flags),
        None,
    )
    _check(f"mount {target}", result)


def _check(action: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{action}: {os.strerror(number)}")
