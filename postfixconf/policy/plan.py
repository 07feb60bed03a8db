"""Policy + what was adopted + what is there → exactly what would be written.

A plan is computed, never stored as truth. It always starts from the text as it
was last adopted, so two plans for the same policy give the same bytes.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from postfixconf.policy.duties import Duty
from postfixconf.policy.keyed import (
    NO_KEYS,
    Keys,
)
from postfixconf.policy.lint import Finding
from postfixconf.policy.needs import Need, needs, wanted_options
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.policy import Policy
from postfixconf.policy.small_tables import timed
from postfixconf.policy.table import Table
from postfixconf.policy.wanted import Wanted

__all__ = ["Action", "Plan", "plan", "unified"]

# Tables that smtpd reads when it starts, and not again.
READ_ONCE = ("cidr", "regexp", "texthash")


class Action(StrEnum):
    """What Postfix has to do to read the new files."""

    NONE = "none"
    RELOAD = "reload"
    RESTART = "restart"


@dataclass(frozen=True)
class Plan:
    """What would be written, what Postfix has to do, and what is wrong with it."""

    before: Texts
    after: Texts
    action: Action
    findings: tuple[Finding, ...] = ()
    tables: tuple[Table, ...] = ()
    # What our tables are now, by path, as `Observed.tables`.
    standing: Mapping[str, str] = field(default_factory=dict)
    # The services that have to run for it, or need not any more.
    needs: tuple[Need, ...] = ()
    # Where the options file stands that is among the texts.
    options: str = ""
    # The ports that it answers for once it is live.
    duties: tuple[Duty, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing at all would wanted."""
        return self.before == self.after and not self.tables

    @property
    def digest(self) -> str:
        """SHA-256 of what is there and what would be written, in hexadecimal."""
        told = [self.before.digest, self.after.digest]
        told += [f"{each.path} {each.version}" for each in self.tables]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that forbid the wanted."""
        return tuple(each for each in self.findings if each.blocks)

    def diffs(self) -> dict[str, str]:
        """A unified diff per changed file, by file name."""
        pairs = {
            "main.cf": (self.before.main, self.after.main),
            "master.cf": (self.before.master, self.after.master),
            self.options: (self.before.options, self.after.options),
        }
        return {
            name: "".join(unified(name, before, after))
            for name, (before, after) in pairs.items()
            if before != after
        }


def unified(name: str, before: str, after: str) -> list[str]:
    """The lines of a unified diff, each ending in a newline."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"{name} now",
        f"{name} then",
    )
    missing = "\n\\ No newline at end of file\n"
    return [line if line.endswith("\n") else line + missing for line in lines]


def plan(
    policy: Policy,
    adopted: Texts,
    observed: Observed,
    *,
    reload: bool = False,
    tables: Sequence[Table] = (),
    keys: Keys = NO_KEYS,
) -> Plan:
    """What to write so that `observed` follows `policy`.

    `adopted` are the files as last adopted, from which the new text is made.
    `tables` are the tables of entries that differ from what is live, `keys` those of
    the lists that are asked with one, by name. With `reload` a graceful reload is
    preferred to a restart: it is enough for everything that is written here. Raises
    BadFile for a file that Postfix would not read.
    """
    wanted = Wanted.of(policy, adopted, observed)
    facts, before = observed.facts, observed.texts
    entries = timed(tables, wanted.old, wanted.after, facts)
    tables = (*wanted.own_tables(keys), *entries)
    written = [each.path for each in tables]
    options, unread = wanted_options(
        policy, adopted, before, facts, written, brought=wanted.brings_postgrey
    )
    texts = replace(before, options=options)
    if not wanted.nothing:
        texts = replace(texts, main=wanted.after.render(), master=wanted.probed)
    return Plan(
        before,
        texts,
        action_of(wanted, tables, reload=reload),
        (*unread, *wanted.findings(written, keys)),
        tables,
        observed.tables,
        needs(before, texts, facts, settled=before.main == texts.main),
        facts.postgrey_options,
        wanted.duties(),
    )


def action_of(wanted: Wanted, tables: Sequence[Table], *, reload: bool) -> Action:
    """What makes Postfix read it; nothing has to, for tables that are looked up."""
    if not wanted.nothing:
        return Action.RELOAD if reload else Action.RESTART
    once = any(each.type in READ_ONCE for each in tables)
    return Action.RELOAD if once else Action.NONE
