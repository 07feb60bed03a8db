"""The worker's side: carry out queued revisions, look, adopt, recover.

Runs as root on the server. It trusts nothing but a policy it has validated
itself: the texts it writes are computed here, and must be the reviewed ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import MAILGUARD
from mailguard.changes import beside, tables
from mailguard.changes.adoption import adopt
from mailguard.changes.demands import demands
from mailguard.changes.demotion import distrust
from mailguard.changes.expiry import expire
from mailguard.changes.models import Kind, Revision, State
from mailguard.changes.outcomes import became_live, finish, keep_steps, made_anew
from mailguard.changes.services import enqueue
from mailguard.changes.texts import texts_after, texts_before
from mailguard.protection import own_lists
from mailguard.protection.beginning import complete
from mailguard.protection.sealing import seal
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.host import apply as protocol
from postfixconf.host import files, recovery
from postfixconf.host.apply_journal import Journal
from postfixconf.host.checkpoint import Checkpoint, name_of
from postfixconf.policy.needs import with_lists
from postfixconf.policy.observed import Observed
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy

__all__ = ["carry_out", "recover", "tend"]

AS_FOUND = "the server as it was found"


def checkpoints(server: Server) -> Path:
    """Where the checkpoints of a server are kept."""
    return Path(settings.HOME) / "checkpoints" / server.name


def tend(server: Server) -> None:
    """What is due every few seconds: recover, look, adopt, expire, catch up."""
    try:
        recover(server)
        complete(server)
    except PostfixconfError:
        return  # somebody else holds the directory, or it is not there: look says so
    finally:
        seen = servers.look(server)
    queued = Revision.objects.filter(server=server, state=State.QUEUED)
    if seen is not None and server.adopted_main is None and not queued.exists():
        enqueue(server, MAILGUARD, Kind.ADOPTED, reason=AS_FOUND)
    server.refresh_from_db()
    expire(server)
    for revision in queued.order_by("number"):
        carry_out(revision)


def carry_out(revision: Revision) -> None:
    """Adopt or apply one queued revision; quietly nothing if it is taken.

    Raises Locked while another worker of this server is at work.
    """
    with alone(revision.server):
        claimed = Revision.objects.filter(pk=revision.pk, state=State.QUEUED).update(
            state=State.RUNNING, started_at=timezone.now()
        )
        if not claimed:
            return
        revision.refresh_from_db()
        if revision.kind == Kind.ADOPTED:
            adopt(revision)
        else:
            apply(revision)


@contextmanager
def alone(server: Server) -> Iterator[None]:
    """Be the only worker of a server from the claim of a row to its outcome.

    Raises Locked.
    """
    room = checkpoints(server)
    room.mkdir(parents=True, exist_ok=True)
    with files.locked(room):
        yield


def apply(revision: Revision) -> None:
    """Run the protocol for one revision and record how it ended."""
    server = revision.server
    instance = servers.instance_of(server)
    try:
        made, seen = reviewed_plan(revision)
    except PostfixconfError as error:
        finish(revision, protocol.Refused(f"{error}. Nothing was changed."))
        return
    journal = Journal(lambda steps: keep_steps(revision, steps))
    policy = Policy.from_json(revision.policy)
    if cause := distrust(server, policy):
        finish(revision, protocol.Refused(cause))
        return
    outcome = protocol.apply(
        made,
        instance,
        checkpoints=checkpoints(server),
        number=revision.number,
        journal=journal,
        demands=demands(server, made, seen, policy, override=revision.override),
        seal=seal(),
    )
    with transaction.atomic():
        keep_steps(revision, tuple(journal.steps))
        if isinstance(outcome, protocol.Applied):
            live = replace(
                seen,
                texts=made.after,
                facts=with_lists(seen.facts, outcome.standing),
                running=True,
                tables=outcome.standing,
            )
            made_anew(revision, seen.facts)
            became_live(revision, live, policy)
        finish(revision, outcome)
    if not isinstance(outcome, protocol.Applied):
        servers.look(server)


def reviewed_plan(revision: Revision) -> tuple[Plan, Observed]:
    """The plan as it was reviewed, computed anew from the policy.

    Raises PostfixconfError where it is no longer the same.
    """
    server = revision.server
    adopted, seen = servers.adopted_texts(server), servers.look(server)
    if adopted is None or seen is None:
        raise PostfixconfError(server.observed.trouble or "the server is not adopted")
    before, policy = texts_before(revision), Policy.from_json(revision.policy)
    if revision.own_main is None:
        seen = replace(seen, texts=before, tables=server.written_tables)
        made = plan(
            policy,
            adopted,
            seen,
            reload=revision.reload,
            tables=tables.filled(revision, adopted, seen, policy),
            keys=own_lists.opened(policy),
        )
    else:
        seen = replace(seen, texts=before)
        modes = {each["what"]: each["after"] for each in revision.changes}
        made = beside.planned(modes, policy, seen, reload=revision.reload)
    if made.digest != revision.plan_digest:
        raise PostfixconfError("the plan is no longer the one that was reviewed")
    return made, seen


def recover(server: Server) -> list[recovery.Recovered]:
    """Undo what a killed worker left, and tell the rows how it ended.

    Raises Locked while another process applies, FileFailed.
    """
    with alone(server):
        room = checkpoints(server)
        recovered = recovery.recover(servers.instance_of(server), room, seal())
        for revision in Revision.objects.filter(server=server, state=State.RUNNING):
            settle_killed(revision, ended(revision, recovered))
    return recovered


def settle_killed(revision: Revision, outcome: protocol.Outcome) -> None:
    """Write how a killed revision ended, and what is live if it was applied."""
    seen = servers.look(revision.server)
    if isinstance(outcome, protocol.Applied) and seen is None:
        return  # what is live cannot be told now: the next look settles it
    with transaction.atomic():
        if isinstance(outcome, protocol.Applied) and seen is not None:
            made_anew(revision, seen.facts)
            policy = Policy.from_json(revision.policy)
            after = texts_after(revision)
            live = replace(seen, texts=after, tables=outcome.standing)
            became_live(revision, live, policy)
        finish(revision, outcome)


def ended(revision: Revision, recovered: list[recovery.Recovered]) -> protocol.Outcome:
    """How a revision whose worker was killed ended, from its checkpoint."""
    for each in recovered:
        if each.number == revision.number:
            return each.outcome
    name = name_of(revision.number, revision.plan_digest)
    point = Checkpoint(checkpoints(revision.server) / name)
    told = point.outcome
    if told is None:
        return protocol.Refused("the worker was stopped before anything was touched")
    if told == "applied":
        said = "the worker was stopped right after the proof"
        return protocol.Applied(said, point.standing)
    word, _, cause = told.partition(": ")
    if word == "refused":
        return protocol.Refused(cause)
    if word == "rolled_back":
        return protocol.RolledBack(cause)
    return protocol.Broken(cause, "see the checkpoint")
