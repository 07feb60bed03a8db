"""Lookup tables: built beside the old ones, looked up, then renamed into place.

Never built in place: two builds within one second go unnoticed by a running
smtpd, a vanished inode does not (seen on 3.7.11). postmap exits 0 on malformed
and on duplicate lines, so the built table is asked for what must be in it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import CommandFailed
from postfixconf.host import files
from postfixconf.host.commands import run
from postfixconf.policy.plan import Table

__all__ = ["Built", "built"]

# The file postmap makes for each indexed type; other types are read as text.
SUFFIX = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag"}


@dataclass(frozen=True)
class Built:
    """A table that stands ready: (temporary file, place it goes to) pairs."""

    moves: tuple[tuple[Path, Path], ...]

    def install(self) -> None:
        """Rename into place, the index last. Raises OSError."""
        for source, target in self.moves:
            source.replace(target)
            files.sync_directory(target.parent)


@contextmanager
def built(config_dir: Path, tables: tuple[Table, ...]) -> Iterator[tuple[Built, ...]]:
    """Build every table beside its place; what is not installed is removed.

    Raises CommandFailed when postmap fails or a key cannot be found again.
    """
    if not tables:
        yield ()
        return
    room = Path(tempfile.mkdtemp(suffix=files.TEMPORARY, prefix=".", dir=config_dir))
    try:
        yield tuple(_build(config_dir, room, table) for table in tables)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _build(config_dir: Path, room: Path, table: Table) -> Built:
    target = Path(table.path)
    source = room / target.name
    source.write_bytes(table.text.encode("utf-8", "surrogateescape"))
    source.chmod(0o644)
    suffix = SUFFIX.get(table.type)
    if suffix is None:
        return Built(((source, target),))
    run("postmap", "-c", str(config_dir), f"{table.type}:{source}", timeout=600)
    for key, value in table.expected:
        _look_up(config_dir, f"{table.type}:{source}", key, value)
    index = source.with_name(source.name + suffix)
    return Built(((source, target), (index, target.with_name(target.name + suffix))))


def _look_up(config_dir: Path, table: str, key: str, value: str) -> None:
    done = run("postmap", "-c", str(config_dir), "-q", key, table, check=False)
    if done.out.rstrip("\n") != value:
        reason = f"{key!r} was built but is not found again"
        raise CommandFailed(f"postmap -q {table}", reason, done.err.strip())
