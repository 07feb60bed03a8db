"""Two policies told apart, one difference at a time.

A difference names what changed in the words that stand in the history, so that one
alone can be applied, or taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import control
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import STATIC
from postfixconf.policy.greylisting import GREYLISTING, NAMES
from postfixconf.policy.listing import former
from postfixconf.policy.ordering import CHECKS
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.own_lists import read_list, told
from postfixconf.policy.policy import Policy, parse_mode

__all__ = [
    "AS_FOUND",
    "CODED",
    "CODES",
    "DOMAIN",
    "EXCEPTION",
    "IN_FRONT",
    "KEY",
    "LIST",
    "NETWORK",
    "ORDER",
    "RELAY",
    "REPLY",
    "TRUSTED",
    "Difference",
    "between",
    "numbered",
    "order_word",
    "with_one",
]

DOMAIN, EXCEPTION, REPLY = "domain", "exception", "own_domains reply"
RELAY = "relay"
NETWORK, TRUSTED = "network", "trusted"  # an entry of mynetworks
LIST, KEY = "list", "key"  # of the DNS; a key is named by its number and never told
CODES, CODED = "codes", "as catalogued"  # of a list that was found without
ORDER, AS_FOUND = "order", "as found"
# What a domain, a network or a relay is, once it is named.
OWN, EXCEPTED, IN_FRONT = "own", "excepted", "in front"


@dataclass(frozen=True)
class Difference:
    """One thing, before and after: a mode, a word, or empty for what is not there."""

    what: str
    before: str
    after: str

    @property
    def title(self) -> str:
        """What it is called on a page: the control's title where it is one."""
        try:
            return control(self.what).title
        except BadPolicy:
            if gone := former(self.what):  # an own list, perhaps taken out since
                return gone.title
            kind, _, name = self.what.partition(" ")
            if kind == GREYLISTING:
                return SETTINGS.get(name, self.what)
            if kind == CODES and (about := STATIC.list_of(name)):
                return f"Return codes of {about.name}"
            return TITLES.get(self.what) or TITLES.get(kind, self.what)

    @property
    def reverse(self) -> "Difference":
        """The way back."""
        return Difference(self.what, self.after, self.before)


SETTINGS = {
    "delay": "Greylisting: seconds to wait",
    "retry-window": "Greylisting: hours to come back in",
    "max-age": "Greylisting: days until somebody is forgotten",
    "auto-whitelist": "Greylisting: mails until a client waits no more",
    "by-host": "Greylisting: each address for itself",
    "ipv4": "Greylisting: bits of an IPv4 network",
    "ipv6": "Greylisting: bits of an IPv6 network",
    "text": "Greylisting: what a sender reads",
}
TITLES = {
    DOMAIN: "Own domain",
    EXCEPTION: "May send with an own domain",
    RELAY: "Relay in front",
    NETWORK: "Trusted network",
    CODES: "Return codes of a list",
    LIST: "Blocklist of one's own",
    KEY: "Key of a blocklist",
    "own_domains": "What refused outsiders read",
    "client": "Client address",
    "client_name": "Client name",
    "sender": "Sender",
    "sender_domain": "Sender domain",
    "helo": "Greeting",
    "grey_client": "Client that greylisting lets through",
    "grey_recipient": "Recipient that greylisting leaves alone",
    "entries": "Entries",
    "pin": "Pin",
    **{f"{ORDER} {name}": f"Order of the {word}" for name, word in CHECKS.items()},
}


def between(live: Policy, wanted: Policy) -> Iterator[Difference]:
    """What `wanted` changes; a control that one of them does not name is left out.

    Not so a list of one's own, which is off until it is there. Lists and keys come
    first: what follows may need them.
    """
    yield from _told_apart(LIST, _lists(live), _lists(wanted))
    yield from _told_apart(KEY, _keys(live), _keys(wanted))
    for key, mode in wanted.modes.items():
        own = key not in live.modes and key not in STATIC
        was = Mode.OFF if own else live.modes.get(key, mode)
        if was != mode:
            yield Difference(key, was.value, mode.value)
    for word, kind, now, then in (
        (OWN, DOMAIN, live.own.domains, wanted.own.domains),
        (EXCEPTED, EXCEPTION, live.own.exceptions, wanted.own.exceptions),
        (IN_FRONT, RELAY, live.relays, wanted.relays),
        (TRUSTED, NETWORK, _networks(live), _networks(wanted)),
        (CODED, CODES, live.filtered, wanted.filtered),
    ):
        for value in sorted({*now, *then}):
            if (value in now) != (value in then):
                before, after = word * (value in now), word * (value in then)
                yield Difference(f"{kind} {value}", before, after)
    if live.own.reply != wanted.own.reply:
        yield Difference(REPLY, live.own.reply, wanted.own.reply)
    for name in NAMES:
        old, new = (each.greylisting.told(name) for each in (live, wanted))
        if old != new:
            yield Difference(f"{GREYLISTING} {name}", old, new)
    for name in sorted({*live.order, *wanted.order}):
        before, after = order_word(live, name), order_word(wanted, name)
        if before != after:
            yield Difference(f"{ORDER} {name}", before, after)


def _networks(policy: Policy) -> tuple[str, ...]:
    return tuple(name for name, there in policy.networks.items() if there)


def order_word(policy: Policy, name: str) -> str:
    """The order of one list as the history has it."""
    return ", ".join(policy.order.get(name, ())) or AS_FOUND


def _lists(policy: Policy) -> dict[str, str]:
    return {each.zone: told(each) for each in policy.zones}


def _keys(policy: Policy) -> dict[str, str]:
    return {name: numbered(number) for name, number in policy.keys.items()}


def _told_apart(
    kind: str, before: dict[str, str], after: dict[str, str]
) -> Iterator[Difference]:
    """What is there in one of two, or otherwise."""
    for name in sorted({*before, *after}):
        was, then = before.get(name, ""), after.get(name, "")
        if was != then:
            yield Difference(f"{kind} {name}", was, then)


def numbered(key: int) -> str:
    """A key as the history names it."""
    return f"{KEY} {key}"


def with_one(policy: Policy, change: Difference) -> Policy:
    """The policy with one difference made. Raises BadValue."""
    kind, _, name = change.what.partition(" ")
    if kind == LIST:
        rest = tuple(each for each in policy.zones if each.zone != name)
        more = (read_list(name, change.after),) if change.after else ()
        return policy.with_zones((*rest, *more))
    if kind == KEY:
        return replace(policy, keys=_with_key(policy, name, change.after))
    if kind == RELAY:
        return replace(policy, relays=_with(policy.relays, name, change.after))
    if kind == CODES:
        return replace(policy, filtered=_with(policy.filtered, name, change.after))
    if kind == NETWORK:
        networks = {**policy.networks, name: bool(change.after)}
        return replace(policy, networks=networks)
    if kind == ORDER:
        names = () if change.after == AS_FOUND else tuple(change.after.split(", "))
        return policy.with_order(name, names)
    if kind == GREYLISTING and name:
        settings = policy.greylisting.with_one(name, change.after)
        return replace(policy, greylisting=settings)
    return replace(policy, modes=_modes(policy, change), own=_own(policy.own, change))


def _with_key(policy: Policy, name: str, after: str) -> dict[str, int]:
    """The keys with another number for one, or none."""
    keys = {each: number for each, number in policy.keys.items() if each != name}
    number = after.removeprefix(f"{KEY} ")
    if after and not number.isdecimal():
        raise BadPolicy(after, "no such key")
    return keys | ({name: int(number)} if after else {})


def _modes(policy: Policy, change: Difference) -> dict[str, Mode]:
    modes = dict(policy.modes)
    if change.what in policy.controls:
        modes[change.what] = parse_mode(change.after)
    return modes


def _own(own: OwnDomains, change: Difference) -> OwnDomains:
    kind, _, value = change.what.partition(" ")
    if change.what == REPLY:
        return replace(own, reply=change.after)
    if kind == DOMAIN:
        return replace(own, domains=_with(own.domains, value, change.after))
    if kind == EXCEPTION:
        return replace(own, exceptions=_with(own.exceptions, value, change.after))
    return own


def _with(values: tuple[str, ...], value: str, after: str) -> tuple[str, ...]:
    return tuple(sorted({*values, value} if after else {*values} - {value}))
