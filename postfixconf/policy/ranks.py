"""Where our rules stand in a list, and what must stand before them."""

from collections.abc import Sequence

from postfixconf.policy.control import Restriction
from postfixconf.policy.controls import STATIC, Controls
from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.leading import FINAL
from postfixconf.policy.observed import Facts
from postfixconf.policy.relay import has_relay_protection
from postfixconf.policy.restriction_lists import RECIPIENT
from postfixconf.text.maincf import MainCf
from postfixconf.text.rules import Rule

__all__ = ["AFTER", "FIRST", "PERMITS", "managed", "permits_before", "position"]

PERMITS = (Rule("permit_mynetworks"), Rule("permit_sasl_authenticated"))
RELAY = Rule("reject_unauth_destination")

# Where foreign rules stand among ours: permits, relay protection and access
# tables before our checks, policy services after them, the final word last.
BEFORE, FIRST, AFTER, LAST = -1, 0, 1000, 2000


GREYLIST = Greylist(RECIPIENT, AFTER)  # wherever postgrey listens


def managed(rule: Rule, controls: Controls = STATIC) -> bool:
    """Whether a rule is one of these controls."""
    return controls.restriction_of(rule) is not None or GREYLIST.matches(rule)


def permits_before(
    main: MainCf, facts: Facts, name: str, rules: Sequence[Rule], at: int
) -> tuple[Rule, ...]:
    """The permits that have to be written before a rule that goes in at `at`.

    They stand behind every foreign rule, so that none is bypassed by them, and
    never before a foreign final `reject` or `defer`: that may be all that keeps
    strangers, or the local network, from relaying.
    """
    missing = tuple(each for each in PERMITS if each not in rules[:at])
    if missing and any(rule.key != "permit" for rule in rules[at:]):
        missing = ()
    if name == RECIPIENT and not has_relay_protection(main, facts):
        return (*missing, RELAY)
    return missing


def position(rules: Sequence[Rule], rank: int, controls: Controls = STATIC) -> int:
    """Behind the last rule of the same or a lower rank, before the final word."""
    at = 0
    for index, rule in enumerate(rules):
        if rank_of(rule, controls) >= LAST:
            break
        if rank_of(rule, controls) <= rank:
            at = index + 1
    return at


def rank_of(rule: Rule, controls: Controls) -> int:
    """Where a rule stands: ours by the catalogue, foreign ones by their kind."""
    if rule.key in FINAL and not rule.warn:
        return LAST
    if rule.key == "check_policy_service":
        return AFTER
    found = controls.restriction_of(rule)
    if found is None or not isinstance(found.place, Restriction):
        return BEFORE
    return found.place.rank
