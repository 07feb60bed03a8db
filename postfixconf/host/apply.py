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

A process killed in between leaves an open checkpoint, which `recovery.recover` undoes
at the next start. What a step does is in `apply_steps`.
"""

from pathlib import Path

from postfixconf.errors import BadFile, HandEdited, HostError, Locked, Refusal
from postfixconf.host import checkpoint, files, services
from postfixconf.host.apply_journal import Journal
from postfixconf.host.apply_steps import (
    ask_before,
    check,
    compare,
    put_in_place,
    rehearse,
    staged,
    take_effect,
)
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.list_readers import ListReaders
from postfixconf.host.outcome import Applied, Broken, Outcome, Refused, RolledBack
from postfixconf.host.proof import prove
from postfixconf.host.recovery import give_way, undo
from postfixconf.host.rehearsal.safety import PLAIN, Demands
from postfixconf.host.seal import NO_SEAL, Seal
from postfixconf.policy.plan import Plan

__all__ = ["Applied", "Broken", "Outcome", "Refused", "RolledBack", "apply"]


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
