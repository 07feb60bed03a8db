"""Read one log file from beginning to end, slice by slice: rotated, packed, given."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from postfixconf.errors import FileFailed
from postfixconf.host.logs.text import Text, count_in

__all__ = ["Slice", "before", "fingerprint", "known_as", "slices"]


class Slice(NamedTuple):
    """Whole lines, and the unpacked position after them; `end`: there are no more."""

    data: bytes
    position: int
    end: bool


def slices(
    path: Path,
    position: int = 0,
    most: int = 1 << 20,
    until: int | None = None,
    *,
    least: int | None = None,
) -> Iterator[Slice]:
    """The lines of a file from `position` to `until`, about `most` bytes at a time.

    With `least` the first slice has only so many, those behind it are twice as long
    each, and towards the end they become shorter: who works on a slice while the
    next is read begins early and ends early.
    The last line counts even without its newline. What is packed is unpacked from its
    beginning once for each call, so take as many slices of a call as there is time
    for. Raises FileFailed for what is no readable file, and where packed bytes are
    broken, after the lines before the break were given.
    """
    with closing(_opened(path, until)) as text:
        least = step = min(most, least or most)
        end, size = False, text.size
        while not end:
            data, position = text.lines(position, step, last=True)
            end = not data
            yield Slice(data, position, end and not text.broken)
            left = most if size is None else (size - position) // 2
            step = max(least, min(most, 2 * step, left))
        if text.broken:
            raise FileFailed(str(path), OSError(f"it is broken: {text.broken}"))


def before(path: Path, position: int, most: int) -> bytes:
    """The last whole lines before `position`, at most `most` bytes. Raises FileFailed.

    To know what is going on there, before `slices` goes on.
    """
    with closing(_opened(path)) as text:
        return text.before(position, most)


def fingerprint(path: Path) -> str:
    """What names the content of FILE, FILE.1 and FILE.1.gz alike. Raises FileFailed.

    The number and a hash of its first bytes, at most 1024: as long as a file is
    shorter than that, its name changes when it grows.
    """
    with closing(_opened(path)) as text:
        return text.fingerprint


def known_as(path: Path, fingerprints: Iterable[str]) -> str | None:
    """The longest of these names that fits the file, which may have grown since.

    A name of less than a whole line fits only what has not grown. Raises FileFailed.
    """
    with closing(_opened(path)) as text:
        now = text.fingerprint
        fit = [each for each in fingerprints if each == now or text.begins_as(each)]
    return max(fit, key=count_in, default=None)


def _opened(path: Path, until: int | None = None) -> Text:
    try:
        return Text(path, until)
    except OSError as cause:
        raise FileFailed(str(path), cause) from cause
    except ValueError as cause:
        raise FileFailed(repr(str(path)), OSError("this is no file name")) from cause
