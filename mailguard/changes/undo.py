"""Taking back one single change, whatever came after it.

A change that is live goes back at once, as a revision of its own that publishes
nothing of the draft; one that only waits leaves the draft.
"""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from mailguard.audit.services import Actor
from mailguard.changes import services
from mailguard.changes.draft import Draft, alone, live_policy
from mailguard.changes.models import Revision
from mailguard.errors import NotNow
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.protection import services as protection
from mailguard.protection.differences import (
    CODED,
    CODES,
    DOMAIN,
    EXCEPTED,
    EXCEPTION,
    IN_FRONT,
    KEY,
    LIST,
    NETWORK,
    ORDER,
    OWN,
    RELAY,
    REPLY,
    TRUSTED,
    Difference,
    numbered,
    order_word,
)
from mailguard.servers.models import Server
from postfixconf.policy.control import Mode
from postfixconf.policy.controls import STATIC
from postfixconf.policy.entries import Entry as Line
from postfixconf.policy.entries import Kind
from postfixconf.policy.greylisting import GREYLISTING, NAMES
from postfixconf.policy.listing import former
from postfixconf.policy.own_lists import told
from postfixconf.policy.policy import Policy

__all__ = ["Undo", "loses", "of", "standing", "undo"]

SETTINGS = (CODES, DOMAIN, EXCEPTION, LIST, KEY, NETWORK, ORDER, RELAY)
NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class Undo:
    """A change that can be taken back; `live` where that makes a revision at once."""

    change: Difference
    live: bool


def of(server: Server, change: Difference) -> Undo:
    """Whether and how a change can be taken back. Raises NotNow, which says why not."""
    name = f"“{change.title}” ({change.what})"
    if not single(change.what):
        raise NotNow(
            f"{name} is not one single change. Restore the revision before it instead."
        )
    wanted = now(protection.wanted(), lists.wanted(), change.what)
    live = now(live_policy(server), lists.live(), change.what)
    if wanted == change.before:
        raise NotNow(f"{name} is {word(wanted)} again already. {NOTHING}")
    if wanted != change.after:
        raise NotNow(
            f"{name} was changed again since: it is now {word(wanted)}, "
            f"not {word(change.after)}. {NOTHING}"
        )
    if is_control(change.what):
        refuse_fixed(server, change.what, name)
    return Undo(change, live == change.after)


def standing(changes: list[Difference]) -> set[Difference]:
    """Those of these changes that are still as they were made."""
    policy, rows = protection.wanted(), lists.wanted()
    return {
        each
        for each in changes
        if single(each.what) and now(policy, rows, each.what) == each.after
    }


def loses(back: Difference) -> str:
    """Which legitimate mail a control can lose that goes on again; empty for others."""
    if not is_control(back.what) or back.after != Mode.ON:
        return ""
    return protection.wanted().controls.control(back.what).loses


@transaction.atomic
def undo(
    *, server: Server, actor: Actor, change: Difference, reason: str
) -> Revision | None:
    """Take one change back; its revision, or None where it left the draft.

    Raises NotNow, BadValue, and then nothing was changed.
    """
    services.refuse_if_busy(server)
    found, back = of(server, change), change.reverse
    if is_entry(change.what):
        put_entry(back, actor, reason)
    else:
        protection.put(change=back, actor=actor, reason=reason)
    if not found.live:
        return None
    return services.request_apply(
        server=server,
        actor=actor,
        reason=reason,
        reload=server.prefer_reload,
        wish=wish(server, back),
    )


def wish(server: Server, back: Difference) -> Draft:
    """The way back on top of what is live, and nothing else."""
    if not is_entry(back.what):
        return alone(server, [back])
    kind, _, value = back.what.partition(" ")
    return alone(server, [], lists.pending().filter(kind=kind, value=value))


def put_entry(back: Difference, actor: Actor, reason: str) -> None:
    """Want one entry as before; one that comes back has its note and expiry again.

    Raises NotNow where these are not known any more, BadValue.
    """
    kind, _, value = back.what.partition(" ")
    if not back.after:
        for row in lists.wanted().filter(kind=kind, value=value):
            lists.remove(row=row, actor=actor, reason=reason)
        return
    rows = Entry.objects.filter(side=back.after, kind=kind, value=value)
    old = rows.order_by("-id").first()
    if old is None:  # without its expiry it would stay for ever
        raise NotNow(
            f"{value} was never live on the {back.after} list, so its note and expiry "
            f"were not kept. {NOTHING} Add it again instead."
        )
    if old.expires_at and old.expires_at <= timezone.now():
        raise NotNow(f"{value} has expired since, so it does not come back. {NOTHING}")
    lists.add(
        entry=Line.read(back.after, kind, value),
        actor=actor,
        note=old.note,
        expires_at=old.expires_at,
        reason=reason,
    )


def refuse_fixed(server: Server, key: str, name: str) -> None:
    """Raises NotNow for a control that no click can change here."""
    for row in protection.rows(server):
        if row.control.key == key and not row.switchable:
            where = row.elsewhere or row.control.lacking
            raise NotNow(f"{name} cannot be switched here: {where}. {NOTHING}")


def single(what: str) -> bool:
    """Whether it names one thing that has a before and an after."""
    kind, _, name = what.partition(" ")
    known = is_control(what) or what == REPLY
    known = known or (kind == GREYLISTING and name in NAMES)
    return known or kind in SETTINGS or is_entry(what)


def is_control(what: str) -> bool:
    """Whether it names a control, and be it that of a list that was taken out."""
    return what in STATIC or former(what) is not None


def is_entry(what: str) -> bool:
    """Whether it names one entry."""
    return what.partition(" ")[0] in set(Kind)


def now(policy: Policy, rows: QuerySet[Entry], what: str) -> str:
    """How one thing stands in a policy and its entries; empty for what is not there."""
    kind, _, value = what.partition(" ")
    if what in policy.modes:
        return policy.modes[what].value
    if what == REPLY:
        return policy.own.reply
    if kind == GREYLISTING:
        return policy.greylisting.told(value)
    if kind == ORDER:
        return order_word(policy, value)
    if kind == DOMAIN:
        return OWN * (value in policy.own.domains)
    if kind == EXCEPTION:
        return EXCEPTED * (value in policy.own.exceptions)
    if kind == CODES:
        return CODED * (value in policy.filtered)
    if kind == RELAY:
        return IN_FRONT * (value in policy.relays)
    if kind == NETWORK:
        return TRUSTED * policy.networks.get(value, False)
    if kind == LIST:
        return next((told(each) for each in policy.zones if each.zone == value), "")
    if kind == KEY:
        return numbered(policy.keys[value]) if value in policy.keys else ""
    if is_control(what):
        return Mode.OFF.value
    row = rows.filter(kind=kind, value=value).first()
    return row.side if row is not None else ""


def word(state: str) -> str:
    """A state as a sentence names it."""
    return f"“{state}”" if state else "not there"
