"""Policy + what was adopted + what is there → exactly what would be written.

A plan is computed, never stored as truth. It always starts from the text as it
was last adopted, so two plans for the same policy give the same bytes.
"""

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache, partial

from postfixconf.policy.compose import compose
from postfixconf.policy.control import Mode
from postfixconf.policy.doors import Door, doors
from postfixconf.policy.entries import ALLOW, Lookup
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
    OWN_CLASS,
    OWN_TABLE,
    asked_in,
    relay_classes,
    weave,
    with_relay_classes,
)
from postfixconf.policy.needs import Need, needs, wanted_options
from postfixconf.policy.networks import with_networks
from postfixconf.policy.observed import Facts, Observed, Texts, front_services
from postfixconf.policy.ordering import arrange
from postfixconf.policy.policy import Policy
from postfixconf.policy.recorder import (
    RECORDER,
    RECORDER_TABLE,
    RECORDER_TYPE,
    recorder_lines,
)
from postfixconf.policy.relays import RELAY_TABLES, class_of, relay_lines
from postfixconf.policy.sending import sending_findings, signs_in, wanted_master
from postfixconf.policy.table import Lines, Table, digest_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.services import option_line

__all__ = ["Action", "Plan", "plan", "wanted_main"]

# The private service through which the live server is asked after each apply:
# its socket is reachable by root and postfix only, so any client may be named.
PROBE_SERVICE = "mailguard"
PROBE_OVERRIDES = {
    "smtpd_authorized_xclient_hosts": "static:ok",
    "smtpd_client_event_limit_exceptions": "static:all",
    "smtpd_delay_reject": "yes",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "1000",
    "smtpd_junk_command_limit": "1000",
    "smtpd_milters": "",
    # Nothing is ever sent there: with speed_adjust smtpd connects after the message,
    # and a probe ends before it. Without a filter an accepted recipient opens a queue
    # file, and one that is left takes a token of in_flow_delay with it: after a
    # hundred, all mail waits a second (seen on 3.7.11).
    "smtpd_proxy_filter": "unix:mailguard-nowhere",
    "smtpd_proxy_options": "speed_adjust",
    "smtpd_soft_error_limit": "1000",
    "smtpd_tls_security_level": "none",
    "smtpd_tls_wrappermode": "no",
    "smtpd_upstream_proxy_protocol": "",
    "syslog_name": "postfix/mailguard",
}
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
    doors: tuple[Door, ...] = ()

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
    services = wanted_master(services, main, found, policy, facts)
    probed = with_probe_service(services.render())
    settled = before.master in (services.render(), probed)
    master = there if settled else MasterCf.parse(probed)
    findings = lint(after, facts, before.access, policy.uses, master, observed.around)
    tables = _timed(tables, old, after, facts)
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
        findings = (*_taken_name(there), *_judged(known, findings))
    findings = (
        *keyed_findings(policy, found, master, observed.tables, keys),
        *hindrances(policy, old, after, master, facts, written),
        *sending_findings(old, there, after, master, facts),
        *findings,
    )
    ending = signs_in(old, there, facts) and not signs_in(after, master, facts)
    was, wanted = found[GREYLISTING].mode, policy.modes.get(GREYLISTING, Mode.OFF)
    options, unread = wanted_options(
        *(policy, adopted, before, facts, written),
        brought=was is Mode.OFF is not wanted,
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
        tuple(doors(policy, found, there, master, ending=ending)),
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


def _timed(
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


def _taken_name(master: MasterCf) -> tuple[Finding, ...]:
    """A finding where somebody else's service has the name of our probe service."""
    for each in master.services():
        ours = each.overrides().get("syslog_name") == PROBE_OVERRIDES["syslog_name"]
        if (each.name, each.type) == (PROBE_SERVICE, "unix") and not ours:
            sentence = "There is already a service named mailguard that is not ours."
            remedy = "Give it another name in master.cf, and adopt the edit."
            place = "master.cf"
            return (
                Finding(
                    Level.ERROR, "name_taken", place, sentence, remedy, blocks=True
                ),
            )
    return ()


@lru_cache(maxsize=16)
def with_probe_service(text: str) -> str:
    """master.cf with the private probe service, its overrides as on port 25."""
    document = MasterCf.parse(text)
    fronts = front_services(document)
    chroot = fronts[0].chroot if fronts else "n"
    overrides = (fronts[0].overrides() if fronts else {}) | PROBE_OVERRIDES
    head = f"{PROBE_SERVICE:<9} unix  y       -       {chroot:<7} -       -       smtpd"
    service = f"{head}\n"
    for name, value in overrides.items():
        if value.count("{") == value.count("}"):  # a lone brace cannot be quoted
            service += option_line(name, value)
    if any(each.name == PROBE_SERVICE for each in document.services()):
        if service in text:
            return text
        document = document.remove(PROBE_SERVICE, "unix")
    return document.add(service).render()
