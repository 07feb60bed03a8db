"""A checkpoint: a readable directory from which the state before can be restored.

    checkpoints/000012/
        manifest.json    which files, with mode, owner and both digests
        main.cf …        the bytes as they were
        outcome          written last: how the change ended

It is registered before the first byte is changed and needs no database. One
without an `outcome` is a change that was killed: `recover` undoes it.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from postfixconf.errors import FileFailed, HostError
from postfixconf.host import files

__all__ = ["Checkpoint", "HandEdited", "Kept", "checkpoints", "save"]

KEPT = 20  # checkpoints; older ones are removed


class HandEdited(HostError):
    """A file holds neither the old nor the new bytes: somebody else wrote it."""


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
    """A checkpoint on the disk."""

    directory: Path

    @property
    def number(self) -> int:
        """The revision it was made for."""
        return int(self.directory.name)

    @property
    def outcome(self) -> str | None:
        """How the change ended; None while it is open."""
        path = self.directory / "outcome"
        return path.read_text().strip() if path.exists() else None

    def kept(self) -> list[Kept]:
        """The files it holds."""
        manifest = json.loads((self.directory / "manifest.json").read_text())
        return [Kept(**each) for each in manifest["files"]]

    def restore(self) -> None:
        """Put every file back that the change wrote, main.cf first.

        Raises HandEdited, before anything is touched, where a file holds what
        neither we nor the state before put there; FileFailed.
        """
        kept = self.kept()
        live = {each.path: _digest(Path(each.path)) for each in kept}
        for each in kept:
            if live[each.path] not in (each.before, each.after):
                raise HandEdited(f"{each.path} was edited while a change was open")
        for each in reversed(kept):
            if live[each.path] == each.before:
                continue
            if each.before is None:
                Path(each.path).unlink(missing_ok=True)
                continue
            data = (self.directory / each.copy).read_bytes()
            files.replace(
                files.Saved(Path(each.path), data, each.mode, each.uid, each.gid)
            )

    def close(self, outcome: str) -> None:
        """Record how the change ended; from now on nothing is undone."""
        _write(self.directory / "outcome", (outcome + "\n").encode())


def save(room: Path, number: int, staged: Sequence[files.Staged]) -> Checkpoint:
    """Save the present state of the files that `staged` will replace, in order.

    Raises FileFailed; nothing has been touched.
    """
    directory = room / f"{number:06d}"
    building = room / f".{number:06d}{files.TEMPORARY}"
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True, mode=0o700)
        kept = [_keep(building, each) for each in staged]
        manifest = {"number": number, "files": [asdict(each) for each in kept]}
        _write(building / "manifest.json", json.dumps(manifest, indent=2).encode())
        building.rename(directory)
        files.sync_directory(room)
    except OSError as cause:
        shutil.rmtree(building, ignore_errors=True)
        raise FileFailed(str(directory), cause) from cause
    for old in sorted(checkpoints(room), key=lambda each: each.number)[:-KEPT]:
        if old.outcome is not None:
            shutil.rmtree(old.directory, ignore_errors=True)
    return Checkpoint(directory)


def checkpoints(room: Path) -> Iterator[Checkpoint]:
    """Every complete checkpoint in `room`."""
    for directory in room.glob("[0-9]*"):
        if (directory / "manifest.json").exists():
            yield Checkpoint(directory)


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
