"""What the worker finds out for the pages of own domains and relays."""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.utils import timezone

from mailguard.protection.around import domains_taken, trusted
from mailguard.protection.domains import own_domains
from mailguard.protection.models import MxLookup
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from mailguard.traffic import as_us, carriers, clients
from postfixconf.host import mx

__all__ = ["domains_of", "exchanges", "senders"]

FRESH, AGAIN = timedelta(hours=1), timedelta(minutes=10)
MOST = 20  # domains looked up in one turn


def domains_of(server: Server) -> list[str]:
    """The own domains of the draft, and those that could be."""
    return sorted({*own_domains().domains, *domains_taken(server)})


def senders(server: Server) -> None:
    """Work out who sends, as us and at all, where there is something new."""
    if servers.last_observed(server) is not None:
        as_us.refresh(server, domains_of(server), trusted(server))
        carriers.refresh(server)
        clients.refresh(server)


def exchanges(server: Server) -> None:
    """Look up the MX records of our domains that are due, and forget the others."""
    domains, now = domains_of(server), timezone.now()
    rows = MxLookup.objects.filter(server=server)
    rows.exclude(domain__in=domains).delete()
    known = {row.domain: row for row in rows}
    due = [x for x in domains if x not in known or is_due(known[x], now)]
    for name, found in mx.look_up(due[:MOST]).items() if due else ():
        MxLookup.objects.update_or_create(
            server=server,
            domain=name,
            defaults={
                "at": now,
                "exchanges": [asdict(each) for each in found.exchanges],
                "trouble": found.trouble,
            },
        )


def is_due(row: MxLookup, now: datetime) -> bool:
    """Whether a domain has to be looked up again."""
    return now - row.at > (AGAIN if row.trouble else FRESH)
