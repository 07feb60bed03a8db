"""Lookup tables: built beside the old ones, looked up, then renamed into place.

Never built in place: two builds within one second go unnoticed by a running
smtpd, a vanished inode does not (seen on 3.7.11). postmap exits 0 on malformed
and on duplicate lines, so the built table is asked for what must be in it.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postfixconf.errors import CommandFailed, FileFailed
from postfixconf.host import files
from postfixconf.host.commands import run
from postfixconf.policy.plan import Table

__all__ = ["build", "room_in"]

# The file postmap makes for each indexed type; other types are read as text.
SUFFIX = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag"}


@contextmanager
def room_in(config_dir: Path) -> Iterator[Path]:
    """A directory to build tables in, on the same disk, gone afterwards.

    Raises FileFailed where the disk is full or read-only.
    """
    try:
        made = tempfile.mkdtemp(suffix=files.TEMPORARY, prefix=".", dir=config_dir)
    except OSError as cause:
        raise FileFailed(str(config_dir), cause) from cause
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def build(config_dir: Path, room: Path, table: Table) -> list[files.Staged]:
    """Build one table in `room`, ready to be renamed, source before index.

    Raises CommandFailed when postmap fails or a key cannot be found again,
    FileFailed.
    """
    target = Path(table.path)
    source = room / target.name
    try:
        source.write_bytes(table.text.encode("utf-8", "surrogateescape"))
        source.chmod(0o644)
    except OSError as cause:
        raise FileFailed(str(source), cause) from cause
    suffix = SUFFIX.get(table.type)
    if suffix is None:
        return [files.Staged(source, target)]
    run("postmap", "-c", str(config_dir), f"{table.type}:{source}", timeout=600)
    for key, value in table.expected:
        look_up(config_dir, f"{table.type}:{source}", key, value)
    index, place = (each.with_name(each.name + suffix) for each in (source, target))
    return [files.Staged(source, target), files.Staged(index, place)]


def look_up(config_dir: Path, table: str, key: str, value: str) -> None:
    """Ask the built table. Raises CommandFailed where the answer is another."""
    done = run("postmap", "-c", str(config_dir), "-q", key, table, check=False)
    if done.out.rstrip("\n") != value:
        reason = f"{key!r} was built but is not found again"
        raise CommandFailed(f"postmap -q {table}", reason, done.err.strip())
