"""Copies of tables that name what is not asked in a rehearsal.

A line of an access table may answer with restrictions, `check_policy_service` among
them, and the live service would be asked. A table that does gets a copy in the room
without them, of the same type; any other is read where it is.

What this does not see: what a database server answers, and, in a table of more than a
megabyte, names in capital letters. (A table that only another one's answer names is not
opened by Postfix: it answers 451, seen on 3.7.11.)
"""

import mmap
import os
import re
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from postfixconf.errors import FileFailed
from postfixconf.host.commands import run
from postfixconf.host.files import SETTLED
from postfixconf.host.rehearsal.left_out import NOT_ASKED, silenced
from postfixconf.host.tables import SUFFIX
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf

__all__ = ["Neutral"]

TEXT = ("cidr", "pcre", "regexp", "texthash")
TABLE = re.compile(rf"(?<![\w-])({'|'.join((*SUFFIX, *TEXT))}):([^\s,{{}}]+)")
NAMES = [name.encode() for name in NOT_ASKED]
LARGE = 1_000_000  # bytes from which a table is searched for small letters alone
ANY_CASE = re.compile(b"|".join(NAMES), re.IGNORECASE)


class Neutral:
    """What becomes of a value of main.cf or master.cf: it names the copies.

    `exchanged` are the files that a change writes: where they would stand, and where
    they are now. Raises FileFailed, CommandFailed.
    """

    def __init__(
        self, main: MainCf, live: Path, room: Path, exchanged: Mapping[Path, Path]
    ) -> None:
        self._main = main.set("config_directory", str(live))
        self._room = room / "tables"
        self._exchanged = exchanged
        self._copies: dict[tuple[str, str], str] = {}

    def __call__(self, value: str) -> str:
        """The value, every table that has a copy exchanged for it."""
        return TABLE.sub(self._exchange, value)

    def _exchange(self, found: re.Match[str]) -> str:
        kind, name = found[1], expanded(found[2], self._main.get)
        if (kind, name) not in self._copies:
            try:
                self._copies[kind, name] = self._copy(kind, Path(name))
            except OSError as cause:
                raise FileFailed(name, cause) from cause
        copy = self._copies[kind, name]
        return f"{kind}:{copy}" if copy else found[0]

    def _copy(self, kind: str, path: Path) -> str:
        """The path of a copy of a table; "" where the table may be asked itself."""
        suffix = SUFFIX.get(kind, "")
        named = path.with_name(path.name + suffix)
        file = self._exchanged.get(named) or self._exchanged.get(named.resolve())
        file = file or named
        if not names_any(file):
            return ""
        self._furnish()
        copy = self._room / f"{len(self._copies)}"
        text = self._dump(kind, file, copy) if suffix else read(file)
        copy.write_bytes(silenced(text).encode("utf-8", "surrogateescape"))
        if suffix:
            run("postmap", "-c", str(self._room), f"{kind}:{copy}", timeout=60)
        for made in self._room.glob(f"{copy.name}*"):
            look_old(made)
            shutil.copymode(file, made)
            shutil.chown(made, file.stat().st_uid, file.stat().st_gid)
        return str(copy)

    def _dump(self, kind: str, file: Path, copy: Path) -> str:
        """The lines of an indexed table, whatever its file is called."""
        link = copy.with_name(f"old{SUFFIX[kind]}")
        link.symlink_to(file)
        try:
            table = f"{kind}:{link.with_suffix('')}"
            return run("postmap", "-c", str(self._room), "-s", table, timeout=60).out
        finally:
            link.unlink()

    def _furnish(self) -> None:
        """A directory with a main.cf that says nothing, for postmap."""
        self._room.mkdir(mode=0o755, exist_ok=True)
        empty = self._room / "main.cf"
        empty.touch()
        look_old(empty)


def look_old(file: Path) -> None:
    """Put a file's time back: Postfix waits for a young one to be older."""
    os.utime(file, (time.time() - SETTLED,) * 2)


def read(file: Path) -> str:
    """A table's text."""
    return file.read_bytes().decode("utf-8", "surrogateescape")


def names_any(file: Path) -> bool:
    """Whether a table holds a name of what is not asked; one that is not there, no."""
    with suppress(FileNotFoundError, NotADirectoryError), file.open("rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        if size < LARGE:
            return ANY_CASE.search(opened.read()) is not None
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return any(data.find(name) >= 0 for name in NAMES)
    return False
