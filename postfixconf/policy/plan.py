"""Policy + what was adopted + what is there → exactly what would be written.

A plan is computed, never stored as truth. It always starts from the text as it
was last adopted, so two plans for the same policy give the same bytes.
"""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from postfixconf.policy.compose import compose
from postfixconf.policy.control import Mode
from postfixconf.policy.duties import Duty, duties
from postfixconf.policy.found import Found, find
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.hindrances import hindrances
from postfixconf.policy.keyed import (
    NO_KEYS,
    Keys,
    answering,
    keyed_findings,
    keyed_tables,
)
from postfixconf.policy.lint import Finding, Level, lint
from postfixconf.policy.lookups import (
    weave,
    with_relay_classes,
)
from postfixconf.policy.needs import Need, needs, wanted_options
from postfixconf.policy.networks import with_networks
from postfixconf.policy.observed import Facts, Observed, Texts
from postfixconf.policy.ordering import arrange
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import taken_name, with_probe_service
from postfixconf.policy.sending import sending_findings, signs_in, wanted_master
from postfixconf.policy.small_tables import relay_tables, small_tables, timed
from postfixconf.policy.table import Table, digest_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Action", "Plan", "plan", "wanted_main"]

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
        """Whether nothing at all would change."""
        return self.before == self.after and not self.tables

    @property
    def digest(self) -> str:
        """SHA-256 of what is there and what would be written, in hexadecimal."""
        told = [self.before.digest, self.after.digest]
        told += [f"{each.path} {each.version}" for each in self.tables]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that forbid the change."""
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
    the lists that are asked with one, by name. With `reload`
    a graceful reload is preferred to a restart: it is enough for everything that is
    written here. Raises BadFile for a file that Postfix would not read.
    """
    facts, before = observed.facts, observed.texts
    main, services = MainCf.parse(adopted.main), MasterCf.parse(adopted.master)
    found = find(main, services, facts, policy.controls)
    after = wanted_main(main, found, policy, facts, services)
    old, there = MainCf.parse(before.main), MasterCf.parse(before.master)
    wanted = wanted_master(services, main, found, policy, facts).render()
    probed = with_probe_service(wanted)
    settled = before.master in (wanted, probed)
    master = there if settled else MasterCf.parse(probed)
    findings = lint(after, facts, before.access, policy.uses, master, observed.around)
    tables = timed(tables, old, after, facts)
    ours = (*small_tables(policy, found), *relay_tables(policy, old, after, facts))
    news = (x for x in ours if observed.tables.get(x.path) != digest_of(x))
    listed = keyed_tables(policy, found, observed.tables, keys)
    tables = (*news, *listed, *tables)
    written = [each.path for each in tables]
    if after.render() == before.main and settled:
        action = Action.NONE
        texts = before
        if any(each.type in READ_ONCE for each in tables):
            action = Action.RELOAD
    else:
        action = Action.RELOAD if reload else Action.RESTART
        texts = replace(before, main=after.render(), master=probed)
        known = lint(old, facts, before.access, None, there, observed.around)
        findings = (*taken_name(there), *_judged(known, findings))
    findings = (
        *keyed_findings(policy, found, master, observed.tables, keys),
        *hindrances(policy, old, after, master, facts, written),
        *sending_findings(old, there, after, master, facts),
        *findings,
    )
    ending = signs_in(old, there, facts) and not signs_in(after, master, facts)
    was, then = found[GREYLISTING].mode, policy.modes.get(GREYLISTING, Mode.OFF)
    options, unread = wanted_options(
        *(policy, adopted, before, facts, written),
        brought=was is Mode.OFF is not then,
    )
    texts = replace(texts, options=options)
    return Plan(
        before,
        texts,
        action,
        (*unread, *findings),
        tables,
        observed.tables,
        needs(before, texts, facts, settled=before.main == texts.main),
        facts.postgrey_options,
        tuple(duties(policy, found, services, there, master, ending=ending)),
    )


def wanted_main(
    main: MainCf,
    found: Mapping[str, Found],
    policy: Policy,
    facts: Facts,
    master: MasterCf | None = None,
) -> MainCf:
    """The adopted `main` as a policy wants it; `found` is what it has beside `master`.

    The order comes when everything is there that must stand before our rules, and
    behind it what repeats the rules for relays in front.
    """
    controls, own, relays = policy.controls, policy.own_mode, bool(policy.relays)
    made = answering(compose(main, found, policy, facts, master), policy, found)
    made = weave(made, policy.uses, own, facts, controls, relays=relays)
    made = with_relay_classes(arrange(made, policy.order, facts, controls), facts)
    return with_networks(made, policy.networks)


def _judged(
    before: tuple[Finding, ...], after: tuple[Finding, ...]
) -> tuple[Finding, ...]:
    """An error that the change introduces blocks it; one that was there does not."""
    return tuple(
        replace(
            each,
            blocks=each.blocks or (each.level is Level.ERROR and each not in before),
        )
        for each in after
    )
