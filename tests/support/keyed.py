"""A list with a key, as Spamhaus gives one, and the DNS that answers for it."""

from postfixconf.masking import Secret
from tests.support.dns import SERVFAIL, Records

__all__ = [
    "DBL",
    "DQS",
    "KEY",
    "KEYS",
    "NEW_KEY",
    "OWN",
    "OWN_KEY",
    "SEAL",
    "ZEN",
    "own_records",
    "records",
]

KEY, NEW_KEY = "s3cretkeys3cretkeys3cret12", "an0therkeyan0therkeyan0the"
OWN_KEY = "0wnlistkey77"
DQS = "dq.spamhaus.net"
KEYS = {DQS: Secret(KEY)}
ZEN, DBL = f"zen.{DQS}", f"dbl.{DQS}"
OWN = "bl.paid.example"  # a list of one's own
IPV6 = f"2.0.0.0.0.0.f.7.f.f.f.f.{'0.' * 20}"


def records(key: str = KEY) -> Records:
    """What the lists answer whoever has this key, and nobody else.

    127.0.0.2 is on ZEN, the sender domain listed.example on DBL. Words of the list
    name the key, as they had better not. For the client .67 the lookup fails, and
    Postfix logs the whole zone.
    """
    zen = f"{key}.{ZEN}"
    return {
        (f"2.0.0.127.{zen}", "A"): ["127.0.0.2"],
        (f"2.0.0.127.{zen}", "TXT"): [f'"listed, asked by {key}"'],
        (f"{IPV6}{zen}", "A"): ["127.0.0.2"],
        (f"67.0.0.127.{zen}", "ANY"): SERVFAIL,
        (f"test.{key}.{DBL}", "A"): ["127.0.1.2"],
        (f"listed.example.{key}.{DBL}", "A"): ["127.0.1.4"],
        (f"test.{key}.zrd.{DQS}", "A"): ["127.0.2.2"],
        (f"listed.example.{key}.zrd.{DQS}", "A"): ["127.0.2.5"],
    }


def own_records(zone: str = OWN) -> Records:
    """What a list of one's own answers: 127.0.0.2 and 127.0.0.108 are on it."""
    return {
        (f"2.0.0.127.{zone}", "A"): ["127.0.0.2"],
        (f"108.0.0.127.{zone}", "A"): ["127.0.0.2"],
    }


class Turned:
    """A seal that hides a text well enough for a test."""

    def close(self, data: bytes) -> bytes:
        """Each byte turned about."""
        return bytes(255 - each for each in data)

    open = close


SEAL = Turned()
