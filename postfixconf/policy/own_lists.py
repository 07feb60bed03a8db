"""A list in the DNS that an administrator adds: read, validated, told in words.

Nothing of it reaches main.cf but the zone and the filter, both of which are validated
here. A list with a key is named by the zone behind the key.
"""

import re
from collections.abc import Iterable

from postfixconf.errors import BadPolicy
from postfixconf.masking import KEYED, Secret
from postfixconf.policy.blocklists import LISTS
from postfixconf.policy.codes import read_codes
from postfixconf.policy.listing import DOMAINS, Asked, Blocklist, Status
from postfixconf.policy.unusable_lists import death, without_key

__all__ = ["new_zone", "own_list", "read_key", "read_list", "read_zone", "told"]

LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
LONGEST_ZONE = 180  # octets: what is asked stands in front, and 253 are all (RFC 1035)
LONGEST_NAME = 60
KEY = re.compile(r"(?!-)[A-Za-z0-9_-]{4,63}(?<!-)")
# Its test point may answer with a code that is not among those somebody chose.
ANY = "127.[0..255].[0..255].[0..255]"
KEYWORD = "key"  # what tells, among the kinds of question, that there is one
ASKED: dict[tuple[Asked, ...], str] = {
    (Asked.CLIENT,): "Addresses that its owner lists. Somebody here added it.",
    (Asked.ALLOW,): "Nothing: it spares the addresses on it the blocklists and the "
    "rules behind them. Somebody here added it.",
}
LISTED = "Domains that its owner lists. Somebody here added it."
LOSES = "Mail from whoever is on it. mailguard knows nothing of how it is kept."
NO_MAIL = "No mail. Spam that a server on it sends gets past the blocklists."


def own_list(
    zone: str,
    asked: Iterable[Asked],
    codes: str,
    name: str = "",
    *,
    keyed: bool = False,
) -> Blocklist:
    """The list, validated. Raises BadPolicy, which quotes what is wrong.

    >>> own_list("bl.test.example", [Asked.CLIENT], "127.0.0.2").name
    'bl.test.example'
    """
    zone, kinds = read_zone(zone), read_asked(asked)
    allows = kinds == (Asked.ALLOW,)
    return Blocklist(
        zone,
        kinds,
        read_codes(codes.strip()),
        read_name(name) or zone,
        ASKED.get(kinds, LISTED),
        NO_MAIL if allows else LOSES,
        "Ask its owner.",
        status=Status.OWN,
        test=ANY,
        key=zone if keyed else "",
    )


def read_zone(text: str) -> str:
    """A zone in its one spelling. Raises BadPolicy, which quotes it, without a key."""
    zone = text.strip().rstrip(".").lower()
    labels = zone.split(".")
    shown = without_key(text)
    if len(labels) < 2 or not all(map(LABEL.fullmatch, labels)):
        raise BadPolicy(shown, "a zone is a domain such as bl.example.org")
    if len(zone) > LONGEST_ZONE:
        raise BadPolicy(shown, f"longer than {LONGEST_ZONE} characters")
    if labels[-1].isdecimal():
        raise BadPolicy(shown, "an address is no zone")
    return zone


def new_zone(text: str) -> str:
    """A zone that may be added. Raises BadPolicy, also for dead and known ones."""
    zone, shown = read_zone(text), without_key(text)
    if dead := death(zone):
        raise BadPolicy(shown, dead.rstrip("."))
    if any(zone == each.zone for each in LISTS):
        raise BadPolicy(shown, "is in the catalogue already: switch it on there")
    if any(zone == each or zone.endswith(f".{each}") for each in KEYED):
        raise BadPolicy(shown, "is in the catalogue already: give its key there")
    return zone


def read_asked(asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """What a list is asked about: addresses, or domains of one kind or more."""
    wanted = set(asked)
    kinds = tuple(each for each in Asked if each in wanted)
    if not kinds:
        raise BadPolicy("", "say what the list is asked about")
    if len(kinds) > 1 and not wanted <= set(DOMAINS):
        words = ", ".join(kinds)
        raise BadPolicy(words, "a list is of addresses, of domains, or an allow list")
    return kinds


def read_name(text: str) -> str:
    """A list's name: one short line."""
    name = " ".join(text.split())
    if not name.isprintable():
        raise BadPolicy(text, "a name is one line of plain text")
    if len(name) > LONGEST_NAME:
        raise BadPolicy(text, f"longer than {LONGEST_NAME} characters")
    return name


def read_key(text: str, zone: str = "") -> Secret:
    """A key, as somebody types or pastes it, with the zone behind it or without.

    Raises BadPolicy, which does not quote it.
    """
    typed = text.strip().rstrip(".")
    for behind in (zone, *KEYED):
        head = re.fullmatch(
            rf"([^.]+)\.(?:[\w-]+\.)?{re.escape(behind)}", typed, re.IGNORECASE
        )
        if behind and head:
            typed = head[1]
    if not KEY.fullmatch(typed):
        raise BadPolicy(
            "•" * 8, "a key is 4 to 63 letters and digits, as its owner gave it"
        )
    return Secret(typed)


def told(each: Blocklist) -> str:
    """A list in one line, as it stands in the history.

    >>> told(own_list("bl.test.example", [Asked.CLIENT], "127.0.0.2", "Ours"))
    'dnsbl 127.0.0.2 Ours'
    """
    kinds = [*each.asked, *([KEYWORD] if each.key else [])]
    return f"{','.join(kinds)} {each.codes} {each.name}"


def read_list(zone: str, text: str) -> Blocklist:
    """The list that `told` told. Raises BadPolicy."""
    kinds, _, rest = text.partition(" ")
    codes, _, name = rest.partition(" ")
    words = [word for word in kinds.split(",") if word != KEYWORD]
    try:
        asked = [Asked(word) for word in words]
    except ValueError:
        raise BadPolicy(text, "no such list") from None
    return own_list(zone, asked, codes, name, keyed=KEYWORD in kinds.split(","))
