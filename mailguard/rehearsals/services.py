"""The verbs of a rehearsal, on the side of whoever asks. Nothing here runs Postfix."""

import logging
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from mailguard.audit.services import Actor
from mailguard.changes import services as changes
from mailguard.errors import NotNow
from mailguard.rehearsals.models import OPEN, Asked, Rehearsal, State, Trial, Turn
from mailguard.servers.broker import broker_alive
from mailguard.servers.models import Server
from postfixconf.errors import BadValue
from postfixconf.policy.probes import Probe

__all__ = [
    "LARGEST",
    "MOST",
    "ask",
    "cancel",
    "forget",
    "latest",
    "tell_worker",
    "try_one",
]

log = logging.getLogger(__name__)
GO_ON = "mailguard.rehearsals.tasks.go_on"
MOST = 2000  # different envelopes that are tried, unless somebody wants more
LARGEST = 20_000  # of them in one rehearsal
KEPT = timedelta(days=30)  # trials by hand, and which mail was affected


def latest(
    server: Server, plan_digest: str, before: datetime | None = None
) -> Rehearsal | None:
    """The newest rehearsal of a plan, or the newest that was asked for `before`."""
    rows = Rehearsal.objects.filter(server=server, plan_digest=plan_digest)
    return (rows.filter(at__lt=before) if before else rows).first()


@transaction.atomic
def ask(*, server: Server, actor: Actor, most: int = MOST) -> Rehearsal:
    """Have the draft rehearsed; one that is under way is not begun again.

    Raises NotNow before the first adoption and while a hand edit is not adopted,
    BadFile, BadValue for a number of envelopes that is none.
    """
    if not 1 <= most <= LARGEST:
        raise BadValue(str(most), f"is not between 1 and {LARGEST:,} envelopes")
    Server.objects.select_for_update().get(pk=server.pk)  # two may ask at once
    if changes.drift_of(server):
        raise NotNow(
            "The configuration was edited by hand since mailguard last wrote it. "
            "Adopt the edit first, on Review."
        )
    made = changes.plan_of(server)
    known = latest(server, made.digest)
    if known is not None and known.open:
        return known
    for row in Rehearsal.objects.filter(server=server, state__in=OPEN):
        end(row, State.CANCELLED, "the draft has changed since")
    row = Rehearsal.objects.create(
        server=server,
        plan_digest=made.digest,
        most=most,
        author_id=actor.user_id,
        author_name=actor.name,
    )
    transaction.on_commit(lambda: tell_worker(server))
    return row


@transaction.atomic
def try_one(
    *,
    server: Server,
    actor: Actor,
    probe: Probe,
    on_draft: bool,
    look_up: bool,
    every: bool = False,
) -> Trial:
    """Have one envelope tried; with `look_up` the client's names are DNS's of today.

    With `every`, every rule is asked, whatever the others say.
    """
    row = Trial.objects.create(
        server=server,
        probe=probe.as_json(),
        on_draft=on_draft,
        todays_dns=look_up,
        every=every,
        author_id=actor.user_id,
        author_name=actor.name,
    )
    transaction.on_commit(lambda: tell_worker(server))
    return row


def cancel(row: Asked) -> None:
    """Stop it, if it is not finished; what was found so far stays."""
    if row.open:
        end(row, State.CANCELLED)


def end(row: Asked, state: State, cause: str = "") -> None:
    """How it ended; one that somebody has cancelled meanwhile stays cancelled."""
    rows = type(row)._default_manager.filter(pk=row.pk, state__in=OPEN)
    rows.update(state=state, cause=cause, finished_at=timezone.now())
    row.refresh_from_db()


def tell_worker(server: Server) -> None:
    """Wake the worker; with the broker down it finds the row at its next turn."""
    if not broker_alive():
        return
    try:
        queue = f"server.{server.name}"
        current_app.send_task(GO_ON, (server.name,), queue=queue)
    except (OperationalError, OSError) as cause:
        log.warning("the broker is down, a rehearsal waits: %s", cause)


def forget() -> None:
    """Delete what is old and leads to people; the counts of a rehearsal stay."""
    old = timezone.now() - KEPT
    Rehearsal.objects.filter(at__lt=old).exclude(keys=[], flips=[]).update(
        keys=[], flips=[]
    )
    Trial.objects.filter(at__lt=old).delete()
    Turn.objects.filter(rehearsal__at__lt=old).delete()
