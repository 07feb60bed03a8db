"""The worker's side: carry out queued revisions, look, adopt, recover.

Runs as root on the server. It trusts nothing but a policy it has validated
itself: the texts it writes are computed here, and must be the reviewed ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mailguard.audit.services import MAILGUARD, Actor
from mailguard.changes import tables
from mailguard.changes.draft import live_policy
from mailguard.changes.models import Kind, Revision, State
from mailguard.changes.services import enqueue, texts_of
from mailguard.lists import services as lists
from mailguard.protection import services as protection
from mailguard.protection.differences import between
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import PostfixconfError
from postfixconf.host import apply as protocol
from postfixconf.host import files, observe
from postfixconf.host.checkpoint import Checkpoint, name_of
from postfixconf.host.journal import Journal, Step
from postfixconf.policy.found import find
from postfixconf.policy.observed import Observed, Texts
from postfixconf.policy.plan import Plan, plan
from postfixconf.policy.policy import Policy
from postfixconf.text.maincf import MainCf
from postfixconf.text.mastercf import MasterCf

__all__ = ["carry_out", "recover", "tend"]

AS_FOUND = "the server as it was found"


def checkpoints(server: Server) -> Path:
    """Where the checkpoints of a server are kept."""
    return Path(settings.HOME) / "checkpoints" / server.name


def tend(server: Server) -> None:
    """What is due every few seconds: recover, look, adopt once, catch up."""
    try:
        recover(server)
        protection.complete(server)
    except PostfixconfError:
        return  # somebody else holds the directory, or it is not there: look says so
    finally:
        seen = servers.look(server)
    queued = Revision.objects.filter(server=server, state=State.QUEUED)
    if seen is not None and server.adopted_main is None and not queued.exists():
        enqueue(server, MAILGUARD, Kind.ADOPTED, reason=AS_FOUND)
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


def adopt(revision: Revision) -> None:
    """Take the server's present files as the starting point of every plan."""
    server = revision.server
    seen = servers.look(server)
    if seen is None:
        finish(revision, protocol.Refused(server.observed.trouble))
        return
    main, master = MainCf.parse(seen.texts.main), MasterCf.parse(seen.texts.master)
    found = find(main, master, seen.facts)
    modes = {key: each.mode.value for key, each in found.items()}
    fixed = {key for key, each in found.items() if not each.switchable}
    before = last_written(server, seen.texts)
    policy = adopted_policy(server, modes)
    changed = differences(server, policy)
    with transaction.atomic():
        settle(server, policy, fixed, Actor(revision.actor_id, revision.actor_name))
        server.stale_tables = stale(server, seen)
        became_live(revision, seen, policy)
        server.adopted_main = servers.as_bytes(seen.texts.main)
        server.adopted_master = servers.as_bytes(seen.texts.master)
        server.save()
        Revision.objects.filter(pk=revision.pk).update(
            policy=policy.as_json(), changes=changed, **texts_of(before, seen.texts)
        )
        finish(revision, protocol.Applied(f"Postfix {seen.facts.version}"))


def last_written(server: Server, otherwise: Texts) -> Texts:
    """The files as mailguard last knew them; `otherwise` at the first adoption."""
    last = Revision.objects.filter(server=server, state=State.APPLIED).first()
    if last is None:
        return otherwise
    return Texts(
        servers.as_text(last.main_after),
        servers.as_text(last.master_after),
        servers.as_text(last.access_after),
    )


def adopted_policy(server: Server, modes: dict[str, str]) -> Policy:
    """What is live by an adoption: the modes as found, the rest as we wrote it."""
    known = Policy.from_json(server.live_policy) if server.live_policy else Policy()
    return replace(known, modes=Policy.of(modes).modes)


def differences(server: Server, policy: Policy) -> list[dict[str, str]]:
    """What a hand edit switched, as a revision's `changes`."""
    if not server.live_policy:
        return []
    return [asdict(each) for each in between(live_policy(server), policy)]


def stale(server: Server, seen: Observed) -> list[str]:
    """Our tables that somebody changed: they have to be made anew."""
    now, then = seen.tables, server.written_tables
    edited = {name for name in {*now, *then} if now.get(name) != then.get(name)}
    return sorted(edited | set(server.stale_tables))


def settle(server: Server, policy: Policy, fixed: set[str], actor: Actor) -> None:
    """Want what was found, except where a waiting change says otherwise."""
    wanted = protection.wanted()
    live = live_policy(server).modes if server.live_policy else {}
    waiting = {
        key: mode
        for key, mode in wanted.modes.items()
        if key in live and live[key] != mode and key not in fixed
    }
    found = replace(policy, modes={**policy.modes, **waiting}, own=wanted.own)
    protection.write(policy=found, actor=actor, reason="adopted from the server")


def apply(revision: Revision) -> None:
    """Run the protocol for one revision and record how it ended."""
    server = revision.server
    instance = servers.instance_of(server)
    try:
        made, seen = reviewed_plan(revision)
    except PostfixconfError as cause:
        finish(revision, protocol.Refused(f"{cause}. Nothing was changed."))
        return
    journal = Journal(lambda steps: keep_steps(revision, steps))
    outcome = protocol.apply(
        made,
        instance,
        checkpoints=checkpoints(server),
        number=revision.number,
        journal=journal,
    )
    with transaction.atomic():
        keep_steps(revision, tuple(journal.steps))
        if isinstance(outcome, protocol.Applied):
            standing = observe.standing(instance)
            live = replace(seen, texts=made.after, running=True, tables=standing)
            made_anew(revision)
            became_live(revision, live, Policy.from_json(revision.policy))
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
    before = Texts(
        servers.as_text(revision.main_before),
        servers.as_text(revision.master_before),
        servers.as_text(revision.access_before),
    )
    policy = Policy.from_json(revision.policy)
    seen = replace(seen, texts=before, tables=server.written_tables)
    made = plan(
        policy,
        adopted,
        seen,
        reload=revision.reload,
        tables=tables.filled(revision, adopted, seen, policy),
    )
    if made.digest != revision.plan_digest:
        raise PostfixconfError("the plan is no longer the one that was reviewed")
    return made, seen


def became_live(revision: Revision, seen: Observed, policy: Policy) -> None:
    """Keep what the server has now."""
    server = revision.server
    servers.keep_observed(server, seen)
    modes = {key: mode.value for key, mode in policy.modes.items()}
    servers.set_live(server, modes, revision.number)
    lists.settle(revision.number)
    server.written_digest = seen.digest
    server.written_tables = dict(seen.tables)
    server.live_policy = policy.as_json()
    server.save()


def made_anew(revision: Revision) -> None:
    """Its tables are as we want them again."""
    made = {each["path"] for each in revision.tables}
    stale_tables = revision.server.stale_tables
    revision.server.stale_tables = [n for n in stale_tables if n not in made]


def keep_steps(revision: Revision, steps: tuple[Step, ...]) -> None:
    """Show the steps so far on the revision's page."""
    shown = [asdict(step) for step in steps]
    Revision.objects.filter(pk=revision.pk).update(steps=shown)
    revision.steps = shown


def finish(revision: Revision, outcome: protocol.Outcome) -> None:
    """Write the outcome; a finished row is never written again."""
    state, cause, said = State.APPLIED, "", ""
    match outcome:
        case protocol.Applied(said):
            pass
        case protocol.Refused(cause):
            state = State.REFUSED
        case protocol.RolledBack(cause):
            state = State.ROLLED_BACK
        case protocol.Broken(cause, why):
            state, cause = State.BROKEN, f"{cause}. The way back failed: {why}"
    if state is not State.APPLIED:
        lists.release(revision.number)
    Revision.objects.filter(pk=revision.pk, state=State.RUNNING).update(
        state=state, cause=cause, said=said, finished_at=timezone.now()
    )


def recover(server: Server) -> list[protocol.Recovered]:
    """Undo what a killed worker left, and tell the rows how it ended.

    Raises Locked while another process applies, FileFailed.
    """
    with alone(server):
        room = checkpoints(server)
        recovered = protocol.recover(servers.instance_of(server), room)
        for revision in Revision.objects.filter(server=server, state=State.RUNNING):
            settle_killed(revision, ended(revision, recovered))
    return recovered


def settle_killed(revision: Revision, outcome: protocol.Outcome) -> None:
    """Write how a killed revision ended, and what is live if it was applied."""
    seen = servers.look(revision.server)
    with transaction.atomic():
        if isinstance(outcome, protocol.Applied) and seen is not None:
            after = Texts(
                servers.as_text(revision.main_after),
                servers.as_text(revision.master_after),
                servers.as_text(revision.access_after),
            )
            made_anew(revision)
            policy = Policy.from_json(revision.policy)
            became_live(revision, replace(seen, texts=after), policy)
        finish(revision, outcome)


def ended(revision: Revision, recovered: list[protocol.Recovered]) -> protocol.Outcome:
    """How a revision whose worker was killed ended, from its checkpoint."""
    for each in recovered:
        if each.number == revision.number:
            return each.outcome
    name = name_of(revision.number, revision.plan_digest)
    outcome = Checkpoint(checkpoints(revision.server) / name).outcome
    if outcome is None:
        return protocol.Refused("the worker was stopped before anything was touched")
    if outcome == "applied":
        return protocol.Applied("the worker was stopped right after the proof")
    word, _, cause = outcome.partition(": ")
    if word == "rolled_back":
        return protocol.RolledBack(cause)
    return protocol.Broken(cause, "see the checkpoint")
