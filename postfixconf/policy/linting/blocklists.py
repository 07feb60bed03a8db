"""Rules that ask a DNS list that cannot be trusted as it is asked."""

from collections.abc import Iterator

from postfixconf.masking import KEYED
from postfixconf.policy.blocklists import LISTS, Status
from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Restriction
from postfixconf.policy.linting.kind import FILTERED, Said
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.restriction_lists import RESTRICTION_LISTS
from postfixconf.policy.unusable_lists import death, without_key
from postfixconf.text.rules import Rule, split_list

__all__ = ["asked", "screened"]

ALLOWING = ("permit_dnswl_client", "permit_rhswl_client")
REFUSING = ("reject_rbl", "reject_rhsbl_")
SITES = "postscreen_dnsbl_sites"
# What a refused query does; postscreen adds up what its lists answer.
HARM = {False: "rejects all mail", True: "counts against every client"}
# What the best known allow list answers where it means to let somebody in.
ALLOWED = next(each.codes for each in LISTS if each.zone == "list.dnswl.org")
# What a list needs before it answers. A key stands in front of the zone.
NEEDS = {
    each.zone: "the addresses of your resolvers have to be registered"
    for each in LISTS
    if each.status is Status.REGISTRATION
} | dict.fromkeys(
    (*KEYED, *(each.zone for each in LISTS if each.key)),
    "a key has to stand in front of it",
)


def asked(seen: Seen) -> Iterator[Said]:
    """Lists that restrictions ask."""
    for each in (*seen.lists, *seen.bodies):
        for rule in each.rules:
            if rule.argument and rule.key.startswith((*ALLOWING, *REFUSING)):
                yield from judged(rule.argument, each.place, rule)


def screened(seen: Seen) -> Iterator[Said]:
    """Lists that postscreen asks: codes, a weight behind `*`, and no rule of ours."""
    services = seen.master.services() if seen.master else ()
    if seen.master is None or any(each.command == "postscreen" for each in services):
        value = seen.value(SITES)
        for start, end in split_list(value):
            site, _, weight = value[start:end].partition("*")
            allows = weight.startswith("-")
            yield from judged(site, SITES, Rule(ALLOWING[0] if allows else REFUSING[0]))


def judged(argument: str, place: str, rule: Rule) -> Iterator[Said]:
    """What is wrong with one list as it is asked."""
    zone, _, codes = argument.partition("=")
    name = zone.rstrip(".").lower()
    if "$" in zone or "." not in zone:
        return
    if without_key(name) != name:
        yield Said("key_in_the_open", place, (without_key(name),))
    if death(name):
        yield Said("dead_blocklist", place, (name,), switched_off(rule))
    elif name in NEEDS:
        yield Said("keyless_blocklist", place, (name, NEEDS[name]))
    elif not codes:
        allows = rule.key in ALLOWING
        code = "unfiltered_allow_list" if allows else "unfiltered_blocklist"
        words = (ALLOWED,) if allows else (remedy(name), HARM[place == SITES])
        known = place in RESTRICTION_LISTS and any(x.zone == name for x in LISTS)
        fix = f"{name}={FILTERED}" if known else ""  # one, whatever it is asked about
        yield Said(code, place, (without_key(zone), *words), fix)


def remedy(zone: str) -> str:
    """Where a list gets its codes, without a full stop."""
    for each in LISTS:
        if each.zone == zone:
            told = f"Have it asked with its codes ({zone}={each.codes})"
            return f"{told}, or write them behind it in main.cf and adopt the edit"
    return (
        "Take it over on the page Blocklists with the codes that its owner names, or "
        "write them behind it in main.cf (ZONE=127.0.0.2) and adopt the edit"
    )


def switched_off(rule: Rule) -> str:
    """Switching off the control that a rule is, if it is one."""
    for control in CONTROLS:
        if isinstance(control.place, Restriction) and control.place.matches(rule):
            return f"{control.key}=off"
    return ""
