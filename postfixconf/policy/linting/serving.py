"""What services of master.cf make of main.cf's settings."""

import re
from collections.abc import Iterator

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Restriction, Switch
from postfixconf.policy.entries import Lookup
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.lookups import rule_of
from postfixconf.policy.names import modern
from postfixconf.policy.policy_services import (
    ASKS,
    DEFAULT_ACTION,
    USUAL,
    service_of,
)
from postfixconf.policy.ranks import managed
from postfixconf.policy.restriction_lists import CLIENT, HELO, RESTRICTION_LISTS
from postfixconf.text.rules import Rule
from postfixconf.text.services import Service

__all__ = ["answers", "delay", "greeting", "shadows", "sockets"]

HELO_REQUIRED = "smtpd_helo_required"
DELAY = "smtpd_delay_reject"
EARLY = (CLIENT, HELO)
SOCKET = re.compile(r"unix:(/[^\s,}]+)")
# Where sockets live outside the queue directory: there is no such place inside it.
OUTSIDE = ("/var/run/", "/run/", "/tmp/")  # noqa: S108 (a name, not a file of ours)


def greeting(seen: Seen) -> Iterator[Said]:
    """A check of the greeting that a client without one skips."""
    for service in (None, *seen.fronts):
        own = service.overrides() if service else {}
        if service and own.keys().isdisjoint((HELO_REQUIRED, *RESTRICTION_LISTS)):
            continue
        if service is None and seen.fronts and not inherits(seen, HELO_REQUIRED):
            continue
        if not seen.is_on(HELO_REQUIRED, service) and (
            checks := of_greeting(seen, service)
        ):
            place = f"-o of {service.name}" if service else HELO_REQUIRED
            fix = "" if service else f"{HELO_REQUIRED}=on"
            yield Said("helo_not_required", place, (checks[0].name,), fix)
            return


def inherits(seen: Seen, parameter: str) -> bool:
    """Whether a service on port 25 has what main.cf says."""
    return any(parameter not in each.overrides() for each in seen.fronts)


def of_greeting(seen: Seen, service: Service | None) -> list[Rule]:
    """The rules that refuse by the greeting.

    Entries that only allow are none: without a greeting they let nobody in.
    """
    rules = [rule for name in RESTRICTION_LISTS for rule in seen.flat(name, service)]
    checks = [rule for rule in rules if "helo" in modern(rule.name) and not rule.warn]
    if seen.uses is not None and Lookup.HELO not in seen.uses.deny:
        entries = rule_of(Lookup.HELO, seen.main, seen.facts)
        checks = [each for each in checks if each != entries]
    return checks


def delay(seen: Seen) -> Iterator[Said]:
    """smtpd_delay_reject = no on the services that strangers reach."""
    for service in seen.fronts or (None,):
        if seen.is_on(DELAY, service):
            continue
        rules = [rule for name in EARLY for rule in seen.flat(name, service)]
        refusing = any(managed(rule) or can_refuse(rule) for rule in rules)
        code = "refused_before_sign_in" if refusing else "delay_reject_off"
        own = service is not None and DELAY in service.overrides()
        yield Said(code, f"-o {DELAY} of {service.name}" if service and own else DELAY)
        return


def can_refuse(rule: Rule) -> bool:
    """Whether a rule may refuse somebody."""
    return rule.key.startswith(("reject", "defer", "check_")) and not rule.warn


def shadows(seen: Seen) -> Iterator[Said]:
    """A `-o` on port 25 that takes the place of a switch or of one of our rules."""
    for service in seen.fronts:
        for name, value in service.overrides().items():
            lost = list(lost_rules(seen, service, name))
            if name in SWITCHES and seen.is_on(name) != seen.is_on(name, service):
                lost = [f"{name} = {seen.value(name)}"]
            if lost:
                words = (name, service.name, value, ", ".join(lost))
                yield Said("override_shadows", "master.cf", words)


SWITCHES = frozenset(
    each.place.parameter for each in CONTROLS if isinstance(each.place, Switch)
)


def lost_rules(seen: Seen, service: Service, name: str) -> Iterator[str]:
    """The controls of main.cf's list that a service's own list does not have."""
    if name not in RESTRICTION_LISTS:
        return
    there, here = seen.flat(name), seen.flat(name, service)
    for control in CONTROLS:
        place = control.place
        if not isinstance(place, Restriction):
            continue
        if any(map(place.matches, there)) and not any(map(place.matches, here)):
            yield control.key


def answers(seen: Seen) -> Iterator[Said]:
    """Policy services without which no mail gets in."""
    told = set()
    for service in (None, *seen.smtpds):
        usual = seen.value(DEFAULT_ACTION, service) or USUAL
        for name in RESTRICTION_LISTS:
            for rule in seen.flat(name, service):
                if rule.key != ASKS or not rule.argument or rule.warn:
                    continue
                asked = service_of(rule.argument, usual)
                if asked.needed and (name, asked.name) not in told:
                    told.add((name, asked.name))
                    words = (asked.name, asked.default_action)
                    yield Said("policy_stops_mail", name, words)


def sockets(seen: Seen) -> Iterator[Said]:
    """Policy sockets that a chrooted service looks for in the wrong place."""
    queue = seen.expanded("$queue_directory").rstrip("/")
    told = set()
    for service in filter(seen.chrooted, seen.smtpds):
        for name in RESTRICTION_LISTS:
            for rule in seen.flat(name, service):
                found = SOCKET.search(rule.argument or "")
                if rule.key != ASKS or found is None:
                    continue
                lost = found[1].startswith((f"{queue}/", *OUTSIDE))
                if lost and (name, found[0]) not in told:
                    told.add((name, found[0]))
                    yield Said("chrooted_socket", name, (found[0], queue, service.name))
