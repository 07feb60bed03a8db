"""Rules in the wrong place: never reached, before the permits, in one list only."""

from collections.abc import Iterator, Sequence

from postfixconf.policy.catalog import CONTROLS
from postfixconf.policy.control import Restriction
from postfixconf.policy.linting.kind import Said
from postfixconf.policy.linting.seen import Listed, Seen
from postfixconf.policy.names import modern
from postfixconf.policy.ranks import PERMITS
from postfixconf.policy.relay import PROTECTING, RELAY_LISTS
from postfixconf.policy.restriction_lists import DATA, END_OF_DATA
from postfixconf.text.rules import Rule

__all__ = ["lacking", "overruled", "permits", "pipelining", "unreachable"]

NETWORKS, SASL = PERMITS
# Once DATA was sent: what a client sends ahead of it has come by then.
LATE = (DATA, END_OF_DATA)
LAST = ("reject", "defer", "permit")
# Between them every recipient has its answer.
BOTH = {"permit_auth_destination", "reject_unauth_destination"}
# What one's own users and machines are refused for, whatever they send.
STRANGERS = (
    "reject_unknown_client",
    "reject_unknown_forward_client_hostname",
    "reject_unknown_reverse_client_hostname",
    "reject_rbl_client",
    "reject_rhsbl_client",
    "reject_rhsbl_helo",
    "reject_rhsbl_reverse_client",
)
OF_CLIENTS = "check_client_access"
ACCESS = (OF_CLIENTS, "check_sender_access", "check_helo_access")


def unreachable(seen: Seen) -> Iterator[Said]:
    """The first rule behind one that has the last word."""
    for each in seen.lists:
        at = last_word(each)
        if at is not None and at + 1 < len(each.flat):
            rule, last = each.flat[at + 1], each.flat[at]
            fix = "" if each.service else switched_off(rule, seen)
            yield Said("unreachable_rule", each.place, (rule.text, last.text), fix)


def last_word(each: Listed) -> int | None:
    """Where a list ends whatever comes, None where it does not."""
    asked: set[str] = set()
    for at, rule in enumerate(each.flat):
        asked |= {rule.key} & BOTH if not rule.warn else set()
        if rule.key == "permit" or (rule.key in LAST and not rule.warn):
            return at
        if asked == BOTH and each.name in RELAY_LISTS:
            return at
    return None


def switched_off(rule: Rule, seen: Seen) -> str:
    """Switching off a control that stands in one place only, where it never acts."""
    for control in CONTROLS:
        place = control.place
        if isinstance(place, Restriction) and place.matches(rule):
            every = [x for each in seen.lists for x in each.flat if place.matches(x)]
            return f"{control.key}=off" if len(every) == 1 else ""
    return ""


def permits(seen: Seen) -> Iterator[Said]:
    """A check that one's own people fail, and no permit before it."""
    for each in seen.lists:
        for at, rule in enumerate(each.flat):
            if refuses_strangers(rule) and (missing := lacking(each, at)):
                yield Said("permits_missing", each.place, (rule.text, missing))
                break


def refuses_strangers(rule: Rule) -> bool:
    """Whether one's own users and machines may fail a check."""
    name = modern(rule.name)
    helo = name.startswith("reject_") and "helo" in name
    ours = helo or name.startswith(STRANGERS)
    return ours and not rule.warn


def lacking(each: Listed, at: int) -> str:
    """The permits that do not stand before a rule, as far as they are needed."""
    before = {rule.key for rule in each.flat[:at]}
    needed = [NETWORKS] * each.front + [SASL] * each.sasl
    return " and ".join(rule.key for rule in needed if rule.key not in before)


def pipelining(seen: Seen) -> Iterator[Said]:
    """reject_unauth_pipelining where it sees nothing, or sees one's own people."""
    for each in seen.lists:
        for at, rule in enumerate(each.flat):
            if rule.key != "reject_unauth_pipelining":
                continue
            if each.name not in LATE:
                yield Said("pipelining_early", each.place)
            elif missing := lacking(each, at):
                yield Said("pipelining_before_permits", each.place, (missing,))


def overruled(seen: Seen) -> Iterator[Said]:
    """What a table lets in, and another list can refuse."""
    permits = {each.spec: each.permits[0] for each in seen.around.maps if each.permits}
    lists = [each for each in seen.lists if not each.service]
    for each in lists:
        for allow in each.flat:
            if allow.key in ACCESS and allow.argument in permits:
                line = permits[allow.argument]
                yield from against(allow, line, [x for x in lists if x is not each])


def against(allow: Rule, line: str, others: Sequence[Listed]) -> Iterator[Said]:
    """The lists that can refuse what a rule lets in, one finding each."""
    for other in others:
        for rule in other.flat:
            if rule == allow or rule.key in LAST:
                break
            if refuses(rule):
                words = (line, allow.text, rule.text)
                yield Said("allow_overruled", other.place, words)
                break


def refuses(rule: Rule) -> bool:
    """Whether a rule can refuse what it knows nothing else of: no relay check."""
    return (
        rule.key.startswith("reject_")
        and rule.key not in PROTECTING
        and rule.key != "reject_unauth_pipelining"
        and not rule.key.startswith(("reject_unlisted", "reject_unverified"))
        and "recipient" not in rule.key
        and not rule.warn
    )
