"""What the place of a rule costs, and why another place is out of the question.

Sentences for an administrator, told from the list alone. What a table or a policy
service answers is not known here: that one of them could let somebody in is enough.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from postfixconf.policy.control import Restriction
from postfixconf.policy.greylisting import Greylist
from postfixconf.policy.names import modern
from postfixconf.policy.ordering import LAST, SPARING, Listing
from postfixconf.policy.recorder import Recorder
from postfixconf.policy.restriction_lists import DATA, END_OF_DATA, RECIPIENT
from postfixconf.text.rules import Rule

__all__ = ["Kind", "Place", "places", "refusal"]

LATE = (DATA, END_OF_DATA)
# What is asked of the DNS when the rule is reached. A client's own names are known
# by then: smtpd looks them up as the client connects.
ASKING = (
    "reject_unknown_helo_hostname",
    "reject_unknown_sender_domain",
    "reject_unknown_recipient_domain",
)
POLICY = "check_policy_service"
OWN_RECORDER = Recorder(RECIPIENT)
GREYLIST = Greylist(RECIPIENT, 0)  # at a usual port, or as mailguard writes it


class Kind(StrEnum):
    """What a rule in a list is, in words."""

    OURS = "protection"
    PERMIT = "lets your own people past"
    RELAY = "keeps strangers from relaying"
    ENTRIES = "your entries"
    RECORDER = "records, refuses nothing"
    LAST = "has the last word"
    GREYLIST = "greylisting"
    SERVICE = "asks another program"
    TABLE = "asks a table"
    PERMITS = "lets some past"
    MORE = "leads to more rules"
    OTHER = "written by hand"


@dataclass(frozen=True)
class Place:
    """A rule where it stands: its control's key if it can be moved, and the cost."""

    rule: Rule
    kind: Kind
    key: str | None
    costs: tuple[str, ...]


def kind_in(listing: Listing, rule: Rule) -> Kind:
    """What a rule is in a list."""
    if rule in listing.guards and rule.key not in SPARING:
        return Kind.ENTRIES
    if listing.key_of(rule) is not None:
        return Kind.OURS
    return kind_of(rule)


def kind_of(rule: Rule) -> Kind:
    """What a rule is, as far as it says itself."""
    if OWN_RECORDER.matches(rule):
        return Kind.RECORDER
    if rule.key in SPARING:
        return Kind.PERMIT
    if rule.key in ("reject_unauth_destination", "defer_unauth_destination"):
        return Kind.RELAY
    if rule.key in LAST and not rule.warn:
        return Kind.LAST
    if rule.key == POLICY:
        return Kind.GREYLIST if GREYLIST.matches(rule) else Kind.SERVICE
    if "$" in rule.name or "{" in rule.name:
        return Kind.MORE
    if rule.key.startswith("permit"):
        return Kind.PERMITS
    return Kind.TABLE if asks_a_table(rule) else Kind.OTHER


def asks_a_table(rule: Rule) -> bool:
    """Whether a hand-written table answers."""
    return ":" in rule.name or (
        rule.key.startswith("check_") and rule.key.endswith("_access")
    )


def places(listing: Listing) -> tuple[Place, ...]:
    """Every rule of a list from top to bottom."""
    return tuple(
        Place(
            rule,
            kind_in(listing, rule),
            listing.key_of(rule),
            tuple(costs(listing, at)),
        )
        for at, rule in enumerate(listing.rules)
    )


def costs(listing: Listing, at: int) -> Iterator[str]:
    """What the place of one of our rules costs; nothing for what is not ours."""
    if listing.key_of(listing.rules[at]) is not None:
        for cost in COSTS:
            yield from cost(listing, at)


def unreached(listing: Listing, at: int) -> Iterator[str]:
    """It stands behind a last word."""
    if len(fixed_before(listing, at)) > listing.last:
        last = listing.fixed[listing.last]
        yield f"Is never reached: “{last.text}” before it has the last word."


def exposed(listing: Listing, at: int) -> Iterator[str]:
    """It stands before the permits or our lookups."""
    missing = [
        rule
        for rule in listing.fixed[len(fixed_before(listing, at)) :]
        if rule in listing.guards
    ]
    if any(kind_of(rule) is Kind.PERMIT for rule in missing):
        yield "Stands before the permits: your own people and machines are asked too."
    elif missing:
        yield "Stands before your entries: who is allowed there can be refused here."


def hasty(listing: Listing, at: int) -> Iterator[str]:
    """It asks the DNS before checks that cost nothing."""
    behind = [
        rule
        for rule in listing.rules[at + 1 :]
        if refuses(listing, rule) and not asks_dns(listing, rule)
    ]
    if asks_dns(listing, listing.rules[at]) and behind:
        title = f"“{title_of(listing, behind[0])}”"
        more = f" and {len(behind) - 1} more" if len(behind) > 1 else ""
        yield (
            f"Asks the DNS about each message before {title}{more}, which would cost "
            "no lookup."
        )


def hurried(listing: Listing, at: int) -> Iterator[str]:
    """It asks the DNS about relay attempts."""
    behind = {kind_of(rule) for rule in listing.rules[at + 1 :]}
    if asks_dns(listing, listing.rules[at]) and Kind.RELAY in behind:
        yield "Asks the DNS about relay attempts too, which are refused in any case."


def early(listing: Listing, at: int) -> Iterator[str]:
    """It refuses before somebody else's rule could let in."""
    letting = (Kind.TABLE, Kind.PERMITS)
    behind = [x for x in listing.rules[at + 1 :] if kind_in(listing, x) in letting]
    if behind and refuses(listing, listing.rules[at]):
        yield f"Refuses before “{behind[0].text}” could let anybody in."


def put_off(listing: Listing, at: int) -> Iterator[str]:
    """It stands behind greylisting or another policy service."""
    before = [rule for rule in listing.rules[:at] if rule.key == POLICY]
    if before and refuses(listing, listing.rules[at]):
        saves = "that saves lookups for those who do not come back, but who comes back"
        cheap = "who is put off there and would be refused here"
        why = saves if asks_dns(listing, listing.rules[at]) else cheap
        yield f"Asked after “{before[0].name}”: {why} is answered twice."


def idle(listing: Listing, at: int) -> Iterator[str]:
    """An allow list behind the lists that it should spare somebody."""
    if refuses(listing, listing.rules[at]):
        return
    before = [
        x for x in listing.rules[:at] if is_list(listing, x) and refuses(listing, x)
    ]
    if before:
        title = title_of(listing, before[0])
        yield f"Comes too late for “{title}”: it spares nobody that check."
    asking = (Kind.GREYLIST, Kind.SERVICE, Kind.TABLE)
    behind = [x for x in listing.rules[at + 1 :] if kind_in(listing, x) in asking]
    if behind:
        yield f"Whom it lets in also gets past “{behind[0].text}”."


def elsewhere(listing: Listing, at: int) -> Iterator[str]:
    """Rules whose list or place takes their effect."""
    name = modern(listing.rules[at].name)
    if name == "reject_unauth_pipelining" and listing.name not in LATE:
        yield (
            "Sees little here: what is sent ahead comes after DATA. Its place is "
            "smtpd_data_restrictions."
        )
    relay = any(kind_of(x) is Kind.RELAY for x in listing.rules[:at])
    if name == "reject_unknown_recipient_domain" and relay:
        yield "Does almost nothing here: strangers are refused as relays before."


COSTS: Sequence[Callable[[Listing, int], Iterator[str]]] = (
    unreached,
    exposed,
    hasty,
    hurried,
    early,
    put_off,
    idle,
    elsewhere,
)


def refusal(listing: Listing, key: str, passed: Rule, *, up: bool) -> str:
    """Why one of our rules may not be moved past another one, as a sentence."""
    title, kind = title_of_key(listing, key), kind_in(listing, passed)
    if not listing.firm:
        return (
            "This list cannot be put in another order: something in it, such as a "
            "“warn_if_reject” with nothing behind it, would take hold of another rule."
        )
    if not up:
        return (
            f"“{title}” cannot go behind “{passed.text}”: that has the last word, and "
            "what stands behind it is never asked."
        )
    if kind is Kind.ENTRIES:
        return (
            f"“{title}” cannot go before your entries: whom you allow there would be "
            "refused here."
        )
    if kind is Kind.PERMIT:
        return (
            f"“{title}” cannot go before “{passed.text}”: your own people and machines "
            "would be refused by it."
        )
    return (
        f"“{title}” cannot go before “{passed.text}”: your own people or your entries, "
        "who are let past further down, would be refused by it."
    )


def fixed_before(listing: Listing, at: int) -> list[Rule]:
    """What is not ours before a place."""
    return [rule for rule in listing.rules[:at] if listing.key_of(rule) is None]


def asks_dns(listing: Listing, rule: Rule) -> bool:
    """Whether a rule costs a lookup in the DNS."""
    return is_list(listing, rule) or modern(rule.name).startswith(ASKING)


def is_list(listing: Listing, rule: Rule) -> bool:
    """Whether one of our rules asks a list in the DNS."""
    found = listing.control_of(rule)
    place = found.place if found else None
    return isinstance(place, Restriction) and place.zone is not None


def refuses(listing: Listing, rule: Rule) -> bool:
    """Whether a rule is one of ours that refuses."""
    found = listing.control_of(rule)
    return found is not None and not found.permits


def title_of(listing: Listing, rule: Rule) -> str:
    """What one of our rules is called."""
    found = listing.control_of(rule)
    return found.title if found else rule.text


def title_of_key(listing: Listing, key: str) -> str:
    """What a control is called."""
    titles = (each.title for each in listing.controls.every if each.key == key)
    return next(titles, key)
