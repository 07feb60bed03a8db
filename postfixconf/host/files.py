"""Whole files, replaced whole: temporary file beside, sync, rename, sync.

Links are followed, mode and owner are kept. Extended attributes and ACLs are
not carried over, and a hard link to the old file keeps the old content.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import FileFailed, Locked

__all__ = [
    "Saved",
    "Staged",
    "locked",
    "read",
    "replace",
    "stage",
    "sweep",
    "sync_directory",
]

TEMPORARY = ".mailguard-new"
# A Postfix program that reads a main.cf younger than about a second sleeps
# until it is older (seen on 3.7.11). A file put in place by rename is complete,
# so it may look older than it is.
SETTLED = 5.0  # seconds


@dataclass(frozen=True)
class Saved:
    """One file as it stood: its real path, bytes, permission bits and owner."""

    path: Path
    data: bytes
    mode: int
    uid: int
    gid: int

    @property
    def text(self) -> str:
        """The bytes as text; odd bytes become lone surrogates and come back."""
        return self.data.decode("utf-8", "surrogateescape")


def read(path: Path) -> Saved:
    """The file at `path`, links followed. Raises FileFailed."""
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    return Saved(real, data, status.st_mode & 0o7777, status.st_uid, status.st_gid)


@dataclass(frozen=True)
class Staged:
    """A whole new file, on the disk beside the one it will replace.

    Of one that is `secret` no copy may be kept in the clear.
    """

    temporary: Path
    target: Path
    secret: bool = False

    def install(self) -> None:
        """Rename into place: before it the old file stands, after it the new one.

        Quietly nothing where that is done already. Raises FileFailed.
        """
        try:
            if not self.temporary.exists():
                return
            self.temporary.replace(self.target)
            sync_directory(self.target.parent)
        except OSError as cause:
            raise FileFailed(str(self.target), cause) from cause

    def drop(self) -> None:
        """Remove it, unless it was installed."""
        self.temporary.unlink(missing_ok=True)


def replace(saved: Saved) -> None:
    """Make `saved.path` hold exactly `saved`, at every moment old or new.

    Raises FileFailed; the old file then still stands.
    """
    stage(saved).install()


def stage(saved: Saved) -> Staged:
    """Write `saved` beside its place, to the disk, ready to be renamed.

    Raises FileFailed (a full disk, a read-only directory), leaving nothing.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{saved.path.name}.", suffix=TEMPORARY, dir=saved.path.parent
        )
        with os.fdopen(handle, "wb") as file:
            file.write(saved.data)
            file.flush()
            os.fchown(handle, saved.uid, saved.gid)
            os.fchmod(handle, saved.mode)
            settled = time.time() - SETTLED
            os.utime(handle, (settled, settled))
            os.fsync(handle)
    except OSError as cause:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileFailed(str(saved.path), cause) from cause
    return Staged(Path(temporary), saved.path)


def sync_directory(directory: Path) -> None:
    """Put the directory's own entries on the disk, so that a rename lasts."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(directory: Path) -> None:
    """Remove temporary files that a killed writer left in `directory`."""
    for left in directory.glob(f".*{TEMPORARY}"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with suppress(OSError):
                left.unlink(missing_ok=True)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold `directory` for one apply; free at once when the process dies.

    Raises Locked when somebody else holds it, FileFailed when it is not there.
    """
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as cause:
        raise FileFailed(str(directory), cause) from cause
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise Locked(f"another apply is at work in {directory}") from cause
        yield
    finally:
        os.close(handle)
