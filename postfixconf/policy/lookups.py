"""Where the tables of entries stand in main.cf: one chain, the same in every list.

    permits, relays in front, clients, networks, own domains and senders, greetings,
    then the controls

An entry that allows has to stand in every list that one of our rules could reject
in, since lists are independent; one that denies needs a single place, the sender
list. Own domains are lines of the sender table that answer with a restriction
class; the class asks which clients are excepted, so that an exception lifts this
one rule and nothing else.

Allow entries answer `permit_auth_destination` and never stand in the relay list:
they cannot open the relay, whatever else main.cf says. Hand-written lines of the
sender table can (`OK`); the linter looks at those.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from postfixconf.policy.asking import path_pattern
from postfixconf.policy.classes import with_class
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import STATIC, Controls
from postfixconf.policy.entries import Lookup, Side, Spared
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.ranks import AFTER, FIRST, PERMITS, managed, position
from postfixconf.policy.relays import RELAY_TABLES, asks_relays, class_of, kept
from postfixconf.policy.restriction_lists import ETRN, RELAY, RESTRICTION_LISTS, SENDER
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list

__all__ = [
    "NEVER",
    "OWN_CLASS",
    "OWN_TABLE",
    "SENDER",
    "Uses",
    "asked_in",
    "ours",
    "relay_classes",
    "rule_of",
    "tables_for",
    "type_of",
    "weave",
    "with_relay_classes",
]

OWN_CLASS = "mailguard_own_domains"  # the place of the control in the catalogue
OWN_TABLE = "mailguard/own_domains"
# No entry exempts from relaying, and ETRN has no sender.
NEVER = (RELAY, ETRN)
OURS = {*Lookup, *RELAY_TABLES.values()} - {Lookup.ACCESS}
CHECKS = {
    Lookup.CLIENTS: "check_client_access",
    Lookup.NETWORKS: "check_client_access",
    Lookup.ACCESS: "check_sender_access",
    Lookup.HELO: "check_helo_access",
}


@dataclass(frozen=True)
class Uses:
    """Which tables hold entries of which side: all that main.cf has to know.

    >>> Uses(frozenset({Lookup.HELO}), frozenset())
    Uses(allow=frozenset({<Lookup.HELO: 'mailguard/helo'>}), deny=frozenset())
    """

    allow: frozenset[Lookup] = field(default_factory=frozenset)
    deny: frozenset[Lookup] = field(default_factory=frozenset)

    @classmethod
    def of(cls, pairs: Sequence[tuple[Side, Lookup | Spared]]) -> "Uses":
        """From the (side, table) pairs that occur; postgrey's lists are no tables."""
        tables = [(side, table) for side, table in pairs if isinstance(table, Lookup)]
        by = {
            side: frozenset(table for each, table in tables if each is side)
            for side in Side
        }
        return cls(by[Side.ALLOW], by[Side.DENY])


def weave(
    main: MainCf,
    uses: Uses,
    own: Mode,
    facts: Facts,
    controls: Controls = STATIC,
    *,
    relays: bool = False,
) -> MainCf:
    """`main` with the chain in every list that needs it.

    `own` is the mode of the own-domain stop, off where there is no domain; `relays`
    says whether there are relays in front.
    """
    main = _with_stop(main, own)
    for name in RESTRICTION_LISTS:
        if name not in NEVER:
            wanted = chain(main, name, uses, own, facts, controls, relays=relays)
            main = _chained(main, name, wanted, facts, controls)
    return with_relay_classes(main, facts)


def chain(
    main: MainCf,
    name: str,
    uses: Uses,
    own: Mode,
    facts: Facts,
    controls: Controls,
    *,
    relays: bool,
) -> tuple[Rule, ...]:
    """The lookups that have to stand in one list, in the order they are asked."""
    rules = parse_list(effective(main, facts, name))
    tables = tables_for(rules, name, uses, own, controls)
    asked = tuple(rule_of(each, main, facts) for each in Lookup if each in tables)
    first = relays and (asked or any(managed(rule, controls) for rule in rules))
    return (asks_relays(name), *asked) if first else asked


def relay_classes(main: MainCf, facts: Facts) -> dict[str, tuple[Rule, ...]]:
    """What each list that asks for relays still asks about their mail, by list."""
    found = {}
    for name in RELAY_TABLES:
        rules = parse_list(effective(main, facts, name))
        if (asks := asks_relays(name)) in rules:
            found[name] = kept(rules[rules.index(asks) + 1 :], name)
    return found


def tables_for(
    rules: Sequence[Rule],
    name: str,
    uses: Uses,
    own: Mode,
    controls: Controls = STATIC,
) -> frozenset[Lookup]:
    """The tables that a list with these rules has to ask."""
    tables: frozenset[Lookup] = frozenset()
    if any(managed(rule, controls) for rule in rules):
        tables |= uses.allow
    if name == SENDER and (uses.deny or own is not Mode.OFF):
        tables |= uses.allow | uses.deny
        tables |= {Lookup.ACCESS} if own is not Mode.OFF else set()
    return tables


def rule_of(table: Lookup, main: MainCf, facts: Facts) -> Rule:
    """The rule that asks a table."""
    where = f"{type_of(table, main, facts)}:$config_directory/{table}"
    return Rule(CHECKS[table], where)


def type_of(table: Lookup, main: MainCf, facts: Facts) -> str:
    """What a table is made of; of the sender table, as main.cf has it already."""
    if table is Lookup.NETWORKS:
        return "cidr"
    if table is Lookup.ACCESS:
        for name in RESTRICTION_LISTS:
            for rule in parse_list(effective(main, facts, name)):
                if found := _asks_access(rule, facts):
                    return found
    return facts.default_table_type


def asked_in(main: MainCf, facts: Facts) -> frozenset[str]:
    """The lists that ask the sender table, hand-written lines and all."""
    return frozenset(
        name
        for name in RESTRICTION_LISTS
        for rule in parse_list(effective(main, facts, name))
        if _asks_access(rule, facts)
    )


def _asks_access(rule: Rule, facts: Facts) -> str | None:
    """The type with which a rule asks `$config_directory/access` for the sender."""
    found = re.fullmatch(rf"(\w+):{path_pattern(facts)}", rule.argument or "")
    return found[1] if found and rule.key == "check_sender_access" else None


def ours(rule: Rule) -> bool:
    """Whether a rule asks a table of entries that is ours alone."""
    _, _, path = (rule.argument or "").partition(":$config_directory/")
    return path in OURS and rule.key in CHECKS.values()


def _with_stop(main: MainCf, own: Mode) -> MainCf:
    """Declare and define the class of the own-domain stop, or take both out."""
    asks = f"cidr:$config_directory/{OWN_TABLE}"
    rule = Rule("check_client_access", asks, warn=own is Mode.TEST)
    return with_class(main, OWN_CLASS, rule.text if own is not Mode.OFF else "")


def with_relay_classes(main: MainCf, facts: Facts) -> MainCf:
    """The classes of relays, where there is something to ask; the others taken out."""
    needed = relay_classes(main, facts)
    for name in RELAY_TABLES:
        rules = ", ".join(rule.text for rule in needed.get(name, ()))
        main = with_class(main, class_of(name), rules)
    return main


def _chained(
    main: MainCf,
    name: str,
    wanted: tuple[Rule, ...],
    facts: Facts,
    controls: Controls,
) -> MainCf:
    """One list with exactly these lookups; a hand-written one stays in its place."""
    rules = parse_list(effective(main, facts, name))
    access = rule_of(Lookup.ACCESS, main, facts)
    standing = tuple(
        access if _asks_access(rule, facts) else rule
        for rule in rules
        if ours(rule) or (_asks_access(rule, facts) and access in wanted)
    )
    lacks = wanted and _lacks_permits(rules, name, facts, controls)
    if standing == wanted and not lacks:
        return main
    rest = tuple(rule for rule in rules if not ours(rule))
    made = _inserted(rest, name, wanted, facts, controls)
    if set(made) <= set(PERMITS):
        return main.remove(name)
    return main.set_rules(name, made)


def _inserted(
    rules: tuple[Rule, ...],
    name: str,
    wanted: tuple[Rule, ...],
    facts: Facts,
    controls: Controls,
) -> tuple[Rule, ...]:
    """The list with the lookups: clients first, then senders, then greetings."""
    at, hand = _place(rules, name, facts, controls), _first(rules, facts)
    new = tuple(r for r in wanted if hand is None or not _asks_access(r, facts))
    permits: tuple[Rule, ...] = ()
    asks = new or (wanted and hand is not None and at <= hand)
    if asks and name == SENDER and _open(rules[at:], facts):
        permits = tuple(each for each in PERMITS if each not in rules[:at])
    if hand is None or hand < at:
        return (*rules[:at], *permits, *new, *rules[at:])
    behind = tuple(rule for rule in new if rule.key == CHECKS[Lookup.HELO])
    before = tuple(rule for rule in new if rule not in behind)
    stays, rest = rules[at : hand + 1], rules[hand + 1 :]
    return (*rules[:at], *permits, *before, *stays, *behind, *rest)


def _place(rules: tuple[Rule, ...], name: str, facts: Facts, controls: Controls) -> int:
    """Before our first rule, and before a hand-written lookup of the sender.

    In the sender list, where the lookups refuse, behind the permits: where those
    are missing and foreign rules follow, which they must not bypass, at the end.
    """
    ours = (at for at, rule in enumerate(rules) if managed(rule, controls))
    first = next(ours, None)
    at = position(rules, FIRST, controls) if first is None else first
    hand = _first(rules, facts)
    at = at if hand is None else min(at, hand)
    if name != SENDER or set(PERMITS) <= set(rules[:at]) or _open(rules[at:], facts):
        return at
    return position(rules, AFTER, controls)


def _lacks_permits(
    rules: tuple[Rule, ...], name: str, facts: Facts, controls: Controls
) -> bool:
    """Whether a hand-written lookup of the sender stands open to one's own people."""
    hand = _first(rules, facts)
    if name != SENDER or hand is None or set(PERMITS) <= set(rules[:hand]):
        return False
    at = _place(rules, name, facts, controls)
    return at <= hand and _open(rules[at:], facts)


def _first(rules: tuple[Rule, ...], facts: Facts) -> int | None:
    """Where the sender table is asked already."""
    asking = (at for at, rule in enumerate(rules) if _asks_access(rule, facts))
    return next(asking, None)


def _open(rules: tuple[Rule, ...], facts: Facts) -> bool:
    """Whether permits before these rules would bypass nothing but our lookups."""
    return all(rule.key == "permit" or _asks_access(rule, facts) for rule in rules)
