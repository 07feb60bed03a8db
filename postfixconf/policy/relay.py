"""Who may relay: whether a configuration refuses strangers' mail to strangers.

Judged from the text of both lists, `$name` and restriction classes followed. What
a table or a policy service decides is not known here: it is not counted as
protection. The proof is the relay probe on a running Postfix.
"""

import re
from collections.abc import Iterable, Sequence

from postfixconf.policy.classes import declared
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.restriction_lists import RECIPIENT, RELAY
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list

__all__ = [
    "PROTECTING",
    "RELAY_LISTS",
    "expand",
    "flattened",
    "has_relay_protection",
    "protected",
    "unfolded",
]

RELAY_LISTS = (RELAY, RECIPIENT)
# smtpd(8) dies unless one of these stands in the relay or recipient list.
PROTECTING = frozenset(
    {
        "reject",
        "reject_unauth_destination",
        "defer",
        "defer_if_permit",
        "defer_unauth_destination",
        "check_relay_domains",
    }
)
FROM_OUTSIDE = ("config_directory", "stress")
DEFAULT_RELAY = "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"


def has_relay_protection(main: MainCf, facts: Facts) -> bool:
    """Whether the relay or the recipient list refuses relaying, unconditionally."""
    return protected([flattened(main, facts, name) for name in RELAY_LISTS])


def protected(lists: Iterable[Sequence[Rule]]) -> bool:
    """Whether one of these lists refuses relaying, unconditionally."""
    for rules in lists:
        for rule in rules:
            if rule.key == "permit":
                break  # what stands behind it is never reached
            if rule.key in PROTECTING and not rule.warn:
                return True
    return False


def flattened(main: MainCf, facts: Facts, name: str) -> tuple[Rule, ...]:
    """A list with each restriction class replaced by its rules, as far as told."""
    return unfolded(main, relay_rules(main, facts, name))


def unfolded(main: MainCf, value: str) -> tuple[Rule, ...]:
    """The rules of a list's text, `$name` and restriction classes followed."""
    classes = [*declared(main)]
    rules = list(parse_list(expand(value, main)))
    found = []
    while rules:
        rule = rules.pop(0)
        if rule.name in classes:
            classes.remove(rule.name)  # once: a class may name itself
            rules[:0] = parse_list(expand(main.get(rule.name) or "", main))
        else:
            found.append(rule)
    return tuple(found)


def relay_rules(main: MainCf, facts: Facts, name: str) -> str:
    """One list as smtpd starts from it, `$name` not expanded."""
    if name == RELAY and main.get(name) is None:
        return DEFAULT_RELAY if compatibility(main) >= (1,) else ""
    return effective(main, facts, name)


def compatibility(main: MainCf) -> tuple[int, ...]:
    """`compatibility_level` as numbers; 0 where it is not set (postconf(5))."""
    numbers = re.findall(r"\d+", main.get("compatibility_level") or "0")
    return tuple(int(number) for number in numbers)


def expand(value: str, main: MainCf) -> str:
    """`value` with its `$name` expanded by main.cf alone; "" for what it does not set.

    Where its own directory is, and whether smtpd is overloaded, is not main.cf's to
    say: those stay.
    """

    def known(name: str) -> str | None:
        return None if name in FROM_OUTSIDE else main.get(name) or ""

    return expanded(value, known)
