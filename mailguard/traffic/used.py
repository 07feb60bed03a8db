"""Which attempts are of the server's own people and devices: from a log, no database.

A person has signed in. A device has not, and its mail was taken: from an address that
mynetworks holds, or a private one. This machine itself is neither: content filters give
mail back from it.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic.keys import key_of
from mailguard.traffic.rows import Row, fit, only_domain, secret_key
from postfixconf.errors import PostfixconfError
from postfixconf.maillog.attempt import Attempt
from postfixconf.policy.linting.networks import networks
from postfixconf.policy.linting.seen import Seen
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["Ours", "Used", "ours_of", "seen_of", "used"]

Ours = Callable[[str], bool]
USER, HIDDEN = 255, "@"
ADDRESSES = 50_000  # remembered
# RFC 1918, RFC 4193, and addresses that a cable gives.
LAN = tuple(
    ip_network(each)
    for each in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10"),
    )
)
WIDEST = {4: 8, 6: 16}  # prefix lengths: a wider network is everybody's


class Used(NamedTuple):
    """One attempt of somebody who belongs here; see `models.Usage`.

    `key` is the attempt's, `program` what smtpd logged as, `done` whether it has been
    decided, and is no device's that was not accepted.
    """

    key: int
    at: int
    program: str
    who: int
    user: str
    client_address: str
    client_name: str
    tls: str
    done: bool


def used(attempt: Attempt, row: Row, *, domains_only: bool) -> Used:
    """What an attempt tells of who sends. `row` is what is kept of it."""
    user, told = attempt.sasl_username or "", attempt.tls
    who = key_of(user) if user else key_of("device", row.client_address)
    if user and domains_only:
        who = secret_key(user) or who
        user = (only_domain(user) if "@" in user else None) or HIDDEN
    decided = row.outcome == "accepted" or bool(user and row.outcome != "undecided")
    return Used(
        row.key,
        row.at,
        row.service,
        who,
        fit(user, USER),
        row.client_address,
        row.client_name,
        told.protocol if told else "",
        decided,
    )


def seen_of(server: Server) -> Seen | None:
    """The configuration that was last seen, as the linter reads it; None before."""
    observed = servers.last_observed(server)
    if observed is None:
        return None
    try:
        main, master = (
            MainCf.parse(observed.texts.main),
            MasterCf.parse(observed.texts.master),
        )
    except PostfixconfError:  # edited by hand just now
        return None
    return Seen(main, observed.facts, master)


def ours_of(seen: Seen | None) -> Ours:
    """Whether an address is of this server's own networks, or private."""
    told = seen.expanded(seen.value("mynetworks")) if seen else ""
    return ours(told)


@lru_cache(maxsize=4)
def ours(mynetworks: str) -> Ours:
    """The same for a value of mynetworks."""
    trusted = [
        each for each in networks(mynetworks) if each.prefixlen >= WIDEST[each.version]
    ]
    exact = lru_cache(maxsize=ADDRESSES)(lambda address: is_ours(address, trusted))
    near = lru_cache(maxsize=ADDRESSES)(lambda start: is_near(start, trusted))
    # Strangers have millions of addresses, in far fewer networks.
    return lambda address: near(address.rpartition(".")[0]) and exact(address)


def is_near(start: str, trusted: list[IPv4Network | IPv6Network]) -> bool:
    """Whether an IPv4 address that begins so may be in one; any other may be."""
    try:
        network = ip_network(f"{start}.0/24")
    except ValueError:
        return True
    return any(network.overlaps(each) for each in (*LAN, *trusted))


def is_ours(address: str, trusted: list[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of these networks, or private."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if ip.is_loopback or ip.is_unspecified:
        return False
    return any(ip in each for each in (*LAN, *trusted))
