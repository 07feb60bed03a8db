"""A restriction list in the document's own bytes, and how one is laid out.

Turns wanted rules into the smallest edit of a layout. It knows
`warn_if_reject` and nothing else of what a restriction means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from postfixconf.text.assignments import Assignment
from postfixconf.text.layout import INDENT, become, common, cut
from postfixconf.text.lines import folded
from postfixconf.text.rules import WARN, Rule, parse_rules, split_list

__all__ = ["block", "flat", "with_rules"]

PERMITS = ("permit_mynetworks", "permit_sasl_authenticated")


@dataclass(frozen=True)
class Item:
    """A rule and its bytes: `raw` whole, `bare` without its `warn_if_reject`."""

    rule: Rule
    raw: str
    bare: str

    def warned(self, warn: bool) -> str:
        """The rule's bytes with `warn_if_reject` before it, or without."""
        if warn == self.rule.warn:
            return self.raw
        if warn:
            return f"{WARN} {self.raw}"
        between = cut(self.raw.removesuffix(self.bare))
        if between and between.middle:
            return f"\n{between.middle}{between.lead}{self.bare}"
        return self.bare


def items(found: Assignment, document: str) -> Iterator[tuple[Item, tuple[int, int]]]:
    """Each rule of the list with its (start, end) in the value."""
    value = found.value
    words = list(split_list(value))
    at = 0
    for rule in parse_rules(folded(value[start:end]) for start, end in words):
        first, last = at + rule.warn, at + rule.warn + (rule.argument is not None)
        start, end = words[at][0], words[last][1]
        raw = found.raw(document, start, end)
        yield Item(rule, raw, found.raw(document, words[first][0], end)), (start, end)
        at = last + 1


def with_rules(found: Assignment, document: str, wanted: Sequence[Rule]) -> str:
    """The value's new bytes, where neither list is empty."""
    pairs = list(items(found, document))
    present = [item for item, _ in pairs]
    layout = found.layout(document, (span for _, span in pairs))
    stay = common(
        [item.rule.enforced() for item in present],
        [rule.enforced() for rule in wanted],
    )
    words = list(layout.words)
    for old, new in stay:
        words[old] = present[old].warned(wanted[new].warn)
    layout = replace(layout, words=tuple(words), comma=",")
    return become(layout, stay, [rule.text for rule in wanted]).text


def flat(rules: Sequence[Rule]) -> str:
    """The list on one line."""
    return ", ".join(rule.text for rule in rules)


def block(rules: Sequence[Rule], newline: str) -> str:
    """A new list: a rule a line, the permits together where they lead."""
    lead = 0
    while lead < len(rules) and rules[lead].text in PERMITS:
        lead += 1
    first = [flat(rules[:lead])] if lead else []
    rest = [rule.text for rule in rules[lead:]]
    return f",{newline}{INDENT}".join(first + rest)
