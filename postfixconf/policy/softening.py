"""A gentler mode for rules where they stand now, whatever was edited around them.

For what cannot wait until a person has adopted a hand edit: a list that refuses
everybody. Everything else of the live files stays as it is, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import replace

from postfixconf.policy.compose import compose
from postfixconf.policy.control import Mode, Restriction
from postfixconf.policy.found import find
from postfixconf.policy.lookups import with_relay_classes
from postfixconf.policy.observed import Facts, Observed, effective
from postfixconf.policy.plan import Action, Plan
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import with_probe_service
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["softened", "untouched"]


def softened(
    modes: Mapping[str, Mode], policy: Policy, observed: Observed, *, reload: bool
) -> Plan:
    """What to write so that these controls have these modes, and nothing else.

    `policy` knows the controls.

    Raises BadFile for a file that Postfix would not read.
    """
    before, facts = observed.texts, observed.facts
    main = MainCf.parse(before.main)
    found = find(main, MasterCf.parse(before.master), facts, policy.controls)
    main = compose(main, found, replace(policy, modes=modes, filtered=()), facts)
    after = with_relay_classes(main, facts).render()
    if after == before.main:
        return Plan(before, before, Action.NONE, standing=observed.tables)
    action = Action.RELOAD if reload else Action.RESTART
    texts = replace(before, main=after, master=with_probe_service(before.master))
    return Plan(before, texts, action, standing=observed.tables)


def untouched(key: str, policy: Policy, written: str, observed: Observed) -> bool:
    """Whether a rule stands in the live main.cf as in the one that was written.

    Raises BadFile for a file that Postfix would not read.
    """
    before, now = MainCf.parse(written), MainCf.parse(observed.texts.main)
    controls, facts = policy.controls, observed.facts
    place = controls.control(key).place
    if not isinstance(place, Restriction):
        return False
    master = MasterCf.parse(observed.texts.master)
    found = find(now, master, facts, controls)[key]
    same = _standing(place, before, facts) == _standing(place, now, facts)
    return same and found.switchable and found.mode is not Mode.OFF


def _standing(place: Restriction, main: MainCf, facts: Facts) -> list[list[Rule]]:
    """The rules of a control in each list."""
    lists = (parse_list(effective(main, facts, name)) for name in RESTRICTION_LISTS)
    return [[rule for rule in rules if place.matches(rule)] for rules in lists]
