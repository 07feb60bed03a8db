"""Why entries and own domains cannot work as main.cf and master.cf are.

Such a fault forbids a change that writes the table in question, or has it asked in
one more place. It forbids no other change, least of all a panic: what does no more
than before does no more harm.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from postfixconf.policy.asking import reads_access, types_in
from postfixconf.policy.entries import Lookup
from postfixconf.policy.lint import Finding, Level, asks_sender
from postfixconf.policy.lookups import (
    NEVER,
    OWN_CLASS,
    SENDER,
    rule_of,
    tables_for,
    type_of,
)
from postfixconf.policy.observed import Facts, effective, front_services
from postfixconf.policy.policy import Policy
from postfixconf.policy.ranks import managed
from postfixconf.policy.relay import flattened, unfolded
from postfixconf.policy.relays import RELAY_TABLES, asks_relays
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["hindrances"]

# Tables of `key value` lines; one of patterns cannot hold entries.
KEYED = ("hash", "btree", "lmdb", "cdb", "texthash")
ACCESS = frozenset({Lookup.ACCESS})
Hindered = Iterator[tuple[frozenset[str], Finding]]


def hindrances(
    policy: Policy,
    before: MainCf,
    after: MainCf,
    master: MasterCf,
    facts: Facts,
    written: Collection[str],
) -> tuple[Finding, ...]:
    """What keeps the tables of `policy` from working once main.cf is `after`.

    `before` is main.cf as it stands, `written` are the paths of the tables that the
    change writes.
    """
    found = list(_overridden(policy, after, master, facts))
    found += _relays_overridden(policy, master)
    if Lookup.ACCESS in policy.lookups:
        found += _of_patterns(after, facts)
        found += _for_others(after, facts)
        found += _as_another(after, master, facts)
    more = _asked(after, facts) - _asked(before, facts)
    changed = {*written, *(table for table, _, _ in more)}
    return tuple(
        replace(each, blocks=not changed.isdisjoint(tables)) for tables, each in found
    )


def _asked(main: MainCf, facts: Facts) -> set[tuple[str, str, Rule]]:
    """(table, place, rule) of all that asks our tables.

    The stop counts where it refuses: one that only logs does nothing.
    """
    ours: dict[Rule, str] = {rule_of(each, main, facts): each for each in Lookup}
    ours |= {asks_relays(name): path for name, path in RELAY_TABLES.items()}
    found = {
        (Lookup.ACCESS if reads_access(rule, facts) else ours[rule], name, rule)
        for name in RESTRICTION_LISTS
        for rule in parse_list(effective(main, facts, name))
        if rule in ours or reads_access(rule, facts)
    }
    stop = parse_list(main.get(OWN_CLASS) or "")
    return found | {(Lookup.ACCESS, OWN_CLASS, rule) for rule in stop if not rule.warn}


def _overridden(
    policy: Policy, main: MainCf, master: MasterCf, facts: Facts
) -> Hindered:
    """A `-o` on port 25 that takes the place of a list with our lookups."""
    for service in front_services(master):
        for name, value in service.overrides().items():
            if name not in RESTRICTION_LISTS or name in NEVER:
                continue
            rules = unfolded(main, value)
            needed = tables_for(
                rules, name, policy.uses, policy.own_mode, policy.controls
            )
            missing = {t for t in needed if rule_of(t, main, facts) not in rules}
            if missing:
                yield (
                    frozenset(missing),
                    Finding(
                        Level.ERROR,
                        "entries_overridden",
                        "master.cf",
                        f"“-o {name}” of {service.name} takes the place of the list in "
                        "main.cf, so entries and own domains do nothing on that port.",
                        f"Move that list to main.cf as {name}, then adopt the edit.",
                    ),
                )


def _relays_overridden(policy: Policy, master: MasterCf) -> Hindered:
    """A `-o` on port 25 that takes the place of a list that would ask for relays."""
    for service in front_services(master) if policy.relays else ():
        for name, value in service.overrides().items():
            rules = parse_list(value)
            ours = any(managed(rule) for rule in rules)
            if name in RESTRICTION_LISTS and name not in NEVER and ours:
                yield (
                    frozenset({RELAY_TABLES[name]}),
                    Finding(
                        Level.ERROR,
                        "relays_overridden",
                        "master.cf",
                        f"“-o {name}” of {service.name} takes the place of the list in "
                        "main.cf: there mail of your relays in front is judged like "
                        "anybody's.",
                        f"Move that list to main.cf as {name}, then adopt the edit.",
                    ),
                )


def _of_patterns(main: MainCf, facts: Facts) -> Hindered:
    """The sender table is one whose lines are patterns."""
    kind = type_of(Lookup.ACCESS, main, facts)
    if kind not in KEYED:
        yield (
            ACCESS,
            Finding(
                Level.ERROR,
                "access_of_patterns",
                "access",
                f"The sender table is of type {kind}, which holds patterns: an entry "
                "would mean something else there.",
                "Move its lines to a file of another name, and main.cf with it, "
                "then adopt the edit.",
            ),
        )


def _for_others(main: MainCf, facts: Facts) -> Hindered:
    """The sender table is asked for something else as well."""
    for name in RESTRICTION_LISTS:
        for rule in flattened(main, facts, name):
            bare = ":" in rule.name and name == SENDER
            if reads_access(rule, facts) and not (bare or asks_sender(rule, facts)):
                yield (
                    ACCESS,
                    Finding(
                        Level.ERROR,
                        "access_asked_for_others",
                        name,
                        f"“{rule.text}” asks the sender table for something else than "
                        "senders: entries would refuse the wrong mail.",
                        "Give that rule a table of its own, then adopt the edit.",
                    ),
                )


def _as_another(main: MainCf, master: MasterCf, facts: Facts) -> Hindered:
    """The sender table is asked as another type than the one that is written.

    Each value counts, used or not: a class may be named by a table that nobody
    reads here.
    """
    kind = type_of(Lookup.ACCESS, main, facts)
    values = [(name, main.get(name) or "") for name in main.names()]
    for service in master.services():
        for name, value in service.overrides().items():
            values.append((f"-o {name} of {service.name}", value))
    for place, value in values:
        for other in sorted(types_in(value, facts) - {kind}):
            yield (
                ACCESS,
                Finding(
                    Level.ERROR,
                    "access_asked_as_another",
                    place,
                    f"“{place}” asks the sender table as {other}, but it would be "
                    f"written as {kind}: entries would be missing there.",
                    f"Write {kind}: before that file everywhere, or give the rule a "
                    "table of its own, then adopt the edit.",
                ),
            )
