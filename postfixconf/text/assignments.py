"""`name = value` in one logical line of main.cf, and where its value stands.

White space around `=` and at the value's ends is no part of it (postconf(5)).
It does not decide which of several assignments counts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from postfixconf.errors import BadFile
from postfixconf.text.layout import Layout
from postfixconf.text.lines import BLANK, WHITE, Logical, folded

__all__ = ["Assignment", "assignment"]

NAMED = re.compile(rf"([^{WHITE}=]+)[{WHITE}]*=")
WORD = re.compile(f"[^{BLANK}]+")


@dataclass(frozen=True)
class Assignment:
    """One assignment; `equals` is where the `=` stands in the line's text."""

    name: str
    line: Logical
    equals: int

    @cached_property
    def start(self) -> int:
        """Where the value begins in the line's text."""
        text = self.line.text
        return len(text) - len(text[self.equals + 1 :].lstrip(WHITE))

    @cached_property
    def value(self) -> str:
        """The value as Postfix's daemons read it, runs of blanks kept."""
        return self.line.text[self.start :].rstrip(WHITE)

    @cached_property
    def printed(self) -> str:
        """The value as `postconf -h` prints it."""
        return folded(self.value)

    def words(self) -> Iterable[tuple[int, int]]:
        """The (start, end) in `value` of each word between blanks."""
        return (found.span() for found in WORD.finditer(self.value))

    def region(self, document: str) -> tuple[int, int]:
        """The document offsets from after `=` to the end of the last line."""
        start, end = self.line.offset(self.equals) + 1, self.line.spans[-1][1]
        return start, end - document.endswith("\r", start, end)

    def raw(self, document: str, start: int, end: int) -> str:
        """The document's own bytes for `value[start:end]`."""
        return self.line.raw(document, self.start + start, self.start + end)

    def layout(self, document: str, spans: Iterable[tuple[int, int]]) -> Layout:
        """The value cut into words at `spans`, (start, end) in `value`."""
        at, end = self.region(document)
        roomy = document[at - 2] in BLANK
        gaps: list[str] = []
        words: list[str] = []
        for start, stop in spans:
            begin = self.line.offset(self.start + start)
            gaps.append(document[at:begin])
            words.append(self.raw(document, start, stop))
            at = begin + len(words[-1])
        return Layout((*gaps, document[at:end]), tuple(words), roomy=roomy)


def assignment(line: Logical) -> Assignment:
    """The assignment in a logical line; BadFile where Postfix finds none."""
    found = NAMED.match(line.text)
    if found:
        return Assignment(found[1], line, found.end() - 1)
    nameless = line.text[:1] in ("", "=")
    reason = "missing name" if nameless else "missing '=' after the name"
    raise BadFile("main.cf", line.line, line.text, reason)
