"""main.cf: parameters found and changed, every other byte kept.

Facts (postconf(5); run on 3.7.11): the last assignment of a name wins; postconf
shows every run of blanks in a value as one space, line breaks included; there
are no trailing comments. The only lines Postfix refuses are those without `=`
or without a name; any other text is kept as it is, whether or not Postfix would
like its meaning (an unknown name, a lone `$`).

It does not expand `$name` and does not know one parameter from another.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from postfixconf.errors import BadFile, BadValue
from postfixconf.text.assignments import Assignment, assignment
from postfixconf.text.checks import check_name, check_rules, check_value
from postfixconf.text.layout import Layout, become, common
from postfixconf.text.lines import folded, logical_lines, newline_of, terminated
from postfixconf.text.lists import block, flat, with_rules
from postfixconf.text.rules import Rule, parse_list

__all__ = ["MainCf"]


@dataclass(frozen=True)
class MainCf:
    r"""A main.cf as an immutable value; editing returns a new one.

    >>> doc = MainCf.parse("mynetworks = 127.0.0.0/8,\n# office\n    10.0.0.0/8\n")
    >>> doc.get("mynetworks")
    '127.0.0.0/8, 10.0.0.0/8'
    >>> doc.set("mynetworks", "127.0.0.0/8, 192.0.2.0/24").render()
    'mynetworks = 127.0.0.0/8,\n# office\n    192.0.2.0/24\n'
    """

    text: str
    assignments: tuple[Assignment, ...] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "MainCf":
        """The document of `text`; BadFile where Postfix would not read it."""
        return _document(text)

    def render(self) -> str:
        """The document's text: what was parsed, if nothing was edited."""
        return self.text

    def names(self) -> tuple[str, ...]:
        """Every name assigned to, once, in the order of first appearance."""
        return tuple(dict.fromkeys(each.name for each in self.assignments))

    def get(self, name: str) -> str | None:
        """The value as `postconf -h name` prints it; None if `name` is absent.

        The last assignment counts, `$` is not expanded, an empty value is "".
        """
        found = self._last(name)
        return None if found is None else found.printed

    def set(self, name: str, value: str) -> "MainCf":
        """The document with `get(name) == value`; BadValue for what cannot be.

        The last assignment is edited, or one is appended. A value equal word
        for word changes nothing. Otherwise words that stay keep their bytes,
        lines and comments, a new word takes the place of an old one or the
        separator of its neighbours, and comment lines inside the value stay.
        """
        check_name(name)
        if value == self.get(name):
            return self
        check_value(value, self.text)
        found = self._last(name)
        if found is None:
            return self._append(f"{name} = {value}".rstrip(" "))
        texts = worded(found.layout(self.text, found.words()), value)
        return self._edit(found, texts, lambda new: new.get(name) == value)

    def remove(self, name: str) -> "MainCf":
        """The document without any assignment of `name`.

        Their own physical lines go; comment and blank lines inside stay.
        """
        text = self.text
        for each in reversed(self.assignments):
            if each.name == name:
                text = each.line.without(text)
        return MainCf.parse(text)

    def rules(self, name: str) -> tuple[Rule, ...]:
        """The restriction list `name`; () where it is empty or absent."""
        return parse_list(self.get(name) or "")

    def set_rules(self, name: str, rules: Iterable[Rule]) -> "MainCf":
        """The document with `rules(name) == rules`, edited as little as can be.

        Rules that stay keep their bytes; of one whose `warn` alone differs only
        that word comes or goes. A list that is absent is appended, one rule a
        line; no rules at all leave an empty value. BadValue for a rule that
        would not read back as itself.
        """
        check_name(name)
        wanted, present = tuple(rules), self.rules(name)
        if wanted == present:
            return self
        check_rules(wanted, present, self.text)
        found = self._last(name)
        if found is None:
            return self._append(f"{name} = {block(wanted, newline_of(self.text))}")
        texts = listed(found, self.text, wanted)
        return self._edit(found, texts, lambda new: new.rules(name) == wanted)

    def _last(self, name: str) -> Assignment | None:
        """The assignment of `name` that counts."""
        return self._counting.get(name)

    @cached_property
    def _counting(self) -> dict[str, Assignment]:
        """The assignment that counts of each name: the last one."""
        return {each.name: each for each in self.assignments}

    def _append(self, line: str) -> "MainCf":
        """The document with a new last line, begun at the margin."""
        return MainCf.parse(terminated(self.text) + line + newline_of(self.text))

    def _edit(
        self,
        found: Assignment,
        texts: Iterable[str],
        holds: Callable[["MainCf"], bool],
    ) -> "MainCf":
        """The document with the first of `texts` for a value that `holds`."""
        start, end = found.region(self.text)
        for text in texts:
            with suppress(BadFile):
                edited = MainCf.parse(self.text[:start] + text + self.text[end:])
                if holds(edited):
                    return edited
        raise BadValue(found.name, "its value cannot be edited in this file")


@lru_cache(maxsize=16)
def _document(text: str) -> MainCf:
    return MainCf(text, tuple(map(assignment, logical_lines(text))))


def worded(layout: Layout, value: str) -> Iterator[str]:
    """New bytes for a value, the best first; the last reads back in any file."""
    wanted = value.split(" ") if value else []
    if wanted and layout.words:
        pairs = common([folded(word) for word in layout.words], wanted)
        yield become(layout, pairs, wanted).text
    yield layout.flat(value)


def listed(found: Assignment, document: str, wanted: tuple[Rule, ...]) -> Iterator[str]:
    """New bytes for a list, the best first; the last reads back in any file."""
    layout = found.layout(document, found.words())
    if wanted and parse_list(found.value):
        yield with_rules(found, document, wanted)
    elif wanted:
        yield layout.flat(block(wanted, newline_of(document)))
    yield layout.flat(flat(wanted))
