"""The directory of a throw-away Postfix: made, and gone whatever happens.

Each lives in /run/mailguard-rehearsals, which root alone may write, and is locked by
the process that made it. One whose lock is free was left by a process that was
killed: whoever makes the next one ends what still runs in it and removes it.
"""

import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from postfixconf.errors import FileFailed

__all__ = ["BASE", "furnish", "room", "sweep"]

BASE = Path("/run/mailguard-rehearsals")
LOCK = "lock"
# Directories of the queue that a rehearsal needs: owner, group and mode as in
# postfix-files(5).
QUEUE = {
    "incoming": ("postfix", "root", 0o700),
    "pid": ("root", "root", 0o755),
    "private": ("postfix", "root", 0o700),
    "public": ("postfix", "postdrop", 0o710),
}
NEEDED = 1_000_000  # bytes that have to be free: else Postfix fails, not the change
LARGEST = 1_000_000  # bytes of a file that is copied into the chroot
DYING = 2.0  # seconds until a killed process is gone


@contextmanager
def room(base: Path = BASE) -> Iterator[Path]:
    """An empty directory with room in it, gone afterwards. Raises FileFailed."""
    try:
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (base / LOCK).open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            _sweep(base)
            made = Path(tempfile.mkdtemp(prefix="", dir=base))
            made.chmod(0o755)
            held = (made / LOCK).open("w")
            fcntl.flock(held, fcntl.LOCK_EX)
    except OSError as cause:
        raise FileFailed(str(base), cause) from cause
    try:
        try:
            os.posix_fallocate(held.fileno(), 0, NEEDED)
            held.truncate(0)
        except OSError as cause:
            raise FileFailed(str(base), cause) from cause
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        held.close()


def sweep(base: Path = BASE) -> None:
    """Remove what killed processes left. Raises FileFailed."""
    if not base.is_dir():
        return
    try:
        with (base / LOCK).open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            _sweep(base)
    except OSError as cause:
        raise FileFailed(str(base), cause) from cause


def _sweep(base: Path) -> None:
    """The same, by who holds the gate."""
    for left in base.iterdir():
        if not left.is_dir():
            continue
        # One without a lock was half made, or half removed, when its process ended.
        with (
            suppress(FileNotFoundError, BlockingIOError),
            (left / LOCK).open("a") as held,
        ):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _end_all(left)
            shutil.rmtree(left, ignore_errors=True)


def _end_all(left: Path) -> None:
    """Kill every process whose Postfix lives in this directory, and wait for it."""
    end = time.monotonic() + DYING
    while (found := _living(left)) and time.monotonic() < end:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _living(left: Path) -> list[int]:
    wanted = f"MAIL_CONFIG={left}/etc".encode()
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                found.append(int(directory.name))
    return found


def furnish(
    where: Path, live: Path, live_queue: Path, exchanged: Mapping[Path, Path]
) -> None:
    """Make the queue, the chroot's files, and links to what `live` holds.

    `exchanged` are the files that a change writes: where they would stand, and where
    they are now. Raises FileFailed.
    """
    try:
        (where / "data").mkdir()
        shutil.chown(where / "data", "postfix", "postfix")
        (where / "queue").mkdir(mode=0o755)
        for name, (owner, group, mode) in QUEUE.items():
            made = where / "queue" / name
            made.mkdir()
            shutil.chown(made, owner, group)
            made.chmod(mode)
        _copy_chroot(live_queue / "etc", where / "queue" / "etc")
        _link(live, where / "etc", live, dict(exchanged))
    except (OSError, LookupError) as cause:
        failed = cause if isinstance(cause, OSError) else OSError(str(cause))
        raise FileFailed(str(where), failed) from cause


def _copy_chroot(source: Path, target: Path) -> None:
    """What a chrooted smtpd reads: resolv.conf and its like."""
    target.mkdir(mode=0o755)
    if source.is_dir():
        for each in source.iterdir():
            if each.is_file() and each.stat().st_size < LARGEST:
                shutil.copyfile(each, target / each.name)


def _link(source: Path, target: Path, live: Path, exchanged: dict[Path, Path]) -> None:
    """A directory of links to the files of `source`, the exchanged ones first."""
    target.mkdir(mode=0o755)
    inside = {path for path in exchanged if source in path.parents}
    here = {path.name for path in inside if path.parent == source}
    rooms = {path.relative_to(source).parts[0] for path in inside} - here
    names = {each.name for each in source.iterdir()} if source.is_dir() else set()
    for name in sorted(names | here | rooms):
        path = source / name
        if name in rooms:
            _link(path, target / name, live, exchanged)
        elif source != live or name not in ("main.cf", "master.cf"):
            real = exchanged.get(path) or exchanged.get(path.resolve()) or path
            (target / name).symlink_to(real)
