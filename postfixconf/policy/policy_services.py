"""The policy services that restriction lists name (SMTPD_POLICY_README).

One that is configured and does not answer has Postfix answer 451 to every recipient,
unless the rule says what to do then; `postfix check` is content (seen on 3.7.11).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postfixconf.policy.greylisting import is_same
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import parse_list

__all__ = [
    "ASKS",
    "DEFAULT_ACTION",
    "USUAL",
    "PolicyService",
    "policy_services",
    "service_of",
]

ASKS = "check_policy_service"
DEFAULT_ACTION = "smtpd_policy_service_default_action"  # 3.0 and later
PASSES = re.compile(r"(dunno|ok|permit\w*)\b", re.IGNORECASE)
USUAL = "451 4.3.5 Server configuration problem"  # postconf(5)


@dataclass(frozen=True)
class PolicyService:
    """A policy service as it is named, `inet:127.0.0.1:10023`, and what Postfix does
    when it does not answer.
    """

    name: str
    default_action: str

    @property
    def needed(self) -> bool:
        """Whether mail is put off while it is away."""
        return not PASSES.match(self.default_action)

    def is_at(self, place: str) -> bool:
        """Whether it is the one at this place, however that is spelled."""
        return is_same(self.name, place)


def policy_services(main: MainCf, master: MasterCf) -> frozenset[PolicyService]:
    """Every policy service that a list names."""
    usual = main.get(DEFAULT_ACTION) or USUAL
    return frozenset(
        service_of(rule.argument, usual)
        for value in values(main, master)
        for rule in parse_list(value)
        if rule.key == ASKS and rule.argument
    )


def values(main: MainCf, master: MasterCf) -> Iterator[str]:
    """Every value that may be a list, of main.cf and of the services."""
    yield from (main.get(name) or "" for name in main.names())
    for each in master.services():
        yield from each.overrides().values()


def service_of(argument: str, usual: str = USUAL) -> PolicyService:
    """A service from its name, or from `{ name, attribute = value, … }` (3.0).

    `usual` is what Postfix does where the rule says nothing.
    """
    if not argument.startswith("{"):
        return PolicyService(argument, usual)
    first, *rest = (part.strip() for part in argument[1:-1].split(","))
    if not rest and " " in first:
        first, *rest = first.split(maxsplit=1)
    action = re.search(r"default_action\s*=\s*([^,}]*)", argument)
    return PolicyService(first, action[1].strip() if action else usual)
