"""What postgrey saw of each client network, sender and recipient.

    known = Triplets()
    for at, record in lines:            # in the order of the log
        known.feed(at, record)          # postgrey's lines, and decided attempts
    known.rows

A triplet is held as postgrey holds it: the client's network (its `Cut`: usually the
/24 or /64), the sender without extension and numbers, letters alike. Only one that was
put off is kept; `passed` is when it was let in after that. When postgrey says `new`
again, it begins again.

postgrey logs `action=greylist` also where Postfix does not act on it. So attempts
are fed too: of one that greylisting would have put off (it was asked through
`warn_if_reject`), or that another rule refused, the triplet is forgotten: it neither
waited nor was it greylisting that kept it out. A pass without a known beginning says
nothing about a wait, and is passed over.

What this does not handle: waits from before the first line that was read, and from
before postgrey was set to another cut: it begins anew then too.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from postfixconf.maillog.attempt import Attempt, Outcome
from postfixconf.maillog.records import Client, Greylisted
from postfixconf.text.postgrey_files import PROBE_SENDER

__all__ = [
    "MOST",
    "ONE_MESSAGE",
    "USUAL",
    "Cut",
    "Key",
    "Triplet",
    "Triplets",
    "key_of",
    "network_of",
    "untagged",
]

Key = tuple[str, str, str]
ONE_MESSAGE = timedelta(hours=6)  # at most, between two tries of it
MOST = 10  # clients and names kept of a triplet
GREYLISTING = "greylisting"
WHITELISTED = "client whitelist"
TAG = re.compile(r"[0-9a-z]{10}")
NUMBER = re.compile(r"\b[0-9]+\b", re.ASCII)
OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
FOUR = re.compile(rf"(?:{OCTET}\.){{3}}{OCTET}")


class Cut(NamedTuple):
    """How many bits of an address name its network (--ipv4cidr, --ipv6cidr).

    All of them where each address counts alone (--lookup-by-host).
    """

    ipv4: int = 24
    ipv6: int = 64


USUAL = Cut()


class Triplet(NamedTuple):
    """One triplet since it was last new.

    `tries` counts its tries up to the one that was let in, `early` those that came
    before the delay was over; `last` is its last try. `delay` is in seconds, None too
    where it was a later message that passed. `clients` and `names` are the last ten,
    `unknown` among the names. With neither sender nor recipient it stands
    for a network that postgrey's whitelist let in, `first` and `last` time.
    """

    network: str
    sender: str
    recipient: str
    first: datetime
    last: datetime
    tries: int = 1
    early: int = 0
    passed: datetime | None = None
    delay: int | None = None
    clients: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        """What postgrey knows it by."""
        return (self.network, self.sender, self.recipient)

    @property
    def is_whitelisted(self) -> bool:
        """Whether this only says that the whitelist lets a network in."""
        return not self.recipient


class Triplets:
    """Triplets by their key, fed in the order of the log; older lines are ignored."""

    def __init__(self, known: Iterable[Triplet] = (), cut: Cut = USUAL) -> None:
        self.rows = {each.key: each for each in known}
        self._cut = cut

    def feed(self, at: datetime, record: Greylisted | Attempt) -> None:
        """Add one line of postgrey's, or what became of an attempt."""
        key = key_of(record, self._cut)
        if key is None:
            return
        old = self.rows.get(key)
        if isinstance(record, Attempt):
            if old and old.first <= at and _is_no_wait(record):
                del self.rows[key]
            return
        if old is None or at > (old.passed or old.last):
            made = _next(old, key, at, record)
            if made is not None:
                self.rows[key] = _with_client(made, record.client)


def key_of(record: Greylisted | Attempt, cut: Cut = USUAL) -> Key | None:
    """The triplet that a line or an attempt is about; None where it names none."""
    sender, recipient = record.sender, record.recipient
    if sender == PROBE_SENDER:
        return None
    network = network_of(record.client.address, cut) if record.client else None
    if network is None:
        return None
    if isinstance(record, Greylisted) and record.reason == WHITELISTED:
        return (network, "", "")
    if sender is None or not recipient:
        return None
    return (network, untagged(sender).lower(), recipient.lower())


def network_of(address: str, cut: Cut = USUAL) -> str | None:
    """The client's network; None for what is no address.

    >>> network_of("192.0.2.7"), network_of("192.0.2.7", Cut(16, 64))
    ('192.0.2.0/24', '192.0.0.0/16')
    """
    if cut.ipv4 == 24 and FOUR.fullmatch(address):  # in a tenth of the time
        return address.rpartition(".")[0] + ".0/24"
    return _network_of(address, cut)


@lru_cache(maxsize=65_536)
def _network_of(address: str, cut: Cut) -> str | None:
    """The same for any address."""
    try:
        bits = cut.ipv4 if ip_address(address).version == 4 else cut.ipv6
        return str(ip_network(f"{address}/{bits}", strict=False))
    except ValueError:
        return None


def untagged(sender: str) -> str:
    """The sender as postgrey 1.37 compares it (do_sender_substitutions)."""
    user, at, domain = sender.partition("@")
    if not at:
        return sender
    parts = user.split("=")
    if parts[0] == "prvs" and len(parts) == 3:
        turned = TAG.match(parts[2]) and not TAG.match(parts[1])
        user = parts[1] if turned else parts[2]
    return f"{NUMBER.sub('#', user.partition('+')[0])}@{domain}"


def _next(
    old: Triplet | None, key: Key, at: datetime, line: Greylisted
) -> Triplet | None:
    """The triplet after one more line; None where the line says nothing."""
    if line.reason == WHITELISTED:
        return (old or Triplet(*key, at, at, tries=0))._replace(last=at)
    early = line.reason == "early-retry"
    if line.action == "greylist":
        if old is None or old.passed or not early:
            return Triplet(*key, at, at, early=int(early))
        return old._replace(last=at, tries=old.tries + 1, early=old.early + early)
    if old is None or old.passed:
        return None
    if at - old.last > ONE_MESSAGE:
        return old._replace(passed=at)
    waited = int((at - old.first).total_seconds())
    delay = waited if line.seconds is None else min(line.seconds, waited)
    return old._replace(last=at, tries=old.tries + 1, passed=at, delay=delay)


def _with_client(triplet: Triplet, client: Client) -> Triplet:
    return triplet._replace(
        clients=_last(triplet.clients, client.address),
        names=_last(triplet.names, client.name),
    )


def _last(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    """The last different values, the newest at the end."""
    return (*(each for each in values if each != value), value)[-MOST:]


def _is_no_wait(attempt: Attempt) -> bool:
    """Whether something else than greylisting decided."""
    return GREYLISTING in attempt.warned or attempt.outcome is Outcome.REFUSED
