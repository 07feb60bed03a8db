"""A value with `$name`, `${name?yes}`, `${name:no}` and `${name?{yes}:{no}}` followed.

As Postfix does it for a word (mac_expand(3), postconf(5)): `?` is used where the name
is not empty, `:` where it is. What is not followed: comparisons (`${{a} == {b}?…}`),
which stay as they are.
"""

import re
from collections.abc import Callable

__all__ = ["expanded"]

Known = Callable[[str], str]
NAME = re.compile(r"\w+")
DEEPEST = 10  # a value may name itself
CLOSING = {"{": "}", "(": ")"}


def expanded(value: str, known: Known, depth: int = DEEPEST) -> str:
    """`value` with what `known` says of each name, "" for one that is not set.

    >>> expanded("${instance?{$instance}:{postfix}}/$service", {"service": "a"}.get)
    'postfix/a'
    """
    head, dollar, rest = value.partition("$")
    if not dollar or not depth:
        return value
    if rest.startswith("$"):
        return f"{head}$" + expanded(rest[1:], known, depth)
    if rest[:1] in CLOSING:
        end = closing(rest)
        inner, rest = rest[1:end], rest[end + 1 :]
        found = braced(inner, known, depth)
    else:
        match = NAME.match(rest)
        found = plain(match[0], known, depth) if match else "$"
        rest = rest[match.end() :] if match else rest
    return head + found + expanded(rest, known, depth)


def plain(name: str, known: Known, depth: int) -> str:
    """What stands behind a name."""
    return expanded(known(name) or "", known, depth - 1)


def braced(inner: str, known: Known, depth: int) -> str:
    """What stands behind `name`, `name?yes`, `name:no` or `name?{yes}:{no}`."""
    match = NAME.match(inner)
    if match is None:
        return f"${{{inner}}}"
    name, choice = match[0], inner[match.end() :]
    if not choice:
        return plain(name, known, depth)
    there = bool(plain(name, known, depth))
    yes, no = alternatives(choice)
    return expanded(yes if there else no, known, depth - 1)


def alternatives(choice: str) -> tuple[str, str]:
    """The texts behind `?` and `:`, "" for one that is not there."""
    mark, text = choice[0], choice[1:].strip()
    if mark not in "?:":
        return "", ""
    if not text.startswith("{"):
        return (text, "") if mark == "?" else ("", text)
    end = closing(text)
    first, rest = text[1:end].strip(), text[end + 1 :].strip()
    if mark == ":":
        return "", first
    second = rest[1:].strip()
    return first, second[1 : closing(second)].strip() if second[:1] == "{" else second


def closing(text: str) -> int:
    """Where the bracket that the text begins with is closed; the end if nowhere."""
    opens, closes, depth = text[0], CLOSING[text[0]], 0
    for at, letter in enumerate(text):
        depth += (letter == opens) - (letter == closes)
        if depth == 0:
            return at
    return len(text)
