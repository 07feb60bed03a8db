"""What may enter a configuration: names, values, rules.

Everything here either returns quietly or raises BadValue that quotes the text.
It guards the file's shape (no text may end its line, open another setting or
read back differently), not its meaning: whether Postfix knows a name or a
value is wise is decided elsewhere.
"""

import re
from collections.abc import Sequence

from postfixconf.errors import BadValue
from postfixconf.text.lines import BLANK, folded
from postfixconf.text.rules import Rule, parse_list, split_list

__all__ = ["balanced", "check_name", "check_rules", "check_text", "check_value"]

LONGEST_VALUE = 100_000  # characters

# Postfix's own names, and those made from a service's name in master.cf
# (`policy-spf_time_limit`).
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # tab is none
UNDECODED = re.compile(r"[\ud800-\udfff]+")


def check_name(name: str) -> None:
    """Raise BadValue unless `name` can be a parameter's name."""
    if not NAME.fullmatch(name):
        raise BadValue(name, "not a parameter name")


def check_value(value: str, document: str) -> None:
    """Raise BadValue unless `value` reads back from one line of `document`.

    postconf shows any run of blanks as one space, so only single spaces are
    accepted.
    """
    check_text(value, document)
    if len(value) > LONGEST_VALUE:
        raise BadValue(value, f"longer than {LONGEST_VALUE} characters")
    if value != value.strip(BLANK):
        raise BadValue(value, "begins or ends with white space")
    if value != folded(value):
        raise BadValue(value, "Postfix reads a run of blanks as one space")


def check_text(text: str, document: str) -> None:
    """Raise BadValue for control characters other than tab, and broken bytes.

    Undecodable bytes (lone surrogates) pass where the document holds the same
    bytes already.
    """
    if found := CONTROL.search(text):
        raise BadValue(text, f"holds the control character {found[0]!r}")
    if any(broken not in document for broken in UNDECODED.findall(text)):
        raise BadValue(text, "holds bytes that are not UTF-8")


def check_rules(rules: Sequence[Rule], present: Sequence[Rule], document: str) -> None:
    """Raise BadValue unless the list of `rules` reads back as itself.

    Rules the list holds already (`present`) may be as odd as they are.
    """
    known = {rule.enforced() for rule in present}
    for rule in rules:
        if rule.enforced() not in known:
            check_word(rule.name, document)
            if rule.argument is not None:
                check_word(rule.argument, document)
    text = ", ".join(rule.text for rule in rules)
    if parse_list(text) != tuple(rules):
        raise BadValue(text, "would not read back as the same rules")


def check_word(word: str, document: str) -> None:
    """Raise BadValue unless `word` is one item of a list, braces balanced."""
    if not word:
        raise BadValue(word, "empty")
    check_value(word, document)
    if word.startswith("#"):
        raise BadValue(word, "would read as a comment at the start of a line")
    if not balanced(word):
        raise BadValue(word, "braces do not balance")
    if list(split_list(word)) != [(0, len(word))]:
        raise BadValue(word, "not one item of a list")


def balanced(text: str) -> bool:
    """Whether every `{` has its `}` after it, and no `}` stands alone."""
    depth = 0
    for brace in re.findall(r"[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
