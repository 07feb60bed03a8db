"""A checkpoint: a readable directory from which the state before can be restored.

    checkpoints/000012-4f1d0c…/     the revision's number and its plan's digest
        manifest.json               which files, with mode, owner and both digests
        main.cf …                   the bytes as they were
        outcome                     how the change ended; blank while it is open

It is registered before the first byte is changed and needs no database. An open
one is a change that was killed: `recover` undoes it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from postfixconf.errors import FileFailed, HandEdited
from postfixconf.host import files

__all__ = ["Checkpoint", "Kept", "checkpoints", "name_of", "save"]

KEPT = 20  # checkpoints; older ones are removed
# Room for the outcome is taken beforehand: closing must work on a full disk.
RESERVED = 2048  # bytes


@dataclass(frozen=True)
class Kept:
    """One file in a checkpoint; `before` is None where it did not exist."""

    path: str
    copy: str
    before: str | None
    after: str | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on the disk. Every method raises FileFailed."""

    directory: Path

    @property
    def number(self) -> int:
        """The revision it was made for."""
        return int(self.directory.name.partition("-")[0])

    @property
    def outcome(self) -> str | None:
        """How the change ended; None while it is open, or where there is none."""
        with failing(self.directory):
            path = self.directory / "outcome"
            return (path.read_text().strip() or None) if path.exists() else None

    def kept(self) -> list[Kept]:
        """The files it holds."""
        with failing(self.directory):
            manifest = json.loads((self.directory / "manifest.json").read_text())
            return [Kept(**each) for each in manifest["files"]]

    def restore(self) -> None:
        """Put every file back that the change wrote, main.cf first.

        Raises HandEdited, before anything is touched, where a file holds what
        neither we nor the state before put there.
        """
        kept = self.kept()
        with failing(self.directory):
            live = {each.path: _digest(Path(each.path)) for each in kept}
        for each in kept:
            if live[each.path] not in (each.before, each.after):
                raise HandEdited(f"{each.path} was edited while a change was open")
        for each in reversed(kept):
            if live[each.path] != each.before:
                self._put_back(each)

    def close(self, outcome: str) -> None:
        """Record how the change ended; from now on nothing is undone."""
        line = outcome.encode("utf-8", "replace")[: RESERVED - 1] + b"\n"
        with failing(self.directory):
            handle = os.open(self.directory / "outcome", os.O_WRONLY)
            try:
                os.pwrite(handle, line, 0)
                os.fsync(handle)
            finally:
                os.close(handle)

    def _put_back(self, each: Kept) -> None:
        path = Path(each.path)
        with failing(self.directory):
            if each.before is None:
                path.unlink(missing_ok=True)
                return
            data = (self.directory / each.copy).read_bytes()
        files.replace(files.Saved(path, data, each.mode, each.uid, each.gid))


def name_of(number: int, digest: str) -> str:
    """The directory name of a revision's checkpoint; `digest` is its plan's."""
    return f"{number:06d}-{digest[:12]}"


def save(
    room: Path, number: int, digest: str, staged: Sequence[files.Staged]
) -> Checkpoint:
    """Save the present state of the files that `staged` will replace, in order.

    Raises FileFailed; nothing has been touched.
    """
    directory = room / name_of(number, digest)
    building = room / f".{directory.name}{files.TEMPORARY}"
    with failing(directory):
        for left in (building, directory):
            shutil.rmtree(left, ignore_errors=True)
        building.mkdir(parents=True, mode=0o700)
        kept = [_keep(building, each) for each in staged]
        manifest = {"number": number, "files": [asdict(each) for each in kept]}
        _write(building / "manifest.json", json.dumps(manifest, indent=2).encode())
        _write(building / "outcome", b" " * RESERVED)
        building.rename(directory)
        files.sync_directory(room)
    for old in sorted(checkpoints(room), key=lambda each: each.number)[:-KEPT]:
        if old.outcome is not None:
            shutil.rmtree(old.directory, ignore_errors=True)
    return Checkpoint(directory)


def checkpoints(room: Path) -> Iterator[Checkpoint]:
    """Every complete checkpoint in `room`."""
    for directory in room.glob("[0-9]" * 6 + "-*"):
        if (directory / "manifest.json").exists():
            yield Checkpoint(directory)


@contextmanager
def failing(path: Path) -> Iterator[None]:
    """Turn what a disk can do to us into FileFailed."""
    try:
        yield
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    except (ValueError, KeyError, TypeError) as cause:
        raise FileFailed(str(path), OSError(f"is damaged: {cause}")) from cause


def _keep(room: Path, staged: files.Staged) -> Kept:
    path, after = staged.target, _digest(staged.temporary)
    if not path.exists():
        return Kept(str(path), path.name, None, after)
    old = files.read(path)
    _write(room / path.name, old.data)
    before = hashlib.sha256(old.data).hexdigest()
    return Kept(str(old.path), path.name, before, after, old.mode, old.uid, old.gid)


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def _write(path: Path, data: bytes) -> None:
    files.replace(files.Saved(path, data, 0o600, 0, 0))
