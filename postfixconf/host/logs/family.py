"""The files of one log: the one that is written now, and those rotated away from it.

Names are those of logrotate, newsyslog, savelog and `postfix logrotate`:
FILE.1, FILE-20260131, FILE.20260131-235959, FILE.old, NAME-20260131.EXTENSION,
packed or not, in the same directory (not in logrotate's `olddir`). Other names are
nobody's: a link that leads to a new file each day is followed, a day that was missed
altogether is not found.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from postfixconf.host.logs.text import Text

__all__ = ["Family", "age"]

ATTEMPTS = 50  # at reading a directory in which files are being renamed


class Family:
    """The open files of the log at `path`; close it after use.

    `live` is None where there is nothing to read, and `trouble` says why; `gone` is
    the case that there is no such file.
    """

    def __init__(self, path: Path) -> None:
        """Open the live file alone: mostly there is no need to look at others."""
        self.path = path
        self.log = str(path.resolve())
        self.live: Text | None = None
        self.trouble, self.gone = "", False
        self._rotated: list[Text] | None = None
        self._others: list[Text] = []
        try:
            self.live = Text(path)
        except FileNotFoundError:
            self.gone = True
            self.trouble = f"There is no log file {path}."
        except OSError as cause:
            reason = cause.strerror or cause
            self.trouble = f"The log {path} cannot be read: {reason}."

    def close(self) -> None:
        """Close every file."""
        for file in [self.live, *(self._rotated or []), *self._others]:
            if file:
                file.close()

    def rotated(self) -> list[Text]:
        """The rotated files, oldest first, none twice, without copies of `live`."""
        if self._rotated is None:
            known = [self.live] if self.live else []
            self._rotated = _different(_opened(Path(self.log)), known)
        return self._rotated

    def find(self, log: str, fingerprint: str) -> Text | None:
        """The file that holds what was once read in `log`."""
        files = self.rotated()
        if log != self.log:
            others = _opened(Path(log), live=True)
            self._others += others
            files = [*files, *_different(others, [])]
        return next((file for file in files if file.holds(fingerprint)), None)


def _different(files: list[Text], known: list[Text]) -> list[Text]:
    """Each content once, plain rather than packed, oldest first.

    Where there is no whole line yet, there is nothing to read and nothing to tell
    the file by.
    """
    kept: list[Text] = []
    for file in sorted(files, key=lambda file: file.packed):
        if file.known and not any(file.same(other) for other in [*known, *kept]):
            kept.append(file)
        else:
            file.close()
    return sorted(kept, key=age)


def age(file: Text) -> tuple[float, int]:
    """What sorts files from old to new, FILE.2 before FILE.1 in the same moment."""
    number = re.search(r"\.(\d{1,4})(?:\.|$)", file.path.name)
    return file.modified, -int(number[1]) if number else 0


def _opened(log: Path, *, live: bool = False) -> list[Text]:
    """Every rotated file, open, as they stood together in one moment.

    Rotation renames one file after the other: it is read again until nothing moved.
    """
    for _ in range(ATTEMPTS):
        listed = _listed(log)
        files = list(_readable(log.parent / name for name, _ in listed))
        if _listed(log) == listed:
            break
        for file in files:
            file.close()
    return [*files, *(_readable([log]) if live else [])]


def _readable(paths: Iterable[Path]) -> Iterator[Text]:
    for path in paths:
        with suppress(OSError):
            yield Text(path)


def _listed(log: Path) -> set[tuple[str, int]]:
    """Names and inodes of the files rotated away from `log`."""
    name, stem = re.escape(log.name), re.escape(log.stem)
    dated = r"[.-]\d[\d_T:-]*"
    names = rf"(?:{name}(?:{dated}|\.old)|{stem}{dated}{re.escape(log.suffix)})"
    pattern = re.compile(names + r"(?:\.(?:gz|bz2|xz))?")
    try:
        with os.scandir(log.parent) as entries:
            return {
                (entry.name, entry.inode())
                for entry in entries
                if pattern.fullmatch(entry.name) and entry.name != log.name
            }
    except OSError:
        return set()
