"""The lists in the DNS that are not switched on: dead ones, and a key's own zones."""

from collections.abc import Iterable

from postfixconf.masking import KEYED, masked

__all__ = ["DEAD", "death", "refusal", "without_key"]

# Zones that nobody looks after any more, sub-zones included, with the year where it
# is known. Such a list refuses nobody, or, once somebody else has the domain, all.
DEAD = {
    "dnsbl.sorbs.net": "2024",
    "rhsbl.sorbs.net": "2024",
    "ix.dnsbl.manitu.net": "2025",
    "dnsbl.inps.de": "",
    "ubl.unsubscore.com": "",
    "cbl.abuseat.org": "",
    "spam.abuse.ch": "",
    "bl.spamcannibal.org": "2018",
    "sbl.spamdown.org": "",
    "bl.emailbasura.org": "",
    "megarbl.net": "",
    "dnsbl.ahbl.org": "2015",
    "dnsbl.njabl.org": "2013",
    "relays.ordb.org": "2006",
    "list.dsbl.org": "2008",
}
INSTEAD = {"cbl.abuseat.org": "It is part of zen.spamhaus.org now."}


def death(zone: str) -> str:
    """Why a zone must not be asked any more, as a sentence; empty for all others."""
    dead = _under(zone, DEAD)
    if not dead:
        return ""
    since = f" since {DEAD[dead]}" if DEAD[dead] else ""
    instead = INSTEAD.get(dead, "It refuses nobody, or everybody.")
    return f"The list {dead} is dead{since}. {instead}"


def refusal(zone: str) -> str:
    """Why a zone cannot be switched on, as a sentence; empty for all others."""
    if _under(zone, KEYED):
        return "A key is never part of a zone here: type it on the page Blocklists."
    return death(zone)


def without_key(text: str) -> str:
    """A zone, or the control's key that it stands in, with the secret in it masked.

    >>> without_key("dnsbl:s3cret.zen.dq.spamhaus.net=127.0.0.2")
    'dnsbl:….zen.dq.spamhaus.net=127.0.0.2'
    """
    return masked(text)


def _under(zone: str, zones: Iterable[str]) -> str:
    """Which of these zones it is or lies in; empty for none."""
    name = zone.lower().rstrip(".")
    return next((x for x in zones if name == x or name.endswith(f".{x}")), "")
