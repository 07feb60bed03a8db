"""Who could relay: both lists judged for main.cf, and for each service."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import eq

from postfixconf.policy.asking import reads_access
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.order import lacking
from postfixconf.policy.linting.seen import Listed, Seen
from postfixconf.policy.lookups import OWN_CLASS, SENDER
from postfixconf.policy.observed import Facts
from postfixconf.policy.ranks import PERMITS
from postfixconf.policy.relay import PROTECTING, RELAY_LISTS, protected
from postfixconf.text.access import lines_of
from postfixconf.text.rules import Rule, parse_list
from postfixconf.text.services import Service

__all__ = [
    "asks_sender",
    "by_hand",
    "empty",
    "opened_by_claims",
    "own_network",
    "own_people",
    "unprotected",
    "warned",
]

RELAY, RECIPIENT = RELAY_LISTS
# What an access table may answer without letting strangers' mail through
# (access(5)): refusals, side effects, and the safe permits. Digits alone permit.
HARMLESS = re.compile(
    r"(REJECT|DEFER|DISCARD|DUNNO|HOLD|INFO|WARN|PREPEND|REDIRECT|FILTER|BCC)([ \t]|$)"
    r"|[45]\d\d[ \t]",
    re.IGNORECASE,
)
SAFE = ("permit_auth_destination", "permit_mynetworks", "permit_sasl_authenticated")
REFUSED = re.compile(r"(REJECT|DEFER|[45]\d\d)\b", re.IGNORECASE)
# Where main.cf names the domains that this server takes mail for.
OURS = (
    *("mydestination", "virtual_mailbox_domains"),
    *("virtual_alias_domains", "relay_domains"),
)
CLAIMS = ("check_sender_access", "check_helo_access")


def unprotected(seen: Seen) -> Iterator[Said]:
    """Neither the relay nor the recipient list refuses relaying."""
    if not protected([seen.flat(name) for name in RELAY_LISTS]):
        yield Said("no_relay_protection", RELAY)
    for service in with_own(seen):
        if not protected([seen.flat(name, service) for name in RELAY_LISTS]):
            yield Said("unprotected_service", "master.cf", (service.name,))


def with_own(seen: Seen) -> Iterator[Service]:
    """The services that have one of the two lists of their own."""
    for each in seen.smtpds:
        if not each.overrides().keys().isdisjoint(RELAY_LISTS):
            yield each


def warned(seen: Seen) -> Iterator[Said]:
    """warn_if_reject before what keeps strangers from relaying."""
    for each in (*seen.lists, *seen.bodies):
        for rule in each.rules:
            if rule.warn and rule.key in PROTECTING:
                yield Said("warned_relay_protection", each.place, (rule.name,))


def empty(seen: Seen) -> Iterator[Said]:
    """The relay list of port 25 is empty: the recipient list alone has to hold."""
    if seen.flat(RELAY):
        return
    absent = seen.main.get(RELAY) is None
    why = "its default, without a compatibility_level" if absent else "written so"
    reached = seen.fronts or seen.smtpds
    if not reached or any(RELAY not in each.overrides() for each in reached):
        yield Said("empty_relay_list", RELAY, (why,))


def opened_by_claims(seen: Seen) -> Iterator[Said]:
    """A table lets in by a claim, before any list refuses relaying."""
    permits = {
        each.spec: line
        for each in seen.around.maps
        for line in each.permits
        if not harmless(line.partition(" ")[2])
    }
    lists = [seen.flat(name) for name in RELAY_LISTS]
    for rule in (rule for rules in lists for rule in rules):
        line = permits.get(rule.argument or "")
        if line is None or rule.key not in CLAIMS or reads_access(rule, seen.facts):
            continue
        if not any(holds(rules, partial(eq, rule)) for rules in lists):
            words = (line, rule.argument or "", rule.text)
            yield Said("table_opens_relay", RECIPIENT, words)


def by_hand(seen: Seen) -> Iterator[Said]:
    """Hand-written lines of the sender table that open the relay or say nothing."""
    lists = [seen.flat(name) for name in RELAY_LISTS]
    asks = partial(asks_sender, facts=seen.facts)
    asked = any(asks(rule) for rules in lists for rule in rules)
    opened = asked and not any(holds(rules, asks) for rules in lists)
    for line in lines_of(seen.access):
        place = f"access, line {line.number}"
        if not line.action:
            yield Said("line_without_action", place, (line.key,))
        elif opened and not harmless(line.action):
            yield Said("access_opens_relay", place, (f"{line.key} {line.action}",))


def harmless(action: str) -> bool:
    """Whether what a line answers cannot open the relay (smtpd_check.c)."""
    if HARMLESS.match(action):
        return True
    return all(
        rule.key.startswith(("reject", "defer")) or rule.name in (*SAFE, OWN_CLASS)
        for rule in parse_list(action)
    )


def holds(rules: Sequence[Rule], asks: Callable[[Rule], bool]) -> bool:
    """Whether a list refuses relaying, whatever the rule that `asks` answers."""
    for rule in rules:
        if rule.key in PROTECTING and not rule.warn:
            return True
        if rule.key == "permit" or asks(rule):
            return False
    return False


def asks_sender(rule: Rule, facts: Facts) -> bool:
    """Whether a rule asks the sender table for the sender."""
    return rule.key == "check_sender_access" and reads_access(rule, facts)


def own_network(seen: Seen) -> Iterator[Said]:
    """The own-domain stop before the permits refuses one's own people."""
    if seen.main.get(OWN_CLASS) is not None:
        for each in seen.lists:
            if not each.service and asked_too_early(each, seen.facts):
                yield Said("own_domains_before_permits", each.name)


def asked_too_early(each: Listed, facts: Facts) -> bool:
    """Whether a list asks the sender table before both permits."""
    at = asked_at(each, facts)
    return at is not None and not set(PERMITS) <= set(each.flat[:at])


def asked_at(each: Listed, facts: Facts) -> int | None:
    """Where a list first asks the sender table for the sender."""
    bare = each.name == SENDER  # where a table alone asks for the sender
    asked = (
        at
        for at, rule in enumerate(each.flat)
        if reads_access(rule, facts)
        and (asks_sender(rule, facts) or (bare and ":" in rule.name))
    )
    return next(asked, None)


def own_people(seen: Seen) -> Iterator[Said]:
    """An own domain refused by hand, before who may use it is let past.

    So does the line that the manual has people write (`permit_sasl_authenticated,
    check_sender_access`): it refuses the trusted network.
    """
    line = next(refused_own(seen), None)
    if line is None or seen.main.get(OWN_CLASS) is not None:  # then `own_network` tells
        return
    for each in seen.lists:
        at = asked_at(each, seen.facts)
        if at is not None and not each.service and (missing := lacking(each, at)):
            yield Said("own_people_refused", each.name, (line, missing))


def refused_own(seen: Seen) -> Iterator[str]:
    """Hand-written lines that refuse a domain which main.cf names as ours."""
    texts = [seen.expanded(seen.value(name)) for name in OURS]
    ours = {x for text in texts for x in re.split(r"[,\s]+", text.lower()) if "." in x}
    for line in lines_of(seen.access):
        domain = line.key.rpartition("@")[2]
        if domain in ours and REFUSED.match(line.action):
            yield f"{line.key} {line.action}"
