"""A checkpoint: a readable directory from which the state before can be restored.

    checkpoints/000012-4f1d0c…/     the revision's number and its plan's digest
        manifest.json               which files, with mode, owner and both digests
        main.cf …                   the bytes as they were
        services.json               what ran before, where the change needs any
        outcome                     how the change ended; blank while it is open

It is registered before the first byte is changed and needs no database. An open
one is a change that was killed: `recover` undoes it. A large table is told by its
size and time, and kept in the newest checkpoint only. A secret one is kept sealed:
whoever reads a checkpoint reads no key, and we can bring it back. Each is a copy, never
a second link: smtpd notices a new table by the old inode losing its last one.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from postfixconf.errors import FileFailed, HandEdited
from postfixconf.host import files
from postfixconf.host.seal import NO_SEAL, Seal

__all__ = ["Checkpoint", "Kept", "checkpoints", "name_of", "save"]

KEPT = 20  # checkpoints; older ones are removed
LARGE = 1_000_000  # bytes; from here on a file is told by its size and time
# Room for the outcome is taken beforehand: closing must work on a full disk.
RESERVED = 2048  # bytes
STANDING = "\nstanding: "  # what stands between the outcome and the digests


@dataclass(frozen=True)
class Kept:
    """One file in a checkpoint; `before` is None where it did not exist.

    The copy of one that is `sealed` only our seal can open.
    """

    path: str
    copy: str
    before: str | None
    after: str | None
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    sealed: bool = False


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on the disk. Every method raises FileFailed."""

    directory: Path
    seal: Seal = NO_SEAL

    @property
    def number(self) -> int:
        """The revision it was made for."""
        return int(self.directory.name.partition("-")[0])

    @property
    def outcome(self) -> str | None:
        """How the change ended; None while it is open, or where there is none."""
        return self._told()[0].strip() or None

    @property
    def standing(self) -> dict[str, str]:
        """The digests of our tables as an applied change left them."""
        with failing(self.directory):
            told = json.loads(self._told()[1] or "{}")
            return {str(path): str(digest) for path, digest in told.items()}

    def _told(self) -> tuple[str, str]:
        """The outcome, and what is told behind it."""
        with failing(self.directory):
            path = self.directory / "outcome"
            text = path.read_text(errors="replace") if path.exists() else ""
        outcome, _, standing = text.partition(STANDING)
        return outcome, standing

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
        for each in reversed(self.written()):
            self._put_back(each)

    def written(self) -> list[Kept]:
        """The files that the change has written by now.

        Raises HandEdited where one holds what neither we nor the state before put
        there.
        """
        kept = self.kept()
        with failing(self.directory):
            changed = [each for each in kept if not _is(Path(each.path), each.before)]
            for each in changed:
                if not _is(Path(each.path), each.after):
                    raise HandEdited(
                        f"{each.path} was edited while a change was open. The edit was "
                        "kept. Adopt it, then review again"
                    )
        return changed

    def give_way(self) -> None:
        """Put back what the change has written, but for what was edited since."""
        for each in reversed(self.kept()):
            with failing(self.directory):
                ours = _is(Path(each.path), each.after)
            if ours:
                self._put_back(each)

    def register(self, service: str, *, running: bool, anew: bool) -> None:
        """Note how a service is before it is started, stopped or started anew."""
        told = self.services() | {service: {"running": running, "anew": anew}}
        _write(self.directory / "services.json", json.dumps(told).encode())

    def services(self) -> dict[str, dict[str, bool]]:
        """How the services were that the change needs, by name."""
        path = self.directory / "services.json"
        with failing(self.directory):
            told = json.loads(path.read_text()) if path.exists() else {}
            return {str(name): dict(was) for name, was in told.items()}

    def close(self, outcome: str, standing: Mapping[str, str] | None = None) -> None:
        """Record how the change ended; from now on nothing is undone.

        `standing` are the digests of our tables, where it was applied.
        """
        told = STANDING + json.dumps(dict(standing)) if standing else ""
        line = f"{outcome}{told}".encode("utf-8", "replace")[: RESERVED - 1] + b"\n"
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
            copy = self.directory / each.copy
            data, times = copy.read_bytes(), copy.stat()
            data = self.seal.open(data) if each.sealed else data
        staged = files.stage(files.Saved(path, data, each.mode, each.uid, each.gid))
        if len(data) > LARGE:
            os.utime(staged.temporary, ns=(times.st_atime_ns, times.st_mtime_ns))
        staged.install()

    def lighten(self) -> None:
        """Forget large tables: a newer checkpoint has newer ones."""
        with failing(self.directory):
            for path in self.directory.iterdir():
                if path.stat().st_size > LARGE:
                    path.unlink()


def name_of(number: int, digest: str) -> str:
    """The directory name of a revision's checkpoint; `digest` is its plan's."""
    return f"{number:06d}-{digest[:12]}"


def save(
    room: Path,
    number: int,
    digest: str,
    staged: Sequence[files.Staged],
    seal: Seal = NO_SEAL,
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
        with ThreadPoolExecutor() as side_by_side:
            kept = list(side_by_side.map(partial(_keep, building, seal), staged))
        manifest = {"number": number, "files": [asdict(each) for each in kept]}
        _write(building / "manifest.json", json.dumps(manifest, indent=2).encode())
        _write(building / "outcome", b" " * RESERVED)
        building.rename(directory)
        files.sync_directory(room)
    older = [each for each in checkpoints(room) if each.directory != directory]
    older = [each for each in older if each.outcome is not None]
    for old in sorted(older, key=lambda each: each.number)[: 1 - KEPT]:
        shutil.rmtree(old.directory, ignore_errors=True)
    for old in older:
        if old.directory.exists():
            old.lighten()
    return Checkpoint(directory, seal)


def checkpoints(room: Path, seal: Seal = NO_SEAL) -> Iterator[Checkpoint]:
    """Every complete checkpoint in `room`."""
    for directory in room.glob("[0-9]" * 6 + "-*"):
        if (directory / "manifest.json").exists():
            yield Checkpoint(directory, seal)


@contextmanager
def failing(path: Path) -> Iterator[None]:
    """Turn what a disk can do to us into FileFailed."""
    try:
        yield
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    except (ValueError, KeyError, TypeError) as cause:
        raise FileFailed(str(path), OSError(f"is damaged: {cause}")) from cause


def _keep(room: Path, seal: Seal, staged: files.Staged) -> Kept:
    path, after = staged.target, _told(staged.temporary)
    if not path.exists():
        return Kept(str(path), path.name, None, after)
    path = path.resolve()
    seen, copy = path.stat(), room / staged.target.name
    before = _told(path)
    if seen.st_size > LARGE and not staged.secret:
        shutil.copyfile(path, copy)
        os.utime(copy, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    else:
        data = path.read_bytes()
        _write(copy, seal.close(data) if staged.secret else data)
    owner = (seen.st_mode & 0o7777, seen.st_uid, seen.st_gid)
    return Kept(str(path), copy.name, before, after, *owner, staged.secret)


def _told(path: Path) -> str | None:
    """By what a file is known again: its digest, or size and time if it is large."""
    if not path.exists():
        return None
    seen = path.stat()
    if seen.st_size > LARGE:
        return f"size {seen.st_size} time {seen.st_mtime_ns}"
    return _digest(path)


def _is(path: Path, told: str | None) -> bool:
    if told is None or told.startswith("size "):
        return _told(path) == told
    return path.exists() and _digest(path) == told


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, data: bytes) -> None:
    files.replace(files.Saved(path, data, 0o600, 0, 0))
