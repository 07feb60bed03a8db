"""One item of a restriction list, and a list's text as a tuple of them.

Splits as Postfix's `mystrtokq(…, CHARS_COMMA_SP, CHARS_BRACE)` does
(smtpd_check.c, smtpd_check_parse): at commas and white space outside braces.
It knows how many arguments a restriction takes, and nothing of what it means;
names that Postfix would not know are kept as they are.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

__all__ = ["WARN", "Rule", "parse_list", "parse_rules", "split_list"]

SEPARATORS = ", \t\r\n"
WARN = "warn_if_reject"

# Restrictions whose next item is an argument (postconf(5)); every
# check_*_access and check_policy_service takes one too.
ONE_ARGUMENT = frozenset(
    {
        "permit_dnswl_client",
        "permit_rhswl_client",
        "reject_rbl",
        "reject_rbl_client",
        "reject_rhsbl_client",
        "reject_rhsbl_helo",
        "reject_rhsbl_recipient",
        "reject_rhsbl_reverse_client",
        "reject_rhsbl_sender",
        "sleep",
    }
)


@dataclass(frozen=True)
class Rule:
    """One restriction with its argument and its own `warn_if_reject`.

    >>> Rule("reject_rbl_client", "zen.spamhaus.org=127.0.0.[2..11]", warn=True).text
    'warn_if_reject reject_rbl_client zen.spamhaus.org=127.0.0.[2..11]'
    >>> Rule("Reject_Non_FQDN_Sender").key
    'reject_non_fqdn_sender'

    `name` and `argument` are as spelled in the file. `warn` is true where
    `warn_if_reject` stands directly before the item (it binds to that item
    only). A bare `type:table` is a Rule whose name holds the colon.
    """

    name: str
    argument: str | None = None
    warn: bool = False

    @cached_property
    def key(self) -> str:
        """The name as Postfix compares it, without regard to case."""
        return self.name.lower()

    @property
    def text(self) -> str:
        """The rule as one line of main.cf would hold it."""
        words = [WARN] if self.warn else []
        words.append(self.name)
        if self.argument is not None:
            words.append(self.argument)
        return " ".join(words)

    def enforced(self) -> "Rule":
        """The same rule without `warn_if_reject`."""
        return replace(self, warn=False)


def takes_argument(name: str) -> bool:
    """Whether the item after `name` in a list belongs to it."""
    low = name.lower()
    return (
        low in ONE_ARGUMENT
        or low == "check_policy_service"
        or (low.startswith("check_") and low.endswith("_access"))
    )


def split_list(value: str, separators: str = SEPARATORS) -> Iterator[tuple[int, int]]:
    """The (start, end) of each item in `value`, braces kept whole.

    An opening brace without its partner takes the rest of the text, as in
    Postfix; a closing one is a letter like any other.
    """
    start, depth = 0, 0
    for found in re.finditer(rf"[{{}}]|[{separators}]+", value):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth = max(0, depth - 1)
        elif depth == 0:
            if start < found.start():
                yield start, found.start()
            start = found.end()
    if start < len(value):
        yield start, len(value)


def parse_rules(items: Iterable[str]) -> tuple[Rule, ...]:
    """The items of a list, each with its argument and `warn_if_reject`.

    A `warn_if_reject` that binds to nothing (at the end of the list, or before
    another one) is kept as a Rule of its own, and an argument missing at the
    end is None, so that nothing is lost.

    >>> parse_rules(["warn_if_reject", "reject_rbl_client", "a.example"])
    (Rule(name='reject_rbl_client', argument='a.example', warn=True),)
    """
    rules: list[Rule] = []
    words = iter(items)
    waiting = None
    for word in words:
        if word.lower() == WARN:
            rules += [Rule(waiting)] if waiting else []
            waiting = word
            continue
        argument = next(words, None) if takes_argument(word) else None
        rules.append(Rule(word, argument, waiting is not None))
        waiting = None
    rules += [Rule(waiting)] if waiting else []
    return tuple(rules)


@lru_cache(maxsize=1024)
def parse_list(value: str) -> tuple[Rule, ...]:
    """The rules of a list as Postfix splits it: commas, blanks, braces."""
    return parse_rules(value[start:end] for start, end in split_list(value))
