"""A lookup table's source: the lines somebody wrote by hand, and ours in a block.

    old.example  REJECT                  kept as it is, wherever it stood
    # >>> mailguard …
    new.example  REJECT                  ours, between the two marks
    # <<< mailguard …

Logical lines are joined as in main.cf (postmap(1)): a line that begins with white
space continues the one before it, comments end nothing. Keys are compared in lower
case, as indexed tables fold them.

It does not build tables and does not know what an action means.
"""

import re
from dataclasses import dataclass

from postfixconf.text.lines import WHITE, logical_lines

__all__ = ["BEGIN", "END", "Line", "lines_of", "managed_span"]

WORD = re.compile(f"([^{WHITE}]+)[{WHITE}]*(.*)", re.DOTALL)
BEGIN = "# >>> mailguard: the lines from here on are written by mailguard\n"
END = "# <<< mailguard: write your own lines above or below\n"


@dataclass(frozen=True)
class Line:
    """One entry of a table: where it begins, from 1, its key and what it answers."""

    number: int
    key: str
    action: str


def lines_of(text: str) -> tuple[Line, ...]:
    """The entries of a table's source; one without an action has an empty one."""
    found = []
    for each in logical_lines(text):
        if match := WORD.match(each.text.rstrip(WHITE)):  # none after a NUL
            found.append(Line(each.line, match[1].lower(), match[2]))
    return tuple(found)


def managed_span(data: bytes) -> tuple[int, int] | None:
    """Where our block stands in a source, marks included; None where there is none.

    A block whose end was lost goes to the end.
    """
    begin, close = BEGIN.encode(), b"\n" + END.encode()
    start = data.find(begin)
    if start < 0 or (start > 0 and data[start - 1 : start] != b"\n"):
        return None
    end = data.find(close, start)
    return start, len(data) if end < 0 else end + len(close)
