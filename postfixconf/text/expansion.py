"""A value with `$name`, `${name?yes}`, `${name:no}` and `${name?{yes}:{no}}` expanded.

As Postfix does it for a word (mac_expand(3), postconf(5)): `?` is used where the name
is not empty, `:` where it is. What comes out is a value as main.cf has them, so that
`$$` stays two. What is not decided: comparisons (`${{a} == {b}?…}`). A value that
names itself, on which Postfix dies, has its name left in it.
"""

import re
from collections.abc import Callable

__all__ = ["expanded"]

Known = Callable[[str], str | None]
NAME = re.compile(r"\w+")
REFERENCE = re.compile(r"[{(]?(\w+)\s*(.*?)[})]?", re.DOTALL)  # behind its `$`
DEEPEST = 10  # values in values
CLOSING = {"{": "}", "(": ")"}


def expanded(value: str, known: Known, depth: int = DEEPEST) -> str:
    """`value` with what `known` says of each name; what it answers None to stays.

    >>> known = {"instance": "", "service": "smtpd"}.get
    >>> expanded("${instance?{$instance}:{postfix}}/$service", known)
    'postfix/smtpd'
    >>> expanded("$service, ${stress?reject}", known)
    'smtpd, ${stress?reject}'
    """
    made, at = "", 0
    while depth and (dollar := value.find("$", at)) >= 0:
        end = end_of(value, dollar + 1)
        made += value[at:dollar] + filled(value[dollar + 1 : end], known, depth - 1)
        at = end
    return made + value[at:]


def end_of(value: str, at: int) -> int:
    """Where the reference ends whose `$` stands before `at`."""
    if value.startswith("$", at):
        return at + 1
    if value[at : at + 1] in CLOSING:
        return at + closing(value[at:]) + 1
    name = NAME.match(value, at)
    return name.end() if name else at


def filled(reference: str, known: Known, depth: int) -> str:
    """What stands for a reference, given without its `$`."""
    match = REFERENCE.fullmatch(reference)
    if match is None:  # a comparison, or no reference at all
        return f"${reference[:1]}{expanded(reference[1:], known, depth)}"
    name, choice = match.groups()
    told = known(name)
    if told is None:
        before, behind = reference[: match.start(2)], reference[match.end(2) :]
        return f"${before}{expanded(choice, known, depth)}{behind}"
    there = expanded(told, lambda each: None if each == name else known(each), depth)
    if not choice:
        return there
    yes, no = alternatives(choice)
    return expanded(yes if there else no, known, depth)


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
