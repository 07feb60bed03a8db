"""Own domains: who may use them as envelope sender from outside, and the refusal.

The table `mailguard/own_domains` asks for the client: an excepted one is passed on
to the rules that follow, everybody else is refused. The domains themselves are
lines of the sender table.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, read_value

__all__ = ["REPLY", "OwnDomains"]

REPLY = (
    "You send with an address of this server's own. "
    "Please send through port 587 with your password"
)
LONGEST_REPLY = 200  # characters; a reply line holds 512 octets (RFC 5321)


@dataclass(frozen=True)
class OwnDomains:
    """The domains, the clients that may send with them, and what others read.

    Values are as `entries.read_value` gives them. Raises BadValue, which quotes
    the text.
    """

    domains: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    reply: str = REPLY

    def __post_init__(self) -> None:
        for value in self.domains:
            _same(Kind.SENDER_DOMAIN, value)
        for value in self.exceptions:
            _same(Kind.CLIENT, value)
        good = self.reply.isascii() and self.reply.isprintable()
        if not good or self.reply != self.reply.strip() or not self.reply:
            raise BadValue(self.reply, "a reply is one line of plain ASCII text")
        if len(self.reply) > LONGEST_REPLY:
            raise BadValue(self.reply, f"longer than {LONGEST_REPLY} characters")

    def covers(self, domain: str) -> bool:
        """Whether a sender's domain is one of them, or below one."""
        return any(domain == own or domain.endswith(f".{own}") for own in self.domains)

    def lines(self, relays: Sequence[str] = ()) -> Iterator[str]:
        """The lines of the table that asks for the client.

        Mail that comes by one of `relays` was somebody else's to judge.
        """
        clients = {*self.exceptions, *relays}
        networks = [ipaddress.ip_network(each) for each in clients]
        for network in sorted(networks, key=lambda each: (each.version, str(each))):
            yield f"{network} DUNNO\n"
        yield f"0.0.0.0/0 REJECT {self.reply}\n"
        yield f"::/0 REJECT {self.reply}\n"


def _same(kind: Kind, value: str) -> None:
    if read_value(kind, value) != value:
        raise BadValue(value, f"would be written {read_value(kind, value)}")
