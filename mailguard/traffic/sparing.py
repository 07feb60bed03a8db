"""This sender is being delayed: what would spare its servers the wait.

postgrey knows servers and recipients, no senders: so what can be named is the client,
by its proven name or its network. A sender or a greeting becomes an allow entry of
Postfix, which passes greylisting too. Nothing is written here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from mailguard.suffixes import is_public
from mailguard.traffic.keys import network_of, organisation_of
from mailguard.traffic.models import Attempt
from mailguard.traffic.stories import Story
from postfixconf.maillog.hostnames import servers
from postfixconf.policy.greylisting import GREYLISTING

__all__ = ["Spare", "spares"]

ADD = "/greylisting/whitelist/add/"


@dataclass(frozen=True)
class Spare:
    """A line for postgrey's whitelist of clients, and which servers it covers."""

    value: str
    covers: str
    note: str

    @property
    def link(self) -> str:
        """The page that adds it, filled in."""
        told = {"value": self.value, "kind": "grey_client", "note": self.note}
        return f"{ADD}?{urlencode(told)}"


def spares(story: Story) -> list[Spare]:
    """What would spare this one the wait, the likeliest first; none if it had none."""
    if GREYLISTING not in {key for key, _ in story.rules}:
        return []
    note = f"put off on {story.attempt.when:%Y-%m-%d}"
    return [Spare(value, covers, note) for value, covers in lines(story.attempt)]


def lines(attempt: Attempt) -> Iterator[tuple[str, str]]:
    """Lines and what they cover.

    Where the server is of the organisation that sends, all of its servers come first:
    a large sender comes back from another one.
    """
    address, domain = attempt.client_address, (attempt.sender or "").rpartition("@")[2]
    found = servers([attempt.client_name], (address,))
    if found:
        name, house = found[0], organisation_of(found[0])
        one = (name, "this server, by its proven name")
        every = (house, "every server of this organisation, by its proven name")
        kin = domain and organisation_of(domain.lower()) == house
        both = [every, one] if kin else [one, every]
        yield from (each for each in dict.fromkeys(both) if not is_public(each[0]))
    elif address:
        yield address, "this one server: it has no name that leads back to it"
    network = network_of(address) if address else ""
    if network and ":" not in network:
        yield network, "every server of this network"
