"""A file of shell assignments, as sh(1) and systemd's EnvironmentFile read it.

    # comments and blank lines
    POSTGREY_OPTS="--inet=10023 \\
        --delay=60"

Lossless: an edit changes the bytes of one word or value and nothing else. A line that
is neither a comment nor one assignment raises BadFile: what the shell would make of it
cannot be told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from postfixconf.errors import BadFile

__all__ = ["Assignment", "ShellFile"]

NAMED = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=")
BEYOND = set(";&|<>()")
QUOTES = "\"'"


@dataclass(frozen=True)
class Assignment:
    """One assignment; `value` as the shell has it, `start` and `end` of its bytes.

    `spans` are where each letter of the value stands. `open` says that it holds
    something that only a shell can tell (`$NAME`, a command).
    """

    name: str
    value: str
    start: int
    end: int
    line: int
    spans: tuple[tuple[int, int], ...] = field(repr=False)
    open: bool = False


@dataclass(frozen=True)
class ShellFile:
    """The file's text, and its assignments in order."""

    name: str
    text: str
    assignments: tuple[Assignment, ...]

    @classmethod
    def parse(cls, text: str, name: str) -> "ShellFile":
        """The assignments of a text. Raises BadFile."""
        found, at = [], 0
        while at < len(text):
            at = after_blanks(text, at)
            if text[at : at + 1] in ("#", "\n", ""):
                at = next_line(text, at)
                continue
            named = NAMED.match(text, at)
            line = text.count("\n", 0, at) + 1
            whole = text[at:].partition("\n")[0]
            if named is None:
                raise BadFile(name, line, whole, "neither a comment nor an assignment")
            made = value_at(text, named.end(), named[1], line)
            if made is None:
                raise BadFile(name, line, whole, "more than an assignment")
            rest = after_blanks(text, made.end)
            comment = text[rest : rest + 1] == "#" and rest > made.end
            if text[rest : rest + 1] not in ("\n", "") and not comment:
                raise BadFile(name, line, whole, "more than an assignment")
            found.append(made)
            at = next_line(text, rest)
        return cls(name, text, tuple(found))

    def last(self, name: str) -> Assignment | None:
        """The assignment of a variable that counts."""
        return next((x for x in reversed(self.assignments) if x.name == name), None)

    def readable(self, found: Assignment) -> None:
        """Raises BadFile where only a shell can tell the value."""
        if found.open:
            raise self.bad(found, "only a shell can tell this value")

    def bad(self, found: Assignment, reason: str) -> BadFile:
        """What is wrong with an assignment."""
        line = self.text[found.start : found.end].partition("\n")[0]
        return BadFile(self.name, found.line, f"{found.name}={line}", reason)

    def set(self, name: str, value: str) -> "ShellFile":
        """The same with a variable that has this value, in its place or at the end.

        The value may hold no quotes, backslashes, `$` or newlines.
        """
        found = self.last(name)
        if found is None:
            lead = "" if not self.text or self.text.endswith("\n") else "\n"
            return self._with(f'{self.text}{lead}{name}="{value}"\n')
        if found.value == value and not found.open:
            return self
        quote = self.text[found.start : found.start + 1]
        quote = quote if quote in QUOTES and quote else '"'
        return self._replaced(found.start, found.end, f"{quote}{value}{quote}")

    def remove(self, name: str) -> "ShellFile":
        """The same without the lines that assign a variable."""
        made = self
        while (found := made.last(name)) is not None:
            begin = made.text.rfind("\n", 0, found.start) + 1
            made = made._replaced(begin, next_line(made.text, found.end), "")
        return made

    def with_word(self, name: str, word: str) -> "ShellFile":
        """The same with one more word at the end of a variable's value."""
        found = self.last(name)
        if found is None or not found.value.strip():
            return self.set(name, word)
        if not self._is_quoted(found):
            return self.set(name, f"{found.value} {word}")
        at = found.spans[len(found.value.rstrip()) - 1][1]
        return self._replaced(at, at, f" {word}")

    def splice(
        self, name: str, first: int, last: int, new: Sequence[str]
    ) -> "ShellFile":
        """The same with these words of a variable exchanged for others, or none."""
        found = self.last(name)
        if found is None:
            return self
        words = [each.span() for each in re.finditer(r"\S+", found.value)]
        start, end = words[first][0], words[last][1]
        if not new and first:  # the space before it goes too
            start = words[first - 1][1]
        elif not new and last + 1 < len(words):
            end = words[last + 1][0]
        text = " ".join(new)
        begin, stop = found.spans[start][0], found.spans[end - 1][1]
        if set(self.text[begin:stop]) & set("\"'\\") or not self._is_quoted(found):
            rest = found.value[:start] + text + found.value[end:]
            plain = not re.search(r"\s", rest) and not self._is_quoted(found)
            if plain and rest:
                return self._replaced(found.start, found.end, rest)
            return self.set(name, rest)
        return self._replaced(begin, stop, text)

    def _is_quoted(self, found: Assignment) -> bool:
        """Whether the value is one quoted string, which a space may be put into."""
        raw = self.text[found.start : found.end]
        return (
            raw[:1] in QUOTES and len(raw) > 1 and raw.find(raw[0], 1) == len(raw) - 1
        )

    def _replaced(self, start: int, end: int, new: str) -> "ShellFile":
        return self._with(self.text[:start] + new + self.text[end:])

    def _with(self, text: str) -> "ShellFile":
        return ShellFile.parse(text, self.name)


def value_at(text: str, start: int, name: str, line: int) -> Assignment | None:
    """The value that begins at `start`; None where it is more than a value."""
    at, quote, open_ = start, "", False
    letters: list[str] = []
    spans: list[tuple[int, int]] = []
    while at < len(text):
        letter, size = text[at], 1
        if not quote and (letter in " \t\n" or letter in BEYOND):
            break
        if letter in QUOTES and quote in ("", letter):
            quote = "" if quote else letter
            at += 1
            continue
        if letter == "\\" and quote != "'":
            following = text[at + 1 : at + 2]
            size = 2
            if following == "\n":
                at += 2
                continue
            if quote and following not in '$`"\\':
                size = 1
            elif not following:
                return None
            else:
                letter = following
        elif letter in "$`" and quote != "'":
            open_ = True
        letters.append(letter)
        spans.append((at, at + size))
        at += size
    if quote or (at < len(text) and text[at] in BEYOND):
        return None
    return Assignment(name, "".join(letters), start, at, line, tuple(spans), open_)


def after_blanks(text: str, at: int) -> int:
    """The next place that is no space, on the same line."""
    while text[at : at + 1] in (" ", "\t", "\r"):
        at += 1
    return at


def next_line(text: str, at: int) -> int:
    """Where the next line begins."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1
