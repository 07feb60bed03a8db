"""A log that is written and rotated in every way that logs are."""

import gzip
import os
import shutil
from pathlib import Path

from postfixconf.host.logs import Bookmark, FileLog

__all__ = ["RotatingLog", "follow"]


class RotatingLog:
    """The log at `path`, and FILE.1, FILE.2 … or FILE.2.gz … beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def write(self, text: str, number: int = 0) -> None:
        """Append to the live file, or to what a slow writer still has open."""
        path = self.rotated(number) if number else self.path
        with path.open("ab") as file:
            file.write(text.encode())

    def rotated(self, number: int) -> Path:
        """FILE.number"""
        return self.path.with_name(f"{self.path.name}.{number}")

    def rename(self) -> None:
        """Move every file on by one, and create a new one."""
        self._move_on()
        self.path.rename(self.rotated(1))
        self.path.touch()

    def copytruncate(self) -> None:
        """Copy the live file and empty it, for a writer that cannot be told."""
        self._move_on()
        shutil.copy(self.path, self.rotated(1))
        os.truncate(self.path, 0)

    def pack(self, number: int = 1) -> None:
        """gzip FILE.number as gzip(1) does, with the time it was written."""
        plain = self.rotated(number)
        if not plain.exists():
            return
        packed = plain.with_name(plain.name + ".gz")
        packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
        shutil.copystat(plain, packed)
        plain.unlink()

    def _move_on(self) -> None:
        found = self.path.parent.glob(f"{self.path.name}.*")
        numbered = [(int(path.name.split(".")[2]), path) for path in found]
        for number, path in sorted(numbered, reverse=True):
            ending = ".gz" if path.suffix == ".gz" else ""
            path.rename(path.with_name(f"{self.path.name}.{number + 1}{ending}"))


def follow(
    log: FileLog, bookmark: Bookmark, most: int = 1 << 20
) -> tuple[list[str], Bookmark]:
    """Every line from `bookmark` on, and where that ends."""
    lines: list[str] = []
    more = True
    while more:
        chunk = log.read(bookmark, most)
        assert chunk.data == b"" or chunk.data.endswith(b"\n")
        lines += chunk.data.decode().splitlines()
        bookmark, more = chunk.bookmark, chunk.more
    return lines, bookmark
