"""Whom postgrey's whitelists let through, and how often: counted from its lines.

postgrey names the list, never the line of it; which entry it was is worked out where it
is asked (`mailguard.greylisting.whitelist_hits`).

What is not handled: lines that are older than the last one counted of the same client,
as when an older log is read afterwards. They count for nothing, so that no line counts
twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from mailguard.servers.models import Server
from mailguard.traffic.keys import key_of
from mailguard.traffic.models import LetThrough
from mailguard.traffic.rows import fit
from mailguard.traffic.times import microseconds
from postfixconf.maillog.records import Greylisted
from postfixconf.text.postgrey_files import PROBE_SENDER

__all__ = ["keep"]

LISTS = {"client whitelist": "clients", "recipient whitelist": "recipients"}
MANY = 500
Met = tuple[str, str, str]  # list, name, address


def keep(
    server: Server,
    lines: Iterable[tuple[datetime, Greylisted]],
    *,
    domains_only: bool = False,
) -> None:
    """Count these lines, in the caller's transaction."""
    found: dict[Met, list[int]] = defaultdict(list)
    for at, line in lines:
        which = LISTS.get(line.reason)
        if which and line.action == "pass" and line.sender != PROBE_SENDER:
            found[_met(which, line, domains_only)].append(microseconds(at))
    keys = {key_of("let through", server.pk, *met): met for met in found}
    known: dict[int, LetThrough] = {}
    wanted = [*keys]
    for start in range(0, len(wanted), MANY):
        rows = LetThrough.objects.filter(key__in=wanted[start : start + MANY])
        known |= {row.key: row for row in rows}
    for key, met in keys.items():
        row = known.setdefault(key, _new(server, key, met))
        new = [at for at in found[met] if at > row.last_at]
        if new:
            row.count, row.last_at = row.count + len(new), max(new)
    LetThrough.objects.bulk_create(
        known.values(),
        batch_size=MANY,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["count", "last_at"],
    )


def _met(which: str, line: Greylisted, domains_only: bool) -> Met:
    """Who it was; of a recipient the domain alone, where no more may be kept."""
    if which == "clients":
        return which, fit(line.client.name.lower(), 255), fit(line.client.address, 45)
    recipient = fit((line.recipient or "").lower(), 320)
    return which, recipient.rpartition("@")[2] if domains_only else recipient, ""


def _new(server: Server, key: int, met: Met) -> LetThrough:
    which, name, address = met
    return LetThrough(
        server=server, key=key, which=which, name=name, address=address, last_at=0
    )
