"""Two policies told apart, one difference at a time.

A difference names what changed in the words that stand in the history, so that one
alone can be applied, or taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import control
from postfixconf.policy.control import Mode
from postfixconf.policy.greylisting import GREYLISTING, NAMES, Greylisting
from postfixconf.policy.ordering import CHECKS
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.policy import Policy, parse_mode

__all__ = [
    "AS_FOUND",
    "DOMAIN",
    "EXCEPTION",
    "ORDER",
    "REPLY",
    "Difference",
    "between",
    "order_word",
    "with_one",
]

DOMAIN, EXCEPTION, REPLY = "domain", "exception", "own_domains reply"
ORDER, AS_FOUND = "order", "as found"
OWN, EXCEPTED = "own", "excepted"  # what a domain or a network is, once it is named


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
            kind, _, name = self.what.partition(" ")
            if kind == GREYLISTING:
                return SETTINGS.get(name, self.what)
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
    "own_domains": "What refused outsiders read",
    "client": "Client address",
    "client_name": "Client name",
    "sender": "Sender",
    "sender_domain": "Sender domain",
    "helo": "Greeting",
    "entries": "Entries",
    "pin": "Pin",
    **{f"{ORDER} {name}": f"Order of the {word}" for name, word in CHECKS.items()},
}


def between(live: Policy, wanted: Policy) -> Iterator[Difference]:
    """What `wanted` changes; a control that one of them does not name is left out."""
    for key, mode in wanted.modes.items():
        was = live.modes.get(key, mode)
        if was != mode:
            yield Difference(key, was.value, mode.value)
    for word, kind, now, then in (
        (OWN, DOMAIN, live.own.domains, wanted.own.domains),
        (EXCEPTED, EXCEPTION, live.own.exceptions, wanted.own.exceptions),
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


def order_word(policy: Policy, name: str) -> str:
    """The order of one list as the history has it."""
    return ", ".join(policy.order.get(name, ())) or AS_FOUND


def with_one(policy: Policy, change: Difference) -> Policy:
    """The policy with one difference made. Raises BadValue."""
    made = replace(
        policy,
        modes=_modes(policy, change),
        own=_own(policy.own, change),
        greylisting=_greylisting(policy.greylisting, change),
    )
    kind, _, name = change.what.partition(" ")
    if kind != ORDER:
        return made
    names = () if change.after == AS_FOUND else tuple(change.after.split(", "))
    return made.with_order(name, names)


def _modes(policy: Policy, change: Difference) -> dict[str, Mode]:
    modes = dict(policy.modes)
    if change.what in modes:
        modes[change.what] = parse_mode(change.after)
    return modes


def _greylisting(settings: Greylisting, change: Difference) -> Greylisting:
    kind, _, name = change.what.partition(" ")
    if kind != GREYLISTING or not name:
        return settings
    return settings.with_one(name, change.after)


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
