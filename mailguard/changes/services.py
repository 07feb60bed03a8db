"""The verbs of a change, on the side of whoever asks. Nothing here touches Postfix.

A change is queued as a row first; the worker (`worker.py`) carries it out.
"""

import logging
from dataclasses import asdict, replace

from celery import current_app
from django.db import transaction
from django.db.models import Max
from kombu.exceptions import OperationalError

from mailguard.audit.services import Actor
from mailguard.changes import tables
from mailguard.changes.draft import SHOWN, Draft, live_policy, whole
from mailguard.changes.drift import drift_of
from mailguard.changes.findings import findings_of
from mailguard.changes.models import FINISHED, Kind, Revision
from mailguard.changes.texts import columns_of
from mailguard.errors import NotNow
from mailguard.lists import claims
from mailguard.lists import services as lists
from mailguard.lists.models import Entry
from mailguard.lists.services import Tally
from mailguard.protection import own_lists
from mailguard.protection import services as protection
from mailguard.protection.differences import between
from mailguard.servers import services as servers
from mailguard.servers.broker import broker_alive
from mailguard.servers.models import Observed, Server
from postfixconf.policy.entries import Lookup, Spared
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy

__all__ = [
    "discard",
    "draft",
    "drift_of",
    "pending",
    "plan_of",
    "refuse_if_busy",
    "request_adoption",
    "request_apply",
    "unfinished",
]


log = logging.getLogger(__name__)
CARRY_OUT = "mailguard.changes.tasks.carry_out"


def draft(server: Server) -> Draft:
    """What is wanted and not yet live; nothing before the first adoption."""
    if server.adopted_main is None:
        return Draft(Policy(), Entry.objects.none(), ())
    return whole(server)


def pending(server: Server) -> int:
    """How many changes wait."""
    if server.adopted_main is None:
        return 0
    settings = sum(1 for _ in between(live_policy(server), protection.wanted()))
    entries = lists.pending().count()
    if 0 < entries <= SHOWN:  # one that changes sides has two rows
        entries = len(lists.differences(lists.pending(), SHOWN))
    return settings + entries


def unfinished(server: Server) -> Revision | None:
    """The revision that is waiting or being applied, if there is one."""
    return Revision.objects.filter(server=server).exclude(state__in=FINISHED).first()


def plan_of(server: Server, wish: Draft | None = None) -> Plan:
    """What applying the draft (or `wish`) would write, from the last look.

    Raises NotNow before the first adoption, BadFile for a file that Postfix
    would not read.
    """
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        raise NotNow(not_adopted(server))
    wish = wish or whole(server)
    changed = tables.changed(server, wish, adopted, seen)
    made = plan(
        wish.policy,
        adopted,
        seen,
        reload=server.prefer_reload,
        tables=changed,
        keys=own_lists.opened(wish.policy),
    )
    return replace(
        made, findings=(*findings_of(server, wish, seen.texts), *made.findings)
    )


def not_adopted(server: Server) -> str:
    """Why there is nothing to plan from yet."""
    row = Observed.objects.filter(server=server).first()
    if row is not None and row.trouble:
        return f"The server cannot be adopted: {row.trouble}"
    return "The worker has not looked at the server yet."


@transaction.atomic
def request_apply(
    *,
    server: Server,
    actor: Actor,
    reason: str,
    reload: bool = False,
    reviewed: str | None = None,
    wish: Draft | None = None,
    override: str = "",
) -> Revision:
    """Queue the draft (or `wish`) for the worker; the row it will carry out.

    `reviewed` is the digest of the plan that the person saw; a draft that has
    changed since is not applied. `override` is why it may break a pin. Raises
    NotNow, and then nothing was changed.
    """
    if server.prefer_reload != reload:
        server.prefer_reload = reload
        server.save(update_fields=["prefer_reload"])
    refuse_if_busy(server)
    wish = wish or draft(server)
    made = plan_of(server, wish)
    refuse_unless_ready(server, wish, made, reviewed)
    revision = enqueue(
        server,
        actor,
        Kind.CHANGE,
        reason=reason,
        policy=wish.policy.as_json(),
        changes=[asdict(each) for each in wish.changes],
        more=wish.more,
        tables=told_tables(made, wish),
        reload=reload,
        plan_digest=made.digest,
        override=override,
        findings=[asdict(each) for each in made.findings],
        **columns_of(made.before, made.after),
    )
    claims.claim(revision.number, wish.rows)
    return revision


def refuse_unless_ready(
    server: Server, wish: Draft, made: Plan, reviewed: str | None
) -> None:
    """Raises NotNow where a plan is empty, outdated, not what was seen, or faulty."""
    if made.empty and not wish.size:
        raise NotNow("There is nothing to apply: the server is as wanted.")
    if drift_of(server):
        raise NotNow(
            "The configuration was edited by hand since mailguard last wrote it. "
            "Nothing was changed. Adopt the edit first."
        )
    if reviewed is not None and reviewed != made.digest:
        raise NotNow(
            "The draft or the server changed while you were looking. Nothing was "
            "changed. Please review it again."
        )
    for finding in made.blocking:
        raise NotNow(f"{finding.sentence} {finding.remedy} Nothing was changed.")


def told_tables(made: Plan, wish: Draft) -> list[dict[str, object]]:
    """The tables of entries that a revision makes anew, as it keeps them."""
    nothing = Tally(0, 0, "")
    return [
        {
            "path": str(each.path),
            "version": each.version,
            "added": wish.tally.get(each.path, nothing).come,
            "removed": wish.tally.get(each.path, nothing).go,
        }
        for each in made.tables
        if each.path in {*Lookup, *Spared}
    ]


@transaction.atomic
def request_adoption(*, server: Server, actor: Actor, reason: str) -> Revision:
    """Queue taking the server's present files as the new starting point."""
    refuse_if_busy(server)
    return enqueue(server, actor, Kind.ADOPTED, reason=reason)


@transaction.atomic
def discard(*, server: Server, actor: Actor) -> int:
    """Want again what is live; how many waiting changes that dropped.

    Raises NotNow while a revision waits: it would be applied all the same.
    """
    refuse_if_busy(server)
    reason = "discarded the draft"
    live = live_policy(server)
    settings = protection.write(policy=live, actor=actor, reason=reason)
    return len(settings) + lists.discard(actor=actor, reason=reason)


def refuse_if_busy(server: Server) -> None:
    """Raises NotNow while a revision is waiting or being applied."""
    busy = unfinished(server)
    if busy is not None:
        raise NotNow(
            f"Revision {busy.number} by {busy.actor_name} is "
            f"{busy.get_state_display()}. Nothing was changed."
        )


def enqueue(server: Server, actor: Actor, kind: Kind, **columns: object) -> Revision:
    """Insert the row and, once it is committed, tell the worker."""
    highest = Revision.objects.aggregate(highest=Max("number"))["highest"] or 0
    revision = Revision.objects.create(
        number=highest + 1,
        server=server,
        kind=kind,
        actor_id=actor.user_id,
        actor_name=actor.name,
        address=actor.address,
        **columns,
    )
    transaction.on_commit(lambda: tell_worker(revision))
    return revision


def tell_worker(revision: Revision) -> None:
    """Put a committed revision on its server's queue, by id.

    With the broker down nothing is lost: the worker finds the row when it next
    tends the server.
    """
    queue = f"server.{revision.server.name}"
    if not broker_alive():  # sending would try for six seconds
        log.warning("the broker is down, revision %d waits", revision.number)
        return
    try:
        current_app.send_task(CARRY_OUT, (revision.pk,), queue=queue)
    except (OperationalError, OSError) as cause:
        log.warning("the broker is down, revision %d waits: %s", revision.number, cause)
