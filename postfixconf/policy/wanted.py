"""main.cf and master.cf as a policy wants them, beside what was adopted and is there.

The new text is always made from the text as last adopted, and judged against the one
that is there. Nothing here says how Postfix is made to read it: `plan` does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from postfixconf.policy.compose import compose
from postfixconf.policy.control import Mode
from postfixconf.policy.duties import Duty, duties
from postfixconf.policy.found import Found, find
from postfixconf.policy.greylisting import GREYLISTING
from postfixconf.policy.hindrances import hindrances
from postfixconf.policy.keyed import Keys, answering, keyed_findings, keyed_tables
from postfixconf.policy.lint import Finding, Level, lint
from postfixconf.policy.lookups import weave, with_relay_classes
from postfixconf.policy.networks import with_networks
from postfixconf.policy.observed import Facts, Observed, Texts
from postfixconf.policy.ordering import arrange
from postfixconf.policy.policy import Policy
from postfixconf.policy.probe_service import taken_name, with_probe_service
from postfixconf.policy.sending import sending_findings, signs_in, wanted_master
from postfixconf.policy.small_tables import relay_tables, small_tables
from postfixconf.policy.table import Table, digest_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Wanted", "wanted_main"]


@dataclass(frozen=True)
class Wanted:
    """main.cf and master.cf as documents: as adopted, as they are, and as wanted.

    `settled` says that master.cf is as wanted already, with the probe service or
    without: `master` is then the one that is `there`. `probed` is the text with it.
    """

    policy: Policy
    observed: Observed
    found: Mapping[str, Found]
    services: MasterCf
    old: MainCf
    there: MasterCf
    after: MainCf
    master: MasterCf
    probed: str
    settled: bool

    @classmethod
    def of(cls, policy: Policy, adopted: Texts, observed: Observed) -> "Wanted":
        """Of what was adopted. Raises BadFile for a file Postfix would not read."""
        facts, before = observed.facts, observed.texts
        main, services = MainCf.parse(adopted.main), MasterCf.parse(adopted.master)
        found = find(main, services, facts, policy.controls)
        wanted = wanted_master(services, main, found, policy, facts).render()
        probed = with_probe_service(wanted)
        there = MasterCf.parse(before.master)
        settled = before.master in (wanted, probed)
        return cls(
            policy=policy,
            observed=observed,
            found=found,
            services=services,
            old=MainCf.parse(before.main),
            there=there,
            after=wanted_main(main, found, policy, facts, services),
            master=there if settled else MasterCf.parse(probed),
            probed=probed,
            settled=settled,
        )

    @cached_property
    def nothing(self) -> bool:
        """Whether both files stay as they are."""
        return self.settled and self.after.render() == self.observed.texts.main

    @property
    def brings_postgrey(self) -> bool:
        """Whether greylisting comes to a server that had none."""
        was = self.found[GREYLISTING].mode
        return was is Mode.OFF is not self.policy.modes.get(GREYLISTING, Mode.OFF)

    def own_tables(self, keys: Keys) -> tuple[Table, ...]:
        """The tables besides those of entries, where they differ from what is there."""
        policy, known = self.policy, self.observed.tables
        relays = relay_tables(policy, self.old, self.after, self.observed.facts)
        ours = (*small_tables(policy, self.found), *relays)
        news = (each for each in ours if known.get(each.path) != digest_of(each))
        return (*news, *keyed_tables(policy, self.found, known, keys))

    def findings(self, written: Sequence[str], keys: Keys) -> Iterator[Finding]:
        """What is wrong with it, and what stands in its way."""
        policy, facts = self.policy, self.observed.facts
        tables = self.observed.tables
        yield from keyed_findings(policy, self.found, self.master, tables, keys)
        yield from hindrances(policy, self.old, self.after, self.master, facts, written)
        yield from sending_findings(
            self.old, self.there, self.after, self.master, facts
        )
        yield from self._linted()

    def _linted(self) -> tuple[Finding, ...]:
        """What the linter says: an error that the change introduces blocks it."""
        facts, around = self.observed.facts, self.observed.around
        access = self.observed.texts.access
        found = lint(self.after, facts, access, self.policy.uses, self.master, around)
        if self.nothing:
            return found
        known = lint(self.old, facts, access, None, self.there, around)
        return (*taken_name(self.there), *_judged(known, found))

    def duties(self) -> tuple[Duty, ...]:
        """The ports that it answers for."""
        facts = self.observed.facts
        stays = signs_in(self.after, self.master, facts)
        ending = signs_in(self.old, self.there, facts) and not stays
        masters = (self.services, self.there, self.master)
        return tuple(duties(self.policy, self.found, *masters, ending=ending))


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
