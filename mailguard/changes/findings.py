"""What is wrong with a draft that only its entries tell, or the lists in the DNS."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from mailguard.changes.draft import Draft
from mailguard.lists import services as lists
from mailguard.lists.checks import doubts
from mailguard.protection import health
from mailguard.protection.differences import DOMAIN
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode
from postfixconf.policy.entries import Kind, Lookup
from postfixconf.policy.lint import Finding, Level
from postfixconf.policy.observed import Texts
from postfixconf.policy.policy import OWN
from postfixconf.text.access import lines_of

__all__ = ["findings_of"]

OFF = Mode.OFF.value
MOST = 50  # entries looked at one by one
RECENT = timedelta(minutes=5)  # how long a check of a list says something about now


def findings_of(server: Server, draft: Draft, texts: Texts) -> tuple[Finding, ...]:
    """Lists that fail, entries against own domains and hand-written lines, and more."""
    entries = (*_inside(draft), *_doubled(draft, texts), *_doubtful(draft))
    return (*_failing(server, draft), *entries)


def _failing(server: Server, draft: Draft) -> Iterator[Finding]:
    """The lists that a draft switches on and the last check found wanting."""
    checks, since = health.latest(server), timezone.now() - RECENT
    for change in draft.changes:
        each = draft.policy.controls.list_of(change.what)
        row = checks.get(each.zone) if each else None
        if each is None or row is None or change.after != Mode.ON:
            continue
        if row.at and row.at > since and not row.trusted:
            yield Finding(
                Level.ERROR,
                "list_fails",
                change.what,
                f"{each.name} cannot be trusted here. {' '.join(row.sentences)}",
                "Leave it on “Only log”, or choose another list.",
                blocks=True,
            )


def _touched(draft: Draft) -> bool:
    """Whether the draft changes what stands in the sender table.

    A fault that was there before forbids no other change, least of all a panic.
    """
    return Lookup.ACCESS in draft.tally or any(
        each.what.startswith(f"{DOMAIN} ") or (each.what == OWN and each.before == OFF)
        for each in draft.changes
    )


def _inside(draft: Draft) -> Iterator[Finding]:
    """Sender entries inside an own domain: they would be asked before the stop."""
    hit = Q(pk=None)
    for domain in draft.policy.own.domains:
        hit |= Q(kind=Kind.SENDER, value__endswith=f"@{domain}")
        hit |= Q(kind=Kind.SENDER, value__endswith=f".{domain}")
        hit |= Q(kind=Kind.SENDER_DOMAIN, value=domain)
        hit |= Q(kind=Kind.SENDER_DOMAIN, value__endswith=f".{domain}")
    rows = lists.resulting(draft.rows).filter(hit, lookup=Lookup.ACCESS)
    for row in rows[:MOST]:
        yield Finding(
            Level.ERROR,
            "entry_in_own_domain",
            row.what,
            f"{row.value} is in one of your own domains: anyone could claim it.",
            "Take the entry out, and except the client's address on Own domains.",
            blocks=_touched(draft),
        )


def _doubled(draft: Draft, texts: Texts) -> Iterator[Finding]:
    """Entries that a hand-written line of the sender table has already."""
    by_hand = {line.key: line for line in lines_of(texts.access)}
    rows = lists.resulting(draft.rows)
    rows = rows.filter(lookup=Lookup.ACCESS, value__in=list(by_hand))
    for row in rows[:MOST]:
        line = by_hand[row.value]
        yield Finding(
            Level.ERROR,
            "entry_by_hand",
            row.what,
            f"Line {line.number} of access says “{line.key} {line.action}” already.",
            "Take that line out of the file and adopt the edit, or remove the entry.",
            blocks=_touched(draft),
        )


def _doubtful(draft: Draft) -> Iterator[Finding]:
    """Entries that reach further than one may think."""
    for row in draft.rows.filter(removed=False).order_by("-id")[:MOST]:
        for sentence in doubts(row.entry):
            yield Finding(
                Level.WARNING,
                "wide_entry",
                row.what,
                sentence,
                "Make it narrower if that is not what you mean.",
            )
