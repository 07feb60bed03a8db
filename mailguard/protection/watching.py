"""What the worker finds out for the pages of own domains and relays."""

from mailguard.protection import services
from mailguard.protection.around import domains_taken, trusted
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import as_us

__all__ = ["domains_of", "senders"]


def domains_of(server: Server) -> list[str]:
    """The own domains of the draft, and those that could be."""
    return sorted({*services.own_domains().domains, *domains_taken(server)})


def senders(server: Server) -> None:
    """Work out who sends with our domains, where there is something new."""
    if servers.last_observed(server) is not None:
        as_us.refresh(server, domains_of(server), trusted(server))
