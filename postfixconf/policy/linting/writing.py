"""How main.cf and master.cf are written: what looks like one thing and is another."""

import re
from collections.abc import Iterator

from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.naming import DERIVED
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS

__all__ = ["comments", "ending", "level", "swallowed", "twice"]

COMMENT = re.compile(r"(?:^|(?<=[\s,]))#.*", re.DOTALL)
ASSIGNED = re.compile(r"(?:^|(?<=[\s,]))([\w-]+)(\s*=)(?=[\s\w$]|$)")
SIMPLE = re.compile(r"yes|no|\d+[smhdw]?", re.IGNORECASE)
# Where `#` is a letter like any other.
FREE = ("debugger_command", "recipient_delimiter", "smtpd_banner")
NAMES = ("mydomain", "myhostname")
LONGEST = 60
SHORTEST = 8  # of a name that was glued to the value before it


def comments(seen: Seen) -> Iterator[Said]:
    """Words of a comment that are part of a value."""
    for name in seen.main.names():
        found = COMMENT.search(unbraced(seen.main.get(name) or ""))
        if found and name not in FREE:
            code = "comment_breaks" if breaks(seen, name) else "comment_in_value"
            yield Said(code, name, (found[0][:LONGEST],))


def breaks(seen: Seen, name: str) -> bool:
    """Whether Postfix cannot live with other words in a value."""
    simple = SIMPLE.fullmatch(seen.facts.defaults.get(name, ""))
    return bool(simple) or name in (*NAMES, *RESTRICTION_LISTS, *seen.classes)


def swallowed(seen: Seen) -> Iterator[Said]:
    """A setting inside the value of another."""
    for name in seen.main.names():
        for found in ASSIGNED.finditer(unbraced(seen.main.get(name) or "")):
            word, loose = found[1], found[2] != "="
            known = seen.facts.knows(word) or DERIVED.fullmatch(word)
            if known or (loose and glued(seen, word)):
                yield Said("assignment_in_value", name, (f"{word} =", name))


def glued(seen: Seen, word: str) -> bool:
    """Whether a setting's name has something in front: `nodisable_vrfy_command`."""
    starts = range(1, len(word) - SHORTEST)
    return any(seen.facts.knows(word[start:]) for start in starts)


def unbraced(value: str) -> str:
    """A value without what stands in braces."""
    while (found := re.sub(r"\$?\{[^{}]*\}", " ", value)) != value:
        value = found
    return value


def twice(seen: Seen) -> Iterator[Said]:
    """Settings that are set more than once, to different values."""
    values: dict[str, list[str]] = {}
    for each in seen.main.assignments:
        values.setdefault(each.name, []).append(" ".join(each.value.split()))
    for name, told in values.items():
        if len(set(told)) > 1:
            yield Said("set_twice", name, (str(len(told)),))


def ending(seen: Seen) -> Iterator[Said]:
    """A file whose last line has no newline."""
    texts = {"main.cf": seen.main.render()}
    if seen.master:
        texts["master.cf"] = seen.master.render()
    for name, text in texts.items():
        if text and not text.endswith("\n"):
            yield Said("no_final_newline", name)


def level(seen: Seen) -> Iterator[Said]:
    """No compatibility_level."""
    if seen.main.get("compatibility_level") is None:
        newest = ".".join(seen.facts.version.split(".")[:2])
        yield Said("no_compatibility_level", "compatibility_level", (newest,))
