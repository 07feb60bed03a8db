"""A place for rehearsals that nobody else uses, and what is left in it.

Call only after `tests.support.namespace.enter`: the mount is seen by this process and
its children alone.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postfixconf.host.rehearsal.room import BASE

__all__ = ["left", "mounted"]


@contextmanager
def mounted(options: str = "size=64m") -> Iterator[None]:
    """A file system of our own over the directory where rehearsals live."""
    BASE.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(BASE)]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(BASE)], check=True)


def left() -> list[str]:
    """What rehearsals left: files, listening sockets, processes."""
    found = [str(path) for path in BASE.iterdir() if path.name != "lock"]
    sockets = Path("/proc/net/unix").read_text().splitlines()
    found += [line for line in sockets if str(BASE) in line]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # A room of somebody outside has another name; it is not ours.
            environment = (process / "environ").read_bytes()
            if f"MAIL_CONFIG={BASE}".encode() in environment and inside(process):
                found.append((process / "cmdline").read_text())
    return found


def inside(process: Path) -> bool:
    """Whether a process lives in our mounts."""
    own = Path("/proc/self/ns/mnt").readlink()
    return (process / "ns" / "mnt").readlink() == own
