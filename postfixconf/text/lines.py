"""Physical lines to logical lines, as Postfix joins them.

The rules are those of Postfix's `readllines` (postconf(5), "GENERAL"; run on
3.7.11): a line that begins with white space continues the logical line before
it; blank lines and lines whose first visible character is `#` are ignored and
end nothing, so they may stand inside a value. Only `\\n` ends a line; `\\r` is
white space. Text after a NUL does not exist for Postfix, which reads C strings.

It knows nothing of names, values or services.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = [
    "BLANK",
    "WHITE",
    "Logical",
    "folded",
    "is_text",
    "logical_lines",
    "newline_of",
    "terminated",
]

WHITE = " \t\n\v\f\r"  # isspace() in the C locale
BLANK = " \t\r\n"  # what separates words for postconf and in master.cf
FIRST = re.compile(f"^[^{WHITE}#]", re.MULTILINE)
CONTINUED = re.compile(rf"^[ \t\v\f\r]+[^{WHITE}#].*", re.MULTILINE)
BLANKS = re.compile(f"[{BLANK}]+")


@dataclass(frozen=True)
class Logical:
    """One logical line and where its text stands in the document.

    `text` is joined without newlines and ends before the first NUL. `line` is
    the number of its first physical line, from 1. `spans` are the (start, end)
    document offsets of the physical lines that carry text, newlines excluded;
    comment and blank lines between them belong to no span.
    """

    text: str
    line: int
    spans: tuple[tuple[int, int], ...]
    joins: tuple[int, ...]

    def offset(self, at: int) -> int:
        """The document offset of character `at` of `text`."""
        span = bisect_right(self.joins, at) - 1
        return self.spans[span][0] + at - self.joins[span]

    def raw(self, document: str, start: int, end: int) -> str:
        """The document's own bytes for `text[start:end]`, which is not empty."""
        return document[self.offset(start) : self.offset(end - 1) + 1]

    def without(self, document: str) -> str:
        """The document less this line; comment lines inside it stay."""
        for start, end in reversed(self.spans):
            document = document[:start] + document[end + 1 :]
        return document


def logical_lines(document: str) -> Iterator[Logical]:
    """The document's logical lines, in order.

    Continuation lines at the beginning of a file continue nothing: Postfix
    warns and drops them, and they are not returned.
    """
    starts = [found.start() for found in FIRST.finditer(document)]
    number, counted = 1, 0
    for start, stop in pairwise([*starts, len(document)]):
        number += document.count("\n", counted, start)
        counted = start
        end = document.find("\n", start, stop)
        end = stop if end < 0 else end
        further = (found.span() for found in CONTINUED.finditer(document, end, stop))
        yield joined(document, number, ((start, end), *further))


def joined(document: str, line: int, spans: tuple[tuple[int, int], ...]) -> Logical:
    """The logical line that stands in these spans."""
    parts = [document[start:end] for start, end in spans]
    joins = accumulate(map(len, parts[:-1]), initial=0)
    return Logical("".join(parts).partition("\0")[0], line, spans, tuple(joins))


def is_text(line: str) -> bool:
    """Whether the physical line carries text: neither blank nor a comment."""
    visible = line.lstrip(WHITE)
    return bool(visible) and not visible.startswith("#")


def folded(text: str) -> str:
    """`text` as postconf prints it: every run of blanks as one space."""
    return BLANKS.sub(" ", text).strip(" ")


def newline_of(document: str) -> str:
    r"""The line ending a new last line takes: that of the last ended line.

    >>> newline_of("a = b\r\nc = d")
    '\r\n'
    """
    end = document.rfind("\n")
    return "\r\n" if end > 0 and document[end - 1] == "\r" else "\n"


def terminated(document: str) -> str:
    """The document with its missing final newline added, in its own style."""
    if not document or document.endswith("\n"):
        return document
    return document + ("\n" if document.endswith("\r") else newline_of(document))
