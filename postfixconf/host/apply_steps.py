"""What the steps of the apply protocol do (`apply` tells their order).

Each returns what the next one needs and raises Refusal, or another HostError, where
the change must not go on. None of them takes anything back: `recovery` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from postfixconf.errors import Refusal
from postfixconf.host import files, observe, ports, tables
from postfixconf.host.apply_journal import Journal
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.proof import Baseline, baseline, leave_old_smtpds, probe_smtpds
from postfixconf.host.rehearsal import safety
from postfixconf.host.rehearsal.running import trials
from postfixconf.host.rehearsal.safety import Demands
from postfixconf.policy.plan import Action, Plan
from postfixconf.policy.probe_service import with_probe_service

__all__ = [
    "ask_before",
    "check",
    "compare",
    "put_in_place",
    "rehearse",
    "staged",
    "take_effect",
]


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


def take_effect(action: Action, server: Instance) -> None:
    """Have Postfix read the new files."""
    if action is Action.RESTART:
        server.restart()
    elif action is Action.RELOAD:
        old = probe_smtpds(server)
        server.reload()
        leave_old_smtpds(server, old)
