"""Lists that are asked with a key: their tables, and replies that do not name it.

main.cf may be read by everybody on the machine, so the rule that names the key stands
in a table of its own that only root may read; smtpd opens it as root, in a chroot too.
What a refused sender reads, and the mail log tells, would name the zone with the key in
it: a reply of our own names the list. What the list itself says of a listing (its TXT
record) is left out: nobody knows what is in it.

    main.cf                 check_client_access regexp:…/mailguard/dnsbl_ZONE
    mailguard/dnsbl_ZONE    /./ reject_rbl_client KEY.ZONE=127.0.0.[2..11]
    rbl_reply_maps          regexp:…/mailguard/rbl_replies, first of all

What this cannot help: Postfix names the whole zone in the mail log when a lookup fails.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from postfixconf.masking import Secret
from postfixconf.policy.control import KEYED_TYPE, Control, Mode, Restriction
from postfixconf.policy.finding import Finding, Level
from postfixconf.policy.found import Found
from postfixconf.policy.listing import Blocklist
from postfixconf.policy.policy import Policy
from postfixconf.policy.table import HEADER, Table, digest_of
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf
from postfixconf.text.rules import split_list

__all__ = [
    "NO_KEYS",
    "REPLIES",
    "REPLIES_TABLE",
    "Keys",
    "answering",
    "keyed_findings",
    "keyed_tables",
    "reply_lines",
]

Keys = Mapping[str, Secret]
NO_KEYS: Keys = MappingProxyType({})
REPLIES = "rbl_reply_maps"
REPLIES_TABLE = "mailguard/rbl_replies"  # from the configuration directory
OURS = f"{KEYED_TYPE}:$config_directory/{REPLIES_TABLE}"
REPLY = "$$rbl_code Service unavailable; $$rbl_class [$$rbl_what] blocked using $1"
EMPTY = hashlib.sha256(HEADER.encode()).hexdigest()


def in_use(
    policy: Policy, found: Mapping[str, Found]
) -> Iterator[tuple[Control, Restriction, Blocklist]]:
    """The keyed controls that are not off, with their place and list."""
    for each in policy.controls.offered:
        mode = policy.modes.get(each.key, found[each.key].mode)
        about = policy.controls.list_of(each.key)
        if about is None or mode is Mode.OFF or not isinstance(each.place, Restriction):
            continue
        if each.place.keyed and found[each.key].available:
            yield each, each.place, about


def answering(main: MainCf, policy: Policy, found: Mapping[str, Found]) -> MainCf:
    """`main` with our replies first where a keyed list is in use, else without."""
    value = main.get(REPLIES) or ""
    items = [value[start:end] for start, end in split_list(value)]
    rest = [item for item in items if item != OURS]
    wanted = [OURS, *rest] if any(in_use(policy, found)) else rest
    if wanted == items:
        return main
    return main.set(REPLIES, ", ".join(wanted)) if wanted else main.remove(REPLIES)


def reply_lines(lists: Sequence[Blocklist]) -> Iterator[str]:
    """The lines of the table of replies. It holds no key.

    Postfix looks it up by the zone as it is asked, with its filter (3.7.11).
    """
    for each in lists:
        words = REPLY + (f"; {each.lookup}" if each.lookup else "")
        yield rf"/^[^.]+\.({re.escape(each.zone)})(=|$)/ {words}" + "\n"


def keyed_tables(
    policy: Policy, found: Mapping[str, Found], standing: Mapping[str, str], keys: Keys
) -> tuple[Table, ...]:
    """The tables of keyed lists, and of replies, that are not as they should be.

    The table of a list that is off is emptied, after main.cf has stopped asking it. One
    whose key cannot be read stays as it is.
    """
    made, used = [], list(in_use(policy, found))
    for _, place, about in used:
        if about.key in keys:
            key = keys[about.key].reveal()
            made.append(table(place.table, tuple(place.answers(key)), secret=True))
    if used:
        lists = {about.zone: about for _, _, about in used}
        lines = tuple(reply_lines([lists[zone] for zone in sorted(lists)]))
        made.append(table(REPLIES_TABLE, lines))
    asked = {place.table for _, place, _ in used}
    for each in policy.controls.every:
        path = each.place.table if isinstance(each.place, Restriction) else ""
        if path in standing and path not in asked:
            made.append(table(path, (), secret=True, late=True))
    return tuple(each for each in made if standing.get(each.path) != digest_of(each))


def table(
    path: str, lines: tuple[str, ...], *, secret: bool = False, late: bool = False
) -> Table:
    """A table that is ours whole, named by its content."""
    version = hashlib.sha256("".join(lines).encode()).hexdigest()
    return Table(path, KEYED_TYPE, version, lambda: lines, late=late, secret=secret)


def keyed_findings(
    policy: Policy,
    found: Mapping[str, Found],
    master: MasterCf,
    standing: Mapping[str, str],
    keys: Keys,
) -> Iterator[Finding]:
    """Keyed lists whose key is not there, and services that would tell it.

    Where the table stands with a key in it, the list works: that forbids nothing.
    """
    used = list(in_use(policy, found))
    for each, place, about in used:
        if about.key not in keys:
            works = standing.get(place.table, EMPTY) != EMPTY
            yield Finding(
                Level.WARNING if works else Level.ERROR,
                "key_missing",
                each.key,
                f"The key of {about.name} is not there or cannot be read.",
                "Type it again on the page Blocklists, or switch the list off.",
                blocks=not works,
            )
    for service in master.services() if used else ():
        told = service.overrides().get(REPLIES)
        if service.command == "smtpd" and told is not None and OURS not in told:
            yield Finding(
                Level.ERROR,
                "key_would_show",
                "master.cf",
                f"“-o {REPLIES}” of {service.name} takes the place of the replies in "
                "main.cf: whoever is refused there would read the key.",
                f"Move that table to main.cf as {REPLIES}, then adopt the edit.",
                blocks=True,
            )
