"""The verbs of a change, on the side of whoever asks. Nothing here touches Postfix.

A change is queued as a row first; the worker (`worker.py`) carries it out.
"""

import logging
from dataclasses import asdict

from celery import current_app
from django.db import transaction
from django.db.models import Max
from kombu.exceptions import OperationalError

from mailguard.audit.services import Actor
from mailguard.changes.models import FINISHED, Kind, Revision, State
from mailguard.errors import NotNow
from mailguard.protection import services as protection
from mailguard.protection.services import Difference
from mailguard.servers import services as servers
from mailguard.servers.models import Live, Observed, Server
from postfixconf.policy.observed import Texts
from postfixconf.policy.plan import Plan, plan, unified
from postfixconf.policy.policy import Policy

__all__ = [
    "differences",
    "diffs_of",
    "discard",
    "draft",
    "drift_of",
    "plan_of",
    "request_adoption",
    "request_apply",
    "unfinished",
]


log = logging.getLogger(__name__)
Stored = bytes | memoryview
CARRY_OUT = "mailguard.changes.tasks.carry_out"


def draft(server: Server) -> list[Difference]:
    """What is wanted and not yet live, in the catalogue's order."""
    live = dict(Live.objects.filter(server=server).values_list("key", "mode"))
    return [
        Difference(key, live[key], mode.value)
        for key, mode in protection.wanted().modes.items()
        if key in live and live[key] != mode
    ]


def unfinished(server: Server) -> Revision | None:
    """The revision that is waiting or being applied, if there is one."""
    return Revision.objects.filter(server=server).exclude(state__in=FINISHED).first()


def plan_of(server: Server, policy: Policy | None = None) -> Plan:
    """What applying the draft (or `policy`) would write, from the last look.

    Raises NotNow before the first adoption, BadFile for a file that Postfix
    would not read.
    """
    adopted, seen = servers.adopted_texts(server), servers.last_observed(server)
    if adopted is None or seen is None:
        raise NotNow(not_adopted(server))
    wanted = policy or protection.wanted()
    return plan(wanted, adopted, seen, reload=server.prefer_reload)


def not_adopted(server: Server) -> str:
    """Why there is nothing to plan from yet."""
    row = Observed.objects.filter(server=server).first()
    if row is not None and row.trouble:
        return f"The server cannot be adopted: {row.trouble}"
    return "The worker has not looked at the server yet."


def drift_of(server: Server) -> dict[str, str]:
    """The hand edits since mailguard last wrote: a diff per file, empty if none."""
    row = Observed.objects.filter(server=server).exclude(digest="").first()
    if row is None or server.written_digest in ("", row.digest):
        return {}
    last = Revision.objects.filter(server=server, state=State.APPLIED).first()
    if last is None:
        return {}
    pairs = {
        "main.cf": (last.main_after, row.main),
        "master.cf": (last.master_after, row.master),
    }
    return diffs(pairs)


def differences(revision: Revision) -> list[Difference]:
    """What a revision changes, in words."""
    return [Difference(**each) for each in revision.changes]


def diffs_of(revision: Revision) -> dict[str, str]:
    """A diff per file of what a revision wrote, or would have written."""
    pairs = {
        "main.cf": (revision.main_before, revision.main_after),
        "master.cf": (revision.master_before, revision.master_after),
    }
    return diffs(pairs)


def diffs(pairs: dict[str, tuple[Stored, Stored]]) -> dict[str, str]:
    """A diff per file whose two byte strings differ."""
    texts = {
        name: (servers.as_text(before), servers.as_text(after))
        for name, (before, after) in pairs.items()
    }
    return {
        name: "".join(unified(name, before, after))
        for name, (before, after) in texts.items()
        if before != after
    }


@transaction.atomic
def request_apply(
    *,
    server: Server,
    actor: Actor,
    reason: str,
    reload: bool = False,
    reviewed: str | None = None,
) -> Revision:
    """Queue the draft for the worker; the row it will carry out.

    `reviewed` is the digest of the plan that the person saw; a draft that has
    changed since is not applied. Raises NotNow, and then nothing was changed.
    """
    if server.prefer_reload != reload:
        server.prefer_reload = reload
        server.save(update_fields=["prefer_reload"])
    refuse_if_busy(server)
    made = plan_of(server)
    if made.empty:
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
    return enqueue(
        server,
        actor,
        Kind.CHANGE,
        reason=reason,
        policy=protection.wanted().as_text(),
        changes=[asdict(each) for each in draft(server)],
        reload=reload,
        plan_digest=made.digest,
        findings=[asdict(each) for each in made.findings],
        **texts_of(made.before, made.after),
    )


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
    live = dict(Live.objects.filter(server=server).values_list("key", "mode"))
    return len(protection.write(modes=live, actor=actor, reason="discarded the draft"))


def refuse_if_busy(server: Server) -> None:
    """Raises NotNow while a revision is waiting or being applied."""
    busy = unfinished(server)
    if busy is not None:
        raise NotNow(
            f"Revision {busy.number} by {busy.actor_name} is "
            f"{busy.get_state_display()}. Nothing was changed."
        )


def texts_of(before: Texts, after: Texts) -> dict[str, bytes]:
    """The four text columns of a revision."""
    return {
        "main_before": servers.as_bytes(before.main),
        "master_before": servers.as_bytes(before.master),
        "main_after": servers.as_bytes(after.main),
        "master_after": servers.as_bytes(after.master),
    }


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
    try:
        current_app.send_task(CARRY_OUT, (revision.pk,), queue=queue)
    except (OperationalError, OSError) as cause:
        log.warning("the broker is down, revision %d waits: %s", revision.number, cause)
