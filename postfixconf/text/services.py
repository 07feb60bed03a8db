"""One service of master.cf, read from its logical line.

Facts (master(5); run on 3.7.11): fields end at blanks outside braces; a field
that begins with `{` is read without its braces and the white space inside
them; `-o` takes a value, glued or as the next field; options end at the first
field that is not one. What postconf(1) calls fatal raises BadFile, and nothing
else does: master(8) refuses more (an inet service that is private).

postconf -M misreads a glued `-oname=value` with a second `o` in it; here it is
read as the daemons' getopt(3) reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from postfixconf.errors import BadFile
from postfixconf.text.lines import BLANK, WHITE, Logical, folded
from postfixconf.text.rules import split_list

__all__ = ["Entry", "Service", "entry", "option_line"]

FLAG = re.compile("[yn-]")
FIELDS = {  # number, and what postconf accepts in it
    "type": (1, re.compile("inet|unix|unix-dgram|fifo|pass")),
    "private": (2, FLAG),
    "unprivileged": (3, FLAG),
    "chroot": (4, FLAG),
    "wakeup": (5, re.compile(r"(-|[0-9]*)\??")),
    "process_limit": (6, re.compile("-|[0-9]*")),
}
FEWEST = 8


@dataclass(frozen=True)
class Service:
    """The eight fields as written, and the arguments as the command gets them."""

    name: str
    type: str
    private: str
    unpriv: str
    chroot: str
    wakeup: str
    maxproc: str
    command: str
    args: tuple[str, ...]

    def overrides(self) -> dict[str, str]:
        """The `-o` settings as `postconf -P` shows them; the last of a name wins."""
        return {each.name: each.value for each in settings(self.args)}


class Argument(NamedTuple):
    """An argument as Postfix reads it, and its (start, end) in the line."""

    text: str
    start: int
    end: int


class Setting(NamedTuple):
    """An override, and the number of the argument that holds it."""

    name: str
    value: str
    at: int


@dataclass(frozen=True)
class Entry:
    """A service and the logical line it stands in; `command_end` is in its text."""

    service: Service
    line: Logical
    command_end: int
    arguments: tuple[Argument, ...]

    def settings(self) -> list[tuple[Setting, Argument]]:
        """Each override with the argument that holds it, in order."""
        every = settings(self.service.args)
        return [(each, self.arguments[each.at]) for each in every]


def entry(line: Logical) -> Entry:
    """The service in a logical line; BadFile where postconf finds none."""
    spans = list(split_list(line.text, BLANK))
    fields = [line.text[start:end] for start, end in spans[:FEWEST]]
    if len(fields) < FEWEST:
        raise BadFile("master.cf", line.line, line.text, "fewer than eight fields")
    for name, (number, legal) in FIELDS.items():
        if not legal.fullmatch(fields[number]):
            raise BadFile("master.cf", line.line, fields[number], f"invalid {name}")
    found = tuple(arguments(line.text, spans[FEWEST:]))
    args = tuple(argument.text for argument in found)
    name, kind, private, unpriv, chroot, wakeup, maxproc, command = fields
    service = Service(
        name, kind, private, unpriv, chroot, wakeup, maxproc, command, args
    )
    return Entry(service, line, spans[FEWEST - 1][1], found)


def arguments(text: str, spans: list[tuple[int, int]]) -> Iterator[Argument]:
    """The command's arguments, options split as getopt(3) does."""
    options, value_due = True, False
    for start, end in spans:
        word = text[start:end]
        if value_due:
            yield Argument(setting_text(word), start, end)
            value_due = False
        elif options and is_option(word):
            flags, _, glued = word.partition("o")
            if flags != "-":
                yield Argument(flags, start, start + len(flags))
            if flags != word:
                yield Argument("-o", start, end - len(glued))
                value_due = not glued
            if glued:
                yield Argument(setting_text(glued), end - len(glued), end)
        else:
            options = False
            yield Argument(unbraced(word), start, end)


def settings(args: tuple[str, ...]) -> Iterator[Setting]:
    """The `-o` settings among the options; one without a name or `=` is none."""
    at = 0
    while at + 1 < len(args) and is_option(args[at]):
        if args[at] == "-o":
            at += 1
            name, equals, value = args[at].partition("=")
            if name and equals:
                yield Setting(name, folded(value), at)
        at += 1


def is_option(word: str) -> bool:
    """Whether getopt(3) takes the word for an option and goes on."""
    return word.startswith("-") and word not in ("-", "--")


def setting_text(word: str) -> str:
    """An option's value as Postfix reads it: `{ a = b c }` is `a=b c`."""
    if not word.startswith("{"):
        return word
    text = unbraced(word)
    named = re.match(rf"([^{WHITE}=]+)[{WHITE}]*=[{WHITE}]*", text)
    return f"{named[1]}={text[named.end() :]}" if named else text


def unbraced(word: str) -> str:
    """A word without the braces it begins with; text after them is dropped."""
    if not word.startswith("{"):
        return word
    depth = 0
    for at, letter in enumerate(word):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return word[1:at].strip(WHITE)
    return word[1:].strip(WHITE)


def option_line(name: str, value: str) -> str:
    """The line of a service that overrides one parameter, its newline included.

    The braces of `value` have to balance.
    """
    quoted = any(each in value for each in " \t{}")
    return f"  -o {{ {name} = {value} }}\n" if quoted else f"  -o {name}={value}\n"
