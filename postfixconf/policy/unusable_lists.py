"""The lists in the DNS that are not switched on: dead ones, and those with a key."""

__all__ = ["DEAD", "KEYED", "death", "refusal", "without_key"]

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

# Zones below which each customer has a zone named by a secret key, and their names.
KEYED = {
    "zen.dq.spamhaus.net": "Spamhaus ZEN by DQS",
    "dbl.dq.spamhaus.net": "Spamhaus DBL by DQS",
    "zrd.dq.spamhaus.net": "Spamhaus ZRD by DQS",
    "dq.spamhaus.net": "Spamhaus DQS",
}


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
    if name := KEYED.get(_under(zone, KEYED)):
        return f"{name} needs a key, and mailguard cannot keep keys yet."
    return death(zone)


def without_key(text: str) -> str:
    """A zone, or the control's key that it stands in, with the secret in it masked.

    >>> without_key("dnsbl:s3cret.zen.dq.spamhaus.net=127.0.0.2")
    'dnsbl:….zen.dq.spamhaus.net=127.0.0.2'
    """
    asked, colon, zone = text.rpartition(":")
    name, equals, codes = zone.partition("=")
    above = _under(name, KEYED)
    hidden = name.lower().rstrip(".") != above
    masked = f"….{above}" if above and hidden else name
    return f"{asked}{colon}{masked}{equals}{codes}"


def _under(zone: str, zones: dict[str, str]) -> str:
    """Which of these zones it is or lies in; empty for none."""
    name = zone.lower().rstrip(".")
    return next((x for x in zones if name == x or name.endswith(f".{x}")), "")
