"""The verbs on entries: they write the draft, and never Postfix.

What a revision does with the rows it brings live is in `claims.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from mailguard.audit.models import Change
from mailguard.audit.services import Actor, record
from mailguard.errors import NotNow
from mailguard.lists.models import Entry
from mailguard.protection.differences import Difference
from postfixconf.errors import BadValue
from postfixconf.policy import entries as library
from postfixconf.policy.lookups import Uses

__all__ = [
    "Tally",
    "add",
    "at",
    "differences",
    "discard",
    "find",
    "live",
    "pending",
    "remove",
    "remove_all",
    "resulting",
    "tally",
    "uses",
    "want_as_at",
    "wanted",
]

WANTED = Q(until_revision=None, removed=False)
LIVE = Q(until_revision=None, since_revision__isnull=False)
COMING = Q(waiting=True, since_revision=None)
GOING = Q(waiting=True, removed=True)


def wanted() -> QuerySet[Entry]:
    """The entries as the draft wants them."""
    return Entry.objects.filter(WANTED)


def live() -> QuerySet[Entry]:
    """The entries that are live now."""
    return Entry.objects.filter(LIVE)


def pending() -> QuerySet[Entry]:
    """The entries that come or go with the next apply."""
    return Entry.objects.filter(waiting=True)


def at(number: int) -> QuerySet[Entry]:
    """The entries that were live once revision `number` was applied."""
    ended = Q(until_revision=None) | Q(until_revision__gt=number)
    return Entry.objects.filter(ended, since_revision__lte=number)


def resulting(rows: QuerySet[Entry]) -> QuerySet[Entry]:
    """What would be live if the waiting changes of `rows` alone became live."""
    chosen = rows.values("pk")
    stays = LIVE & ~Q(removed=True, pk__in=chosen)
    return Entry.objects.filter(stays | (COMING & Q(pk__in=chosen)))


def find(kind: library.Kind, value: str) -> Entry | None:
    """The wanted entry with this value, if there is one."""
    return wanted().filter(kind=kind, value=value).first()


def uses(rows: QuerySet[Entry]) -> Uses:
    """Which tables these rows stand in, by side."""
    return Uses.of(
        [
            (side, table)
            for side in library.Side
            for table in library.Lookup
            if rows.filter(side=side, lookup=table).exists()
        ]
    )


@dataclass(frozen=True)
class Tally:
    """How many entries a table gains and loses, and what tells these from others."""

    come: int
    go: int
    version: str


def tally(rows: QuerySet[Entry]) -> dict[str, Tally]:
    """The waiting changes among `rows`, by table."""
    told = rows.order_by().values("lookup", "removed")
    found: dict[str, Tally] = {}
    for each in told.annotate(n=Count("id"), last=Max("id"), all=Sum("id")):
        known = found.get(each["lookup"], Tally(0, 0, ""))
        come, go = (0, each["n"]) if each["removed"] else (each["n"], 0)
        version = f"{known.version} {'-' * each['removed']}{each['last']} {each['all']}"
        found[each["lookup"]] = Tally(known.come + come, known.go + go, version)
    return found


@transaction.atomic
def add(
    *,
    entry: library.Entry,
    actor: Actor,
    note: str = "",
    expires_at: datetime | None = None,
    reason: str = "",
) -> Entry:
    """Want an entry; the same value on the other side is replaced by it.

    Note and expiry were said of the old side and stay with its row: an entry that
    moves has those given here. Raises BadValue where it stands there already, NotNow
    while it is being applied.
    """
    old = find(entry.kind, entry.value)
    if old is not None and old.side == entry.side:
        raise BadValue(entry.value, f"is on the {old.side} list already")
    if old is not None:
        drop(old)
    row = row_for(entry)
    row.removed, row.waiting = False, row.since_revision is None
    row.note, row.expires_at = note, expires_at
    row.author_id, row.author_name = actor.user_id, actor.name
    row.added_at = timezone.now()
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise BadValue(entry.value, "was added by somebody else just now") from None
    record(
        actor=actor,
        what=row.what,
        before=old.side if old else "",
        after=row.side,
        reason=reason or note,
    )
    return row


def row_for(entry: library.Entry) -> Entry:
    """The row that is going and says the same, or a new one."""
    said = {"side": entry.side, "kind": entry.kind, "value": entry.value}
    back = Entry.objects.filter(GOING, claimed=None, **said).first()
    return back or Entry(**said, lookup=entry.lookup)


@transaction.atomic
def remove(*, row: Entry, actor: Actor, reason: str = "") -> Change:
    """Want an entry no more. Raises NotNow while it is being applied."""
    drop(row)
    return record(actor=actor, what=row.what, before=row.side, after="", reason=reason)


def drop(row: Entry) -> None:
    """Take a row out of the draft: one that was never live is deleted."""
    if row.claimed is not None:
        raise NotNow(f"{row.value} is being applied with revision {row.claimed}.")
    if row.since_revision is None:
        row.delete()
        return
    row.removed = row.waiting = True
    row.save(update_fields=["removed", "waiting"])


@transaction.atomic
def remove_all(*, rows: QuerySet[Entry], actor: Actor, reason: str = "") -> int:
    """Want all these entries no more; how many there were.

    One line in the history tells of them. Raises NotNow while some are applied.
    """
    rows = rows.filter(WANTED)
    if rows.filter(claimed__isnull=False).exists():
        raise NotNow("Some of them are being applied right now. Nothing was changed.")
    coming = Entry.objects.filter(pk__in=rows.filter(COMING).values("pk"))
    gone = coming.delete()[0]
    gone += Entry.objects.filter(pk__in=rows.values("pk")).update(
        removed=True, waiting=True
    )
    if gone:
        record(actor=actor, what="entries", before=f"{gone}", after="", reason=reason)
    return gone


def differences(rows: QuerySet[Entry], most: int) -> list[Difference]:
    """What the draft changes in these rows, at most so many, in words."""
    waiting = rows.filter(waiting=True)
    coming = waiting.filter(removed=False).order_by("lookup", "id")[:most]
    going = waiting.filter(removed=True).order_by("lookup", "id")[:most]
    named = [*coming, *going]
    values = {row.value for row in named}
    others = waiting.filter(value__in=values)  # the other side of one that moves
    found = {row.pk: row for row in [*named, *others]}.values()
    told: dict[str, Difference] = {}
    for row in found:
        had = told.get(row.what, Difference(row.what, "", ""))
        before = row.side if row.removed else had.before
        after = had.after if row.removed else row.side
        told[row.what] = Difference(row.what, before, after)
    return list(told.values())[:most]


@transaction.atomic
def discard(*, actor: Actor, reason: str) -> int:
    """Forget what waits; how many changes that were."""
    waiting = pending().filter(claimed=None)
    count = waiting.count()
    if count:
        Entry.objects.filter(pk__in=waiting.filter(COMING).values("pk")).delete()
        Entry.objects.filter(GOING, claimed=None).update(removed=False, waiting=False)
        record(actor=actor, what="entries", before=f"{count}", after="", reason=reason)
    return count


@transaction.atomic
def want_as_at(*, number: int, actor: Actor, reason: str) -> int:
    """Want the entries of revision `number` again; how many changes that makes.

    What has expired since does not come back. Raises NotNow while entries are being
    applied.
    """
    if pending().filter(claimed__isnull=False).exists():
        raise NotNow("Entries are being applied right now. Nothing was changed.")
    Entry.objects.filter(COMING).delete()
    Entry.objects.filter(GOING).update(removed=False, waiting=False)
    then = at(number).exclude(expires_at__lte=timezone.now())
    same = {name: OuterRef(name) for name in ("side", "kind", "value")}
    newer = live().filter(~Exists(then.filter(**same)), since_revision__gt=number)
    back = then.filter(~Exists(live().filter(**same)), until_revision__isnull=False)
    lost = list(back.iterator(chunk_size=20_000))
    count = Entry.objects.filter(pk__in=newer.values("pk")).update(
        removed=True, waiting=True
    )
    count += copy(lost)
    if count:
        record(
            actor=actor,
            what="entries",
            before="",
            after=f"as in revision {number}",
            reason=reason,
        )
    return count


def copy(rows: Sequence[Entry]) -> int:
    """Want rows again that were live once; how many."""
    for row in rows:
        row.pk = None
        row._state.adding = True
        row.since_revision = row.until_revision = row.claimed = None
        row.removed, row.waiting = False, True
    return len(Entry.objects.bulk_create(rows, batch_size=5_000))
