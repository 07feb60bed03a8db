"""What main.cf says around the own domains: who is trusted, which mail it takes."""

import re
from ipaddress import IPv4Network, IPv6Network

from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.policy.linting.networks import networks
from postfixconf.policy.linting.seen import Seen
from postfixconf.policy.relay import expand
from postfixconf.text.maincf import MainCf

__all__ = ["domains_taken", "own_names", "trusted"]

LOCAL = (
    "mydestination",
    "virtual_mailbox_domains",
    "virtual_alias_domains",
    "relay_domains",
)
# A plain name; what stands in a table behind it is not looked up here.
NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def domains_taken(server: Server) -> set[str]:
    """The domains that the server takes mail for, as far as main.cf names them."""
    seen = servers.last_observed(server)
    if seen is None:
        return set()
    main = MainCf.parse(seen.texts.main)
    words = " ".join(expand(main.get(name) or "", main) for name in LOCAL)
    split = re.split(r"[,\s]+", words.lower())
    named = {word for word in split if NAME.fullmatch(word)}
    return named - {"localhost.localdomain"}


def trusted(server: Server) -> list[IPv4Network | IPv6Network]:
    """The networks in mynetworks; files and tables are not looked at."""
    seen = servers.last_observed(server)
    if seen is None:
        return []
    read = Seen(MainCf.parse(seen.texts.main), seen.facts)
    given = read.main.get("mynetworks") is not None
    value = read.value("mynetworks") if given else seen.around.styled
    return list(networks(read.expanded(value)))


def own_names(server: Server) -> set[str]:
    """The host name that this server calls itself."""
    seen = servers.last_observed(server)
    if seen is None:
        return set()
    read = Seen(MainCf.parse(seen.texts.main), seen.facts)
    return {read.expanded(read.value("myhostname")).lower()}
