"""Lines of entries as CSV: side,kind,value,note,expires. One line, one entry.

Each physical line is read by itself, so that a stray quotation mark spoils one entry
and not the rest of the file. A spreadsheet runs a cell that begins with `=`, `+`, `-`,
`@` or a tab as a formula: on the way out such a cell gets an apostrophe in front, and
on the way in it loses it again.

What is not handled: notes of several lines, and columns in another order.
"""

import csv
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mailguard.lists.reading import read_expires, read_note
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Entry

__all__ = ["FIELDS", "Line", "delimiter_of", "is_header", "line_of", "read_line"]

FIELDS = ("side", "kind", "value", "note", "expires")
FORMULA = re.compile(r"'*[=+\-@\t\r]")
GUARDED = re.compile(r"'+[=+\-@\t\r]")
Read = Callable[[str, str, str], Entry]


class Line(NamedTuple):
    """What one line says; there may be a million."""

    entry: Entry
    note: str
    expires_at: datetime | None


def delimiter_of(first: str) -> str:
    """What separates the columns of a file with this first line."""
    return ";" if re.match(r'\s*"?\w*"?\s*;', first) else ","


def is_header(text: str, delimiter: str) -> bool:
    """Whether a first line names the columns."""
    names = [name.strip(' "').lower() for name in text.split(delimiter)]
    return names[:3] == list(FIELDS[:3])


def read_line(text: str, delimiter: str, read: Read) -> Line:
    """One line; `read` makes its entry. Raises BadValue, which quotes what is wrong."""
    cells = split(text, delimiter)
    if not 3 <= len(cells) <= len(FIELDS):
        wanted = "side,kind,value and then, if you like, note,expires"
        raise BadValue(text, f"{len(cells)} of the columns {wanted}")
    side, kind, value, *rest = cells
    entry = read(side.strip().lower(), kind.strip().lower(), value)
    note = read_note(rest[0]) if rest and rest[0] else ""
    expires_at = read_expires(rest[1]) if len(rest) > 1 and rest[1] else None
    return Line(entry, note, expires_at)


def split(text: str, delimiter: str) -> list[str]:
    """The cells of a line, without the apostrophes that guard against formulas."""
    if '"' not in text:
        cells = text.split(delimiter)
    else:
        try:
            cells = next(csv.reader([text], delimiter=delimiter, strict=True))
        except (csv.Error, StopIteration) as cause:
            raise BadValue(text, f"not a line of CSV ({cause})") from None
    if "'" not in text:
        return cells
    return [cell[1:] if GUARDED.match(cell) else cell for cell in cells]


def line_of(cells: Iterable[object]) -> str:
    """A line with these cells, safe for a spreadsheet, ending as RFC 4180 has it."""
    lines: list[str] = []
    guarded = [f"'{cell}" if FORMULA.match(str(cell)) else cell for cell in cells]
    csv.writer(Lines(lines)).writerow(guarded)
    return "".join(lines)


@dataclass(frozen=True)
class Lines:
    """A file as the csv module wants it, that only collects."""

    lines: list[str]

    def write(self, text: str) -> None:
        """Keep one line."""
        self.lines.append(text)
