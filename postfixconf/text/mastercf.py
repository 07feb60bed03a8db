"""master.cf: services found, added, removed, every other byte kept.

Facts (master(5)): logical lines as in main.cf; of two services with one name
and type, master(8) uses the last. Postfix's refusals are BadFile (services.py).

It does not know what a service is for, and judges no field's meaning.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from postfixconf.errors import BadFile, BadValue
from postfixconf.text.checks import (
    balanced,
    check_name,
    check_rules,
    check_text,
    check_value,
)
from postfixconf.text.layout import Layout
from postfixconf.text.lines import logical_lines, newline_of, terminated
from postfixconf.text.rules import Rule, parse_list
from postfixconf.text.services import Argument, Entry, Service, entry

__all__ = ["MasterCf", "Service"]


@lru_cache(maxsize=16)
def _entries(text: str) -> tuple[Entry, ...]:
    return tuple(map(entry, logical_lines(text)))


@dataclass(frozen=True)
class MasterCf:
    r"""A master.cf as an immutable value; editing returns a new one.

    >>> doc = MasterCf.parse("smtp inet n - y - - smtpd\n  -o smtpd_banner=hello\n")
    >>> doc.services()[0].overrides()
    {'smtpd_banner': 'hello'}
    >>> doc.remove("smtp", "inet").render()
    ''
    """

    text: str
    entries: tuple[Entry, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "MasterCf":
        """The document of `text`; BadFile where postconf would not read it."""
        return cls(text, _entries(text))

    def render(self) -> str:
        """The document's text: what was parsed, if nothing was edited."""
        return self.text

    def services(self) -> tuple[Service, ...]:
        """Every service in the order of the file, doubles included."""
        return tuple(each.service for each in self.entries)

    def add(self, line_text: str) -> "MasterCf":
        """The document with one service line appended as given.

        It may continue over several physical lines, with comment lines inside.
        BadValue for anything but exactly one service Postfix would accept.
        """
        check_service(line_text, self.text)
        newline = "" if line_text.endswith("\n") else newline_of(self.text)
        return MasterCf.parse(terminated(self.text) + line_text + newline)

    def remove(self, name: str, type: str) -> "MasterCf":
        """The document without any service of this name and type.

        Comment and blank lines inside a removed service's lines stay.
        """
        text = self.text
        for each in reversed(self._all(name, type)):
            text = each.line.without(text)
        return MasterCf.parse(text)

    def comment_out(self, name: str, type: str) -> "MasterCf":
        """The document with every service of this name and type in comments."""
        text = self.text
        for each in reversed(self._all(name, type)):
            for start, _ in reversed(each.line.spans):
                text = f"{text[:start]}#{text[start:]}"
        return MasterCf.parse(text)

    def set_override(
        self, name: str, type: str, parameter: str, value: str
    ) -> "MasterCf":
        """The document in which a service has this `-o`; the last of doubles counts.

        A missing one is put after the others. BadValue where there is no such
        service, or for what is no value.
        """
        check_name(parameter)
        check_value(value, self.text)
        found = self._last(name, type)
        if found is None:
            raise BadValue(f"{name}/{type}", "no such service")
        held = [held for each, held in found.settings() if each.name == parameter]
        if held:
            raw = found.line.raw(self.text, held[-1].start, held[-1].end)
            start = found.line.offset(held[-1].start)
            rest = self.text[start + len(raw) :]
            braces = raw.startswith("{")
            word = override(parameter, value, braces=braces)
            edited = MasterCf.parse(self.text[:start] + word + rest)
        else:
            edited = self._put_in(found, f"-o {override(parameter, value)}")
        after = edited._last(name, type)
        if after is None or after.service.overrides().get(parameter) != value:
            raise BadValue(parameter, "its override cannot be edited in this file")
        return edited

    def rules(self, name: str, type: str, parameter: str) -> tuple[Rule, ...]:
        """The restriction list an override holds; () where there is none."""
        found = self._last(name, type)
        return parse_list(found.service.overrides().get(parameter, "")) if found else ()

    def set_rules(
        self, name: str, type: str, parameter: str, rules: Iterable[Rule]
    ) -> "MasterCf":
        """The document with `rules(name, type, parameter) == rules`.

        Only that override's value is rewritten, in its own form (`name=value`
        with commas, or in braces); a missing one is put after the others. No
        rules leave an empty override, which hides main.cf's list; a missing
        override stays missing. BadValue where there is no such service.
        """
        check_name(parameter)
        found = self._last(name, type)
        if found is None:
            raise BadValue(f"{name}/{type}", "no such service")
        wanted, present = tuple(rules), self.rules(name, type, parameter)
        if wanted == present:
            return self
        check_rules(wanted, present, self.text)
        edited = self._edit(found, parameter, wanted)
        if edited.rules(name, type, parameter) != wanted:
            raise BadValue(parameter, "its override cannot be edited in this file")
        return edited

    def _last(self, name: str, type: str) -> Entry | None:
        """The service of this name and type that counts."""
        return next(reversed(self._all(name, type)), None)

    def _all(self, name: str, type: str) -> list[Entry]:
        """The services of this name and type, in the order of the file."""
        wanted = (name, type)
        return [
            each
            for each in self.entries
            if (each.service.name, each.service.type) == wanted
        ]

    def _edit(
        self, found: Entry, parameter: str, wanted: tuple[Rule, ...]
    ) -> "MasterCf":
        """The document with the last such override rewritten, or one put in."""
        held = [held for each, held in found.settings() if each.name == parameter]
        if held:
            return self._rewrite(found, held[-1], parameter, wanted)
        return self._put_in(found, f"-o {setting(parameter, wanted)}")

    def _rewrite(
        self, found: Entry, held: Argument, parameter: str, wanted: tuple[Rule, ...]
    ) -> "MasterCf":
        """The document with an override's value exchanged."""
        raw = found.line.raw(self.text, held.start, held.end)
        new = setting(parameter, wanted)
        if raw.startswith("{"):
            new = f"{{ {parameter} = {', '.join(rule.text for rule in wanted)} }}"
        start = found.line.offset(held.start)
        text = Layout(("", ""), (raw,)).put(0, new).text
        return MasterCf.parse(self.text[:start] + text + self.text[start + len(raw) :])

    def _put_in(self, found: Entry, option: str) -> "MasterCf":
        """The document with an option after the service's last override."""
        ends = [found.command_end, *(held.end for _, held in found.settings())]
        at = found.line.offset(ends[-1] - 1) + 1
        before, after = self.text[:at], self.text[at:]
        gap = " "
        if re.match(r"[ \t]*(\r?\n|\Z)", after):
            above = re.search(r"\n([ \t]+)-o[^\n]*\Z", before)
            gap = newline_of(self.text) + (above[1] if above else "  ")
        return MasterCf.parse(before + gap + option + after)


def override(parameter: str, value: str, *, braces: bool = False) -> str:
    """An override as one word, in braces where it has to be."""
    if braces or any(each in value for each in " \t{}"):
        return f"{{ {parameter} = {value} }}"
    return f"{parameter}={value}"


def setting(parameter: str, rules: Iterable[Rule]) -> str:
    """An override of a restriction list as one word, blanks in braces only."""
    words = (
        word
        for rule in rules
        for word in ("warn_if_reject" if rule.warn else "", rule.name, rule.argument)
    )
    return f"{parameter}={','.join(word for word in words if word)}"


def check_service(text: str, document: str) -> None:
    """Raise BadValue unless `text` is exactly one service line."""
    for line in text.split("\n"):
        check_text(line, document)
    if not balanced(text):
        raise BadValue(text, "braces do not balance")
    try:
        lines = [each.line for each in map(entry, logical_lines(text))]
    except BadFile as problem:
        raise BadValue(problem.text, problem.reason) from problem
    if len(lines) != 1 or lines[0].spans[0][0] != 0:
        raise BadValue(text, "not one service line")
    if lines[0].spans[-1][1] not in (len(text), len(text) - 1):
        raise BadValue(text, "has lines after the service")
