"""Two policies told apart, one difference at a time.

A difference names what changed in the words that stand in the history, so that one
alone can be applied, or taken back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from postfixconf.errors import BadPolicy
from postfixconf.policy.catalog import control
from postfixconf.policy.control import Mode
from postfixconf.policy.own_domains import OwnDomains
from postfixconf.policy.policy import Policy, parse_mode

__all__ = ["DOMAIN", "EXCEPTION", "REPLY", "Difference", "between", "with_one"]

DOMAIN, EXCEPTION, REPLY = "domain", "exception", "own_domains reply"
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
            return TITLES.get(self.what.partition(" ")[0], self.what)

    @property
    def reverse(self) -> "Difference":
        """The way back."""
        return Difference(self.what, self.after, self.before)


TITLES = {
    DOMAIN: "Own domain",
    EXCEPTION: "May send with an own domain",
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


def with_one(policy: Policy, change: Difference) -> Policy:
    """The policy with one difference made. Raises BadValue."""
    return replace(policy, modes=_modes(policy, change), own=_own(policy.own, change))


def _modes(policy: Policy, change: Difference) -> dict[str, Mode]:
    modes = dict(policy.modes)
    if change.what in modes:
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
