"""Where a restriction list leads: to what stands behind `$name`, braces and classes.

What a table or a policy service behind the list decides is not looked at.
"""

import re
from collections.abc import Iterator

from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import parse_list, split_list

__all__ = ["FINAL", "last_word", "leads"]

DEEPEST = 10
# What ends a list: nothing behind it is reached.
FINAL = frozenset({"permit", "reject", "defer", "defer_if_permit", "defer_if_reject"})


def last_word(value: str, main: MainCf) -> str | None:
    """Which `$name` of a list lets nothing behind it be reached, None for none."""
    for start, end in split_list(value):
        item = value[start:end]
        for source, text in _leads_to(item, main, frozenset()):
            if any(rule.key in FINAL for rule in parse_list(text)):
                return f"{source}, which has the last word"
    return None


def leads(
    value: str, main: MainCf, classes: frozenset[str], depth: int = DEEPEST
) -> Iterator[tuple[str, str]]:
    """(source, text) of everything a list's items lead to."""
    if depth == 0:
        return
    for start, end in split_list(value):
        item = value[start:end]
        for source, text in _leads_to(item, main, classes):
            yield source, text
            yield from leads(text, main, classes, depth - 1)


def _leads_to(
    item: str, main: MainCf, classes: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if item in classes:
        yield f"the class {item}", main.get(item) or ""
    if "{" in item:
        inside = re.sub(r"[{}?:]|\$\w*", " ", item)
        yield item, inside
    for name in re.findall(r"\$[({]?(\w+)", item):
        yield f"${name}", main.get(name) or ""
