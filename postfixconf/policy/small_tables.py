"""The small tables that a plan writes whole: own domains, recorder, relays in front.

Each is named by its content. What is not asked any more stays where it is.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from postfixconf.policy.control import Mode
from postfixconf.policy.entries import ALLOW, Lookup
from postfixconf.policy.found import Found
from postfixconf.policy.lookups import (
    OWN_CLASS,
    OWN_TABLE,
    asked_in,
    relay_classes,
)
from postfixconf.policy.observed import Facts
from postfixconf.policy.policy import Policy
from postfixconf.policy.recorder import (
    RECORDER,
    RECORDER_TABLE,
    RECORDER_TYPE,
    recorder_lines,
)
from postfixconf.policy.relays import RELAY_TABLES, class_of, relay_lines
from postfixconf.policy.table import Lines, Table
from postfixconf.text.maincf import MainCf

__all__ = ["relay_tables", "small_tables", "timed"]


def timed(
    tables: Sequence[Table], old: MainCf, after: MainCf, facts: Facts
) -> tuple[Table, ...]:
    """The sender table goes last where its lines need a class that is new.

    A running smtpd that met such a line under the old main.cf would answer 451.
    """
    new = OWN_CLASS in after.names() and OWN_CLASS not in old.names()
    late = new and bool(asked_in(old, facts))
    return tuple(
        replace(each, late=late and each.path == Lookup.ACCESS) for each in tables
    )


def small_tables(policy: Policy, found: Mapping[str, Found]) -> Iterator[Table]:
    """The tables of the own-domain stop and the recorder, as they should be.

    One that is not asked any more stays where it is.
    """
    if policy.own_mode is not Mode.OFF:
        yield small_table(OWN_TABLE, "cidr", partial(policy.own.lines, policy.relays))
    if _records(policy, found):
        yield small_table(RECORDER_TABLE, RECORDER_TYPE, recorder_lines)


def relay_tables(
    policy: Policy, old: MainCf, after: MainCf, facts: Facts
) -> Iterator[Table]:
    """The tables of relays in front, one for each list that asks for them.

    One that answers with a new class comes behind the main.cf that has the class.
    """
    for name, rules in relay_classes(after, facts).items():
        new = bool(rules) and old.get(class_of(name)) is None
        answer = class_of(name) if rules else ALLOW
        lines = partial(relay_lines, policy.relays, answer)
        made = small_table(RELAY_TABLES[name], "cidr", lines)
        yield replace(made, late=new and name in relay_classes(old, facts))


def _records(policy: Policy, found: Mapping[str, Found]) -> bool:
    """Whether the recorder will stand in a list."""
    before = found[RECORDER]
    wanted = policy.modes.get(RECORDER, before.mode)
    return before.switchable and wanted is Mode.ON


def small_table(path: str, kind: str, lines: Lines) -> Table:
    """A table that is ours whole, named by its content."""
    version = hashlib.sha256("".join(lines()).encode()).hexdigest()
    return Table(path, kind, version, lines)
