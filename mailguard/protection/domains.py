"""The own domains of the draft: which there are, which there could be, who uses them.

Naming one is in `naming`.
"""

from mailguard.protection.around import domains_taken
from mailguard.protection.as_us import Evidence, evidence_of
from mailguard.protection.fronts import relays
from mailguard.protection.models import OwnDomain, OwnException, OwnReply
from mailguard.servers.models import Server
from postfixconf.policy.own_domains import REPLY, OwnDomains

__all__ = ["own_domains", "possible_domains", "who_sends_as_us"]


def own_domains() -> OwnDomains:
    """The own domains that are wanted."""
    reply = OwnReply.objects.first()
    return OwnDomains(
        tuple(OwnDomain.objects.values_list("domain", flat=True)),
        tuple(OwnException.objects.values_list("network", flat=True)),
        reply.text if reply else REPLY,
    )


def possible_domains(server: Server) -> list[str]:
    """Domains that the server takes mail for and that are not own domains yet."""
    return sorted(domains_taken(server) - set(own_domains().domains))


def who_sends_as_us(server: Server) -> Evidence | None:
    """Who uses the own domains of the draft without signing in, as the log tells.

    Of the domains that could be named, where none is. None while nothing is known.
    """
    own = own_domains()
    domains = own.domains or tuple(possible_domains(server))
    return evidence_of(server, domains, own.exceptions, relays())
