"""The apply protocol. Nothing else writes a configuration.

    lock           one apply at a time in a configuration directory
    compare        the files are what the plan was made from, and Postfix runs
    check          no finding forbids it, and no new port is another program's
    stage          tables built and looked up, files written, all beside the
                   old ones: a full disk or a failing postmap ends here
    rehearse       a throw-away Postfix with the new files is asked: nobody relays,
                   who got through gets through, the pins hold
    checkpoint     registered before the first byte changes
    baseline       compare once more; the probe service is asked before: a fault
                   that is there already is not the change's
    serve          where the change needs a service, it runs and answers first
    replace        tables, then master.cf, then main.cf, by rename, each only
                   where nobody else has written since the checkpoint
    reread         postgrey, where lists of its changed: seen by its answers
    restart        or reload; none where tables alone changed
    probe          as a stranger and as a trusted client, the ports people send
                   through, and the log
    settle         the service is asked once more, or stopped if nobody asks it now

Up to the checkpoint a failure leaves the server untouched: Refused. After it,
a failure brings the old state back: RolledBack, or Broken where even that
failed. Where somebody edits a file up to the moment of its rename, the edit stays,
what was replaced already goes back, and Postfix is told nothing: Refused. An edit
between that last look and the rename, some microseconds, would be lost; the
checkpoint tells of the state before it.

A process killed in between leaves an open checkpoint, which `recover` undoes at the
next start.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from postfixconf.errors import BadFile, HandEdited, HostError, Locked, Refusal
from postfixconf.host import checkpoint, files, observe, ports, services, tables
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.journal import Journal
from postfixconf.host.list_readers import ListReaders
from postfixconf.host.outcome import Applied, Broken, Outcome, Refused, RolledBack
from postfixconf.host.proof import (
    Baseline,
    baseline,
    leave_old_smtpds,
    probe_smtpds,
    prove,
)
from postfixconf.host.rehearsal import room, safety
from postfixconf.host.rehearsal.running import trials
from postfixconf.host.rehearsal.safety import PLAIN, Demands
from postfixconf.host.seal import NO_SEAL, Seal
from postfixconf.policy.plan import Action, Plan
from postfixconf.policy.probe_service import with_probe_service

__all__ = [
    "Applied",
    "Broken",
    "Outcome",
    "Recovered",
    "Refused",
    "RolledBack",
    "apply",
    "recover",
]


def apply(
    plan: Plan,
    server: Instance,
    *,
    checkpoints: Path,
    number: int,
    journal: Journal,
    demands: Demands = PLAIN,
    seal: Seal = NO_SEAL,
) -> Outcome:
    """Bring `plan` live on `server` as revision `number`, or leave it as it was."""
    step = journal.step
    try:
        with files.locked(server.config_dir):
            with step("compare"):
                compare(plan, server)
            if plan.empty:
                return Applied("the server is as wanted", plan.standing)
            with step("check"):
                check(plan, server)
                readers = ListReaders.of_plan(plan, server.config_dir)
                readers.ready()
            with staged(plan, server, journal) as new:
                with step("rehearse") as saw:
                    saw(rehearse(plan, server, new, demands))
                with step("checkpoint"):
                    point = checkpoint.save(checkpoints, number, plan.digest, new, seal)
                return go_live(plan, server, new, point, journal, readers)
    except (HostError, Locked, BadFile) as cause:
        return Refused(str(cause))


def go_live(
    plan: Plan,
    server: Instance,
    new: list[files.Staged],
    point: Checkpoint,
    journal: Journal,
    readers: ListReaders,
) -> Outcome:
    """From the first byte on: everything holds, or everything goes back."""
    step = journal.step
    try:
        with step("baseline"):
            compare(plan, server)  # once more: what was saved is what was reviewed
            before = ask_before(plan, server, new)
        with services.needed(plan.needs, server, new, point, journal):
            with step("replace"):
                standing = put_in_place(new, point, server)
            if readers.pairs:
                with step("reread") as saw:
                    saw(readers.reread())
            with step(plan.action):
                take_effect(plan.action, server)
            with step("probe") as saw:
                saw(said := prove(server, before, plan.duties))
        point.close("applied", standing)
    except (HandEdited, Refusal) as cause:
        return give_way(point, server, str(cause))
    except HostError as cause:
        return undo(point, server, str(cause), journal.unwatched(), readers)
    except BaseException:
        undo(point, server, "interrupted", journal.unwatched(), readers)
        raise
    return Applied(said, standing)


def put_in_place(
    new: list[files.Staged], point: Checkpoint, server: Instance
) -> dict[str, str]:
    """Replace the files one by one; the digests of our tables as they are then.

    Raises HandEdited where somebody wrote one of them since the checkpoint.
    """
    for file in new:
        point.written()
        file.install()
    return observe.standing(server)


def give_way(point: Checkpoint, server: Instance, cause: str) -> Refused | Broken:
    """Leave what somebody edited just now, and take back what is ours."""
    outcome: Refused | Broken = Refused(cause)
    try:
        point.give_way()
        services.put_back(point, server)
    except HostError as why:
        outcome = Broken(cause, str(why))
    with suppress(HostError):
        point.close(outcome.closing)
    return outcome


def ask_before(plan: Plan, server: Instance, new: list[files.Staged]) -> Baseline:
    """The baseline; at the first apply the probe service is opened for it.

    That is done only where it is all that changes in master.cf.
    """
    only_probe = with_probe_service(plan.before.master) == plan.after.master
    if only_probe and plan.before.master != plan.after.master:
        for file in new:
            if file.target.name == "master.cf":
                file.install()
        server.reload()
    return baseline(server, tuple(each for each in plan.duties if not each.new))


def undo(
    point: Checkpoint,
    server: Instance,
    cause: str,
    journal: Journal,
    readers: ListReaders | None = None,
) -> RolledBack | Broken:
    """Put the checkpoint back and start Postfix with it; have postgrey read it."""
    outcome: RolledBack | Broken = RolledBack(cause)
    try:
        with journal.step("restore"):
            readers = readers or ListReaders.of_checkpoint(point)
            point.restore()
        with services.as_before(point, server), journal.step("restart"):
            server.restart()
        readers.bring_back()
    except HostError as why:
        outcome = Broken(cause, str(why))
        with suppress(HostError):
            if server.master_pid() is None:
                server.start()
    with suppress(HostError):  # a full disk must not hide how it ended
        point.close(outcome.closing)
    return outcome


def compare(plan: Plan, server: Instance) -> None:
    """Refuse unless Postfix runs on exactly the files the plan was made from."""
    for name in observe.edited(plan, server):
        raise Refusal(
            f"{server.config_dir / name} was edited by hand since this change "
            "was reviewed. Nothing was changed. Adopt the edit, then review again."
        )
    if server.master_pid() is None:
        raise Refusal(
            "Postfix is not running, so nothing can be proven. Nothing was changed. "
            f"Start it (postfix -c {server.config_dir} start) and apply again."
        )


def check(plan: Plan, server: Instance) -> None:
    """Refuse a plan with a finding that forbids it, or whose port is not free."""
    for finding in plan.blocking:
        raise Refusal(f"{finding.sentence} {finding.remedy} Nothing was changed.")
    if plan.before.master != plan.after.master:
        interfaces = server.values("inet_interfaces")["inet_interfaces"]
        ports.check(plan.before.master, plan.after.master, interfaces)


def rehearse(
    plan: Plan, server: Instance, new: list[files.Staged], demands: Demands
) -> str:
    """Try the new files on a Postfix of their own; what was seen.

    Raises Refusal with the reason where they do worse than the present ones, or open
    the relay.
    """
    if demands.passed:
        return demands.passed
    tables = {each.target: each.temporary for each in new}
    after, before = trials(plan, server, tables)
    report = safety.rehearse(after, before, demands.pins, own_reply=demands.own_reply)
    for cause in report.refusals(overridden=demands.overridden):
        raise Refusal(f"{cause} Nothing was changed: this was the rehearsal.")
    return report.said


@contextmanager
def staged(
    plan: Plan, server: Instance, journal: Journal
) -> Iterator[list[files.Staged]]:
    """All that will be written, beside its place: tables, master.cf, main.cf.

    A late table, whose lines need the new main.cf, comes last. What was not
    installed at the end is removed.
    """
    new: list[files.Staged] = []
    with tables.room_in(server.config_dir) as room:
        try:
            with journal.step("stage"):
                late: list[files.Staged] = []
                for table in plan.tables:
                    built = tables.build(server.config_dir, room, table)
                    (late if table.late else new).extend(built)
                for old, text in (
                    *observe.options_file(server, plan.after.options),
                    (server.master(), plan.after.master),
                    (server.main(), plan.after.main),
                ):
                    if text != old.text:
                        data = text.encode("utf-8", "surrogateescape")
                        new.append(files.stage(replace(old, data=data)))
                new += late
            yield new
        finally:
            for file in new:
                file.drop()


def take_effect(action: Action, server: Instance) -> None:
    """Have Postfix read the new files."""
    if action is Action.RESTART:
        server.restart()
    elif action is Action.RELOAD:
        old = probe_smtpds(server)
        server.reload()
        leave_old_smtpds(server, old)


@dataclass(frozen=True)
class Recovered:
    """How a change that was cut off ended: its revision number and outcome."""

    number: int
    outcome: Outcome


def recover(
    server: Instance, checkpoints: Path, seal: Seal = NO_SEAL
) -> list[Recovered]:
    """Undo every change that was cut off, from files alone.

    Raises Locked while an apply is at work, FileFailed.
    """
    recovered = []
    with files.locked(server.config_dir):
        for directory in observe.directories(server):
            files.sweep(directory)
        room.sweep()
        cause = "the worker was stopped in the middle of the change"
        for point in checkpoint.checkpoints(checkpoints, seal):
            if point.outcome is None:
                outcome = undo(point, server, cause, Journal())
                recovered.append(Recovered(point.number, outcome))
    return recovered
