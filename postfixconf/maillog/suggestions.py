"""Whom greylisting keeps waiting who should not wait: suggestions for its whitelist.

    suggestions(triplets, organisation_of, now)

A sender who never tries again is not told from spam, and never suggested. What is
left is grouped by the organisation behind the hosts, and by message: one sender (tags
and numbers aside) to one recipient, tried again within hours.

    pool          tried again from other networks, so that each had to wait anew
    never_passed  tried again, but not long enough, and gave up
    early_retry   tried again and again before the delay was over, then got in

Spam also never passes, so signs of a real sender are counted (`Sign`); who shows
fewer than `FEWEST` is left out, and more signs stand first. The same sender and
recipient tried from three organisations or more come from everywhere: a botnet.

What this does not handle: an organisation that spams from its own networks and tries
again as a real one does, for greylisting cannot tell it either; a sender whose
address changes between two tries of one message.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from postfixconf.maillog.hostnames import is_line, narrowest, servers
from postfixconf.maillog.retries import Message, messages_of
from postfixconf.maillog.triplets import ONE_MESSAGE, Triplet

__all__ = [
    "Evidence",
    "Kind",
    "Organisation",
    "Sign",
    "Suggestion",
    "suggestions",
]

Organisation = Callable[[str], str | None]
"""The registered domain of a host or mail domain, None for a public suffix."""

PATIENT = 60  # seconds between two tries
TRIES = 3  # of a message that is lost; two may be two messages
EVERYWHERE = 3  # organisations
FEWEST = 3  # signs
SHOWN = 5  # senders and hosts in a suggestion
UNIQUE = re.compile(r"(?=[a-z]*[0-9])[a-z0-9]{8,}|[0-9]+", re.ASCII)


class Kind(StrEnum):
    """What goes wrong with a sender."""

    POOL = "pool"
    NEVER_PASSED = "never_passed"
    EARLY_RETRY = "early_retry"


class Sign(StrEnum):
    """What speaks for a real sender."""

    NAMED = "named"  # the host has a name that leads back to it
    KIN = "kin"  # host and sender, or several networks, share an organisation
    PATIENT = "patient"  # a minute or more between two tries
    RECIPIENTS = "recipients"  # writes to several people
    MESSAGES = "messages"  # came back with more than one message


@dataclass(frozen=True)
class Evidence:
    """Figures of the messages that were tried again.

    `lost` are messages that never passed, `waited` the longest wait in seconds. A
    pool may have passed where it was let in at once, so none of its are called lost.
    """

    messages: int
    lost: int
    tries: int
    early: int
    networks: int
    recipients: int
    waited: int


@dataclass(frozen=True)
class Suggestion:
    """One sender worth a look.

    `who` is its organisation, or its network where the host has no name. `lines` are
    what to put on postgrey's whitelist of clients, which knows no senders. `senders`
    and `hosts` are a few examples; strangers wrote them.
    """

    kind: Kind
    who: str
    lines: tuple[str, ...]
    signs: tuple[Sign, ...]
    evidence: Evidence
    senders: tuple[str, ...]
    hosts: tuple[str, ...]


def suggestions(
    triplets: Iterable[Triplet], organisation: Organisation, now: datetime
) -> list[Suggestion]:
    """Who should be looked at, the likeliest real sender first.

    A message tried within six hours before `now` may still pass: it is not lost.
    """
    houses: dict[str, list[Triplet]] = defaultdict(list)
    house_of = partial(_house, organisation)
    known = [*triplets]
    for each in known:
        houses[house_of(each)].append(each)
    scattered = _scattered(houses)
    customers = {name for each in known for name in each.names if _is_line(name, each)}
    found: list[Suggestion] = []
    for who, members in houses.items():
        fit = [
            each
            for each in _since_whitelisted(members)
            if _pair(each) not in scattered or _is_kin(each, who, organisation)
        ]
        messages = [each for each in messages_of(fit) if each.came_back]
        if messages:
            found += _suggested(who, messages, organisation, now, customers)
    return sorted(found, key=_rank)


def _house(organisation: Organisation, triplet: Triplet) -> str:
    """The organisation behind a triplet, or its network."""
    hosts = servers(triplet.names, triplet.clients)
    return (organisation(hosts[-1]) if hosts else None) or triplet.network


def _is_line(name: str, triplet: Triplet) -> bool:
    return is_line(name.lower(), triplet.clients)


def _pair(triplet: Triplet) -> tuple[str, str]:
    """Sender and recipient, without what differs from message to message."""
    user, at, domain = triplet.sender.rpartition("@")
    return (UNIQUE.sub("#", user) + at + domain, triplet.recipient)


def _scattered(houses: Mapping[str, Sequence[Triplet]]) -> set[tuple[str, str]]:
    """Senders and recipients that come from everywhere; bounces may."""
    seen = {(_pair(each), who) for who, members in houses.items() for each in members}
    count = Counter(pair for pair, _ in seen if pair[0])
    return {pair for pair, number in count.items() if number >= EVERYWHERE}


def _since_whitelisted(members: Sequence[Triplet]) -> list[Triplet]:
    """What was seen after the whitelist first let in one of them."""
    since = min((each.first for each in members if each.is_whitelisted), default=None)
    real = [each for each in members if not each.is_whitelisted]
    return [each for each in real if since is None or each.last > since]


def _suggested(
    who: str,
    messages: Sequence[Message],
    organisation: Organisation,
    now: datetime,
    customers: Iterable[str],
) -> Iterator[Suggestion]:
    """The suggestion for one organisation, if there is one to make."""
    pooled = any(len(each.networks) > 1 for each in messages)
    lost = [each for each in messages if not pooled and _is_lost(each, now)]
    kind = Kind.POOL if pooled else _kind(messages, lost)
    signs = tuple(_signs(who, messages, organisation))
    if kind is None or len(signs) < FEWEST:
        return
    triplets = [each for message in messages for each in message.triplets]
    hosts = _hosts(who, triplets)
    yield Suggestion(
        kind,
        who,
        _whitelist(hosts, triplets, customers),
        signs,
        _evidence(messages, lost),
        tuple(sorted({each.sender for each in triplets})[:SHOWN]),
        tuple(hosts[:SHOWN]),
    )


def _is_lost(message: Message, now: datetime) -> bool:
    over = now - message.last > ONE_MESSAGE
    return message.tries >= TRIES and over and not message.passed


def _kind(messages: Sequence[Message], lost: Sequence[Message]) -> Kind | None:
    if lost:
        return Kind.NEVER_PASSED
    hasty = any(each.early > 1 for each in messages)
    return Kind.EARLY_RETRY if hasty else None


def _signs(
    who: str, messages: Sequence[Message], organisation: Organisation
) -> Iterator[Sign]:
    """What speaks for it."""
    triplets = [each for message in messages for each in message.triplets]
    if not any(who == each.network for each in triplets):
        yield Sign.NAMED
        kin = any(_is_kin(each, who, organisation) for each in triplets)
        if kin or any(len(each.networks) > 1 for each in messages):
            yield Sign.KIN
    patient = [each for each in messages if each.waited >= PATIENT * (each.tries - 1)]
    if len(patient) * 2 >= len(messages):
        yield Sign.PATIENT
    if len({each.recipient for each in triplets}) > 1:
        yield Sign.RECIPIENTS
    if len(messages) > 1:
        yield Sign.MESSAGES


def _is_kin(triplet: Triplet, who: str, organisation: Organisation) -> bool:
    """Whether the sender's domain is the host's organisation's."""
    domain = triplet.sender.rpartition("@")[2]
    return bool(domain) and organisation(domain) == who


def _evidence(messages: Sequence[Message], lost: Sequence[Message]) -> Evidence:
    triplets = [each for message in messages for each in message.triplets]
    return Evidence(
        messages=len(messages),
        lost=len(lost),
        tries=sum(each.tries for each in messages),
        early=sum(each.early for each in messages),
        networks=len({each.network for each in triplets}),
        recipients=len({each.recipient for each in triplets}),
        waited=int(max(each.waited for each in messages)),
    )


def _hosts(who: str, triplets: Iterable[Triplet]) -> list[str]:
    """The organisation's mail servers; neighbours in its networks are not."""
    names = {name for each in triplets for name in servers(each.names, each.clients)}
    return sorted(name for name in names if f".{name}".endswith(f".{who}"))


def _whitelist(
    hosts: Sequence[str], triplets: Iterable[Triplet], customers: Iterable[str]
) -> tuple[str, ...]:
    """The narrowest that lets all of them in, and no customer's line."""
    if hosts:
        return narrowest(hosts, customers)
    return tuple(sorted({each for triplet in triplets for each in triplet.clients}))


def _rank(suggestion: Suggestion) -> tuple[int, int, int, str]:
    """More signs first, then more messages lost, or put off."""
    seen = suggestion.evidence
    return (-len(suggestion.signs), -seen.lost, -seen.messages, suggestion.who)
