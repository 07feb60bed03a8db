"""Lists with a marker before each rule, so that Postfix tells how it goes through them.

A marker is an access table that answers every client with `INFO`: it permits nothing,
refuses nothing and leaves a line. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from postfixconf.policy.classes import declared
from postfixconf.policy.restriction_lists import RECIPIENT, RESTRICTION_LISTS
from postfixconf.text.expansion import expanded
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list
from postfixconf.text.services import Service

__all__ = ["ASKED", "Lists", "classes", "lists_of", "marked"]

ASKED = RESTRICTION_LISTS[:5]  # what is asked at RCPT

# smtpd does not start without relay protection that refuses: here it is not reached.
ENOUGH = ("check_client_access static:OK", "reject_unauth_destination")

Lists = Mapping[str, tuple[Rule, ...]]


def lists_of(service: Service, main: MainCf, usual: Mapping[str, str]) -> Lists:
    """The lists that a service asks, its overrides counted.

    `usual` are the values of ASKED as main.cf has them, `$` expanded.
    """
    own = {
        name: expanded(value, main.get) for name, value in service.overrides().items()
    }
    values = {name: own.get(name, usual.get(name, "")) for name in ASKED}
    return {
        **{name: parse_list(each) for name, each in values.items()},
        **classes(main),
    }


def classes(main: MainCf) -> Lists:
    """The restriction classes of main.cf, by name."""
    names = declared(main)
    return {n: parse_list(expanded(main.get(n) or "", main.get)) for n in names}


def marked(where: str, rules: Iterable[Rule], *, softly: bool = False) -> str:
    """A list with a marker before each of its rules, and one at its end.

    With `softly` every rule only says what it would refuse, so that none hides what
    stands behind it.
    """
    items = list(rules)
    texts = [
        f"{marker(where, n)}, {(replace(each, warn=True) if softly else each).text}"
        for n, each in enumerate(items)
    ]
    end = ENOUGH if softly and where == RECIPIENT else ()
    return ", ".join([*texts, marker(where, len(items)), *end])


def marker(where: str, number: int) -> str:
    """A rule that leaves a line and does nothing else."""
    return f"check_client_access static:{{INFO mailguard at {where} {number}}}"
