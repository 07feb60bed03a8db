"""DNS lists that no longer answer as lists, and those that ask for a registration."""

__all__ = ["DEAD", "REGISTERED", "is_dead"]

DEAD = frozenset(
    """
    bl.emailbasura.org bl.spamcannibal.org cbl.abuseat.org dnsbl.ahbl.org
    dnsbl.inps.de dnsbl.njabl.org dnsbl.sorbs.net ix.dnsbl.manitu.net list.dsbl.org
    megarbl.net relays.ordb.org rhsbl.sorbs.net sbl.spamdown.org spam.abuse.ch
    ubl.unsubscore.com
    """.split()
)
# What a list needs before it answers. A key stands in front of the zone.
REGISTERED = {
    "b.barracudacentral.org": "the addresses of your resolvers have to be registered",
    "bl.score.senderscore.com": "the addresses of your resolvers have to be registered",
    "zen.dq.spamhaus.net": "a key has to stand in front of it",
    "dbl.dq.spamhaus.net": "a key has to stand in front of it",
    "zrd.dq.spamhaus.net": "a key has to stand in front of it",
}


def is_dead(zone: str) -> bool:
    """Whether a zone, or the list it is a part of, is dead.

    >>> is_dead("dul.dnsbl.sorbs.net")
    True
    """
    return any(zone == dead or zone.endswith(f".{dead}") for dead in DEAD)
