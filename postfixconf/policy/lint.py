"""What is wrong with a configuration that Postfix itself would accept.

`postfix check` exits 0 with every fault named here (seen on 3.7.11). This is
the part of the linter that the apply needs; it judges main.cf and the hand-written
lines of the sender table, not services behind them or other machines.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from postfixconf.policy.asking import reads_access
from postfixconf.policy.catalog import CONTROLS, LISTS
from postfixconf.policy.control import Restriction
from postfixconf.policy.entries import Lookup
from postfixconf.policy.found import switch_is_on
from postfixconf.policy.lookups import OWN_CLASS, SENDER, Uses, rule_of
from postfixconf.policy.names import is_known
from postfixconf.policy.observed import Facts, effective
from postfixconf.policy.placing import PERMITS
from postfixconf.policy.relay import (
    PROTECTING,
    RELAY_LISTS,
    flattened,
    has_relay_protection,
)
from postfixconf.text.access import lines_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule, parse_list

__all__ = ["Finding", "Level", "asks_sender", "lint"]

# What an access table may answer without letting strangers' mail through
# (access(5)): refusals, side effects, and the safe permits. Digits alone permit.
HARMLESS = re.compile(
    r"(REJECT|DEFER|DISCARD|DUNNO|HOLD|INFO|WARN|PREPEND|REDIRECT|FILTER|BCC)([ \t]|$)"
    r"|[45]\d\d[ \t]",
    re.IGNORECASE,
)
SAFE = ("permit_auth_destination", "permit_mynetworks", "permit_sasl_authenticated")


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing the linter says: where, what, and what to do about it.

    `blocks` is true where a change may not be applied with it.
    """

    level: Level
    code: str
    place: str
    sentence: str
    remedy: str
    blocks: bool = False


def lint(
    main: MainCf, facts: Facts, access: str = "", uses: Uses | None = None
) -> tuple[Finding, ...]:
    """Everything this linter has to say about `main`, worst first.

    `access` are the hand-written lines of the sender table, `uses` the tables that
    hold entries: None where that is not known.
    """
    found = [*_relay(main, facts), *_greeting(main, facts, uses)]
    found += [*_delay(main, facts), *_ending(main)]
    found += [*_access(main, facts, access), *_own_network(main, facts)]
    for name in LISTS:
        for rule in parse_list(effective(main, facts, name)):
            found.extend(_rule(rule, name, main))
    return tuple(sorted(found, key=lambda each: list(Level).index(each.level)))


def _relay(main: MainCf, facts: Facts) -> Iterator[Finding]:
    if not has_relay_protection(main, facts):
        yield Finding(
            Level.ERROR,
            "no_relay_protection",
            "smtpd_relay_restrictions",
            "Nothing refuses mail from strangers to strangers, so Postfix refuses "
            "to work or the server is an open relay.",
            "Add reject_unauth_destination to smtpd_relay_restrictions.",
            blocks=True,
        )


def _greeting(main: MainCf, facts: Facts, uses: Uses | None) -> Iterator[Finding]:
    """A check of the greeting that a client without one skips.

    Entries that only allow are none: without a greeting they let nobody in.
    """
    if switch_is_on(effective(main, facts, "smtpd_helo_required")):
        return
    rules = [r for name in LISTS for r in parse_list(effective(main, facts, name))]
    checks = [r for r in rules if "helo" in r.key and not r.warn]
    if uses is not None and Lookup.HELO not in uses.deny:
        entries = rule_of(Lookup.HELO, main, facts)
        checks = [each for each in checks if each != entries]
    if checks:
        yield Finding(
            Level.WARNING,
            "helo_not_required",
            "smtpd_helo_required",
            f"A client that sends no greeting skips {checks[0].name}.",
            "Switch on “Insist on a greeting”.",
        )


def _delay(main: MainCf, facts: Facts) -> Iterator[Finding]:
    early = ("smtpd_client_restrictions", "smtpd_helo_restrictions")
    delayed = switch_is_on(effective(main, facts, "smtpd_delay_reject"))
    if not delayed and any(_ours(main, facts, name) for name in early):
        yield Finding(
            Level.WARNING,
            "refused_before_sign_in",
            "smtpd_delay_reject",
            "With smtpd_delay_reject = no, clients are refused when they connect, "
            "your own roaming users too, before they can sign in.",
            "Take smtpd_delay_reject out.",
        )


def _ours(main: MainCf, facts: Facts, name: str) -> bool:
    places = [each.place for each in CONTROLS if isinstance(each.place, Restriction)]
    rules = parse_list(effective(main, facts, name))
    return any(place.matches(rule) for place in places for rule in rules)


def _ending(main: MainCf) -> Iterator[Finding]:
    text = main.render()
    if text and not text.endswith("\n"):
        yield Finding(
            Level.NOTE,
            "no_final_newline",
            "main.cf",
            "The last line has no newline; other tools glue the next setting to it.",
            "mailguard adds the newline with the first change.",
        )


def _access(main: MainCf, facts: Facts, access: str) -> Iterator[Finding]:
    """Hand-written lines of the sender table that open the relay or say nothing."""
    open_to = _opened_by_senders(main, facts)
    for line in lines_of(access):
        place = f"access, line {line.number}"
        if not line.action:
            yield Finding(
                Level.WARNING,
                "line_without_action",
                place,
                f"“{line.key}” has no action behind it, so the line says nothing.",
                "Write what to do (REJECT), or take the line out.",
            )
        elif open_to and not _harmless(line.action):
            yield Finding(
                Level.ERROR,
                "access_opens_relay",
                place,
                f"“{line.key} {line.action}” stands before the relay protection: "
                "who claims this sender can send to anyone.",
                "Write permit_auth_destination instead, or add "
                "reject_unauth_destination to smtpd_relay_restrictions.",
                blocks=True,
            )


def _harmless(action: str) -> bool:
    """Whether what a line answers cannot open the relay (smtpd_check.c)."""
    if HARMLESS.match(action):
        return True
    return all(
        rule.key.startswith(("reject", "defer")) or rule.name in (*SAFE, OWN_CLASS)
        for rule in parse_list(action)
    )


def _opened_by_senders(main: MainCf, facts: Facts) -> bool:
    """Whether one list asks for the sender, and none refuses relaying before it."""
    lists = [flattened(main, facts, name) for name in RELAY_LISTS]
    asked = any(asks_sender(rule, facts) for rules in lists for rule in rules)
    return asked and not any(_holds(rules, facts) for rules in lists)


def _holds(rules: Sequence[Rule], facts: Facts) -> bool:
    """Whether a list refuses relaying, whatever the sender table says."""
    for rule in rules:
        if rule.key in PROTECTING and not rule.warn:
            return True
        if rule.key == "permit" or asks_sender(rule, facts):
            return False
    return False


def asks_sender(rule: Rule, facts: Facts) -> bool:
    """Whether a rule asks the sender table for the sender."""
    return rule.key == "check_sender_access" and reads_access(rule, facts)


def _own_network(main: MainCf, facts: Facts) -> Iterator[Finding]:
    """The own-domain stop before the permits refuses one's own people."""
    if main.get(OWN_CLASS) is None:
        return
    for name in LISTS:
        rules = flattened(main, facts, name)
        bare = name == SENDER  # where a table alone asks for the sender
        asked = [
            at
            for at, rule in enumerate(rules)
            if reads_access(rule, facts)
            and (asks_sender(rule, facts) or (bare and ":" in rule.name))
        ]
        if asked and not set(PERMITS) <= set(rules[: asked[0]]):
            yield Finding(
                Level.ERROR,
                "own_domains_before_permits",
                name,
                "The sender table is asked before permit_mynetworks and "
                "permit_sasl_authenticated: your own people would be refused.",
                "Move check_sender_access behind both in main.cf, then adopt the edit.",
            )


def _rule(rule: Rule, name: str, main: MainCf) -> Iterator[Finding]:
    if not is_known(rule.name, main):
        yield Finding(
            Level.ERROR,
            "unknown_restriction",
            name,
            f"Postfix does not know “{rule.name}” and answers 451 to all mail that "
            "gets this far.",
            "Correct the spelling or take it out.",
        )
    if rule.warn and rule.key in PROTECTING:
        yield Finding(
            Level.ERROR,
            "warned_relay_protection",
            name,
            f"warn_if_reject takes the effect from {rule.name}.",
            "Take warn_if_reject out.",
        )
    if _unfiltered(rule):
        yield Finding(
            Level.WARNING,
            "unfiltered_blocklist",
            name,
            f"{rule.argument} has no return codes: a refused query rejects all mail.",
            "Write the codes behind it in main.cf (zen.spamhaus.org=127.0.0.[2..11]), "
            "then adopt the edit.",
        )


def _unfiltered(rule: Rule) -> bool:
    places = [each.place for each in CONTROLS if isinstance(each.place, Restriction)]
    lists = [place for place in places if place.zone is not None]
    ours = any(place.matches(rule) for place in lists)
    return ours and "=" not in (rule.argument or "")
