"""The apply protocol. Nothing else writes a configuration.

    lock                      one apply at a time in a configuration directory
    compare                   the files are what the plan was made from
    check                     no finding forbids it
    tables                    built beside the old ones, and looked up
    (rehearse)                the next step to come; its place is here
    checkpoint                registered before the first byte changes
    replace                   tables, then master.cf, then main.cf
    restart                   or reload; none where tables alone changed
    probe                     as a stranger and as a trusted client, and the log

Up to the checkpoint a failure leaves the server untouched: Refused. After it,
a failure brings the old state back: RolledBack, or Broken where even that
failed. A process killed in between leaves an open checkpoint, which `recover`
undoes at the next start.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import BadFile, HostError, Locked
from postfixconf.host import checkpoint, files, tables
from postfixconf.host.instance import Instance
from postfixconf.host.journal import Journal
from postfixconf.host.proof import leave_old_smtpds, probe_smtpds, prove
from postfixconf.policy.observed import Texts
from postfixconf.policy.plan import Action, Plan

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


@dataclass(frozen=True)
class Applied:
    """The new state is live and proven; `said` is what the probes saw."""

    said: str


@dataclass(frozen=True)
class Refused:
    """Nothing was touched, because of `cause`."""

    cause: str


@dataclass(frozen=True)
class RolledBack:
    """The change failed because of `cause`; the old state is live again."""

    cause: str


@dataclass(frozen=True)
class Broken:
    """The change failed because of `cause`, and the way back because of `why`."""

    cause: str
    why: str


Outcome = Applied | Refused | RolledBack | Broken


class Refusal(HostError):
    """A reason not to begin."""


def apply(
    plan: Plan, server: Instance, *, checkpoints: Path, number: int, journal: Journal
) -> Outcome:
    """Bring `plan` live on `server` as revision `number`, or leave it as it was."""
    step = journal.step
    try:
        with files.locked(server.config_dir), ExitStack() as held:
            with step("compare"):
                compare(plan, server)
            with step("check"):
                for finding in plan.blocking:
                    raise Refusal(f"{finding.sentence} {finding.remedy}")
            with step("tables"):
                built = held.enter_context(tables.built(server.config_dir, plan.tables))
            with step("checkpoint"):
                changes = writes(plan, server, built)
                point = checkpoint.save(
                    checkpoints, number, [(path, data) for path, data, _ in changes]
                )
            return go_live(plan, server, changes, built, point, journal)
    except (HostError, Locked, BadFile) as cause:
        return Refused(str(cause))


def go_live(
    plan: Plan,
    server: Instance,
    changes: "list[Change]",
    built: tuple[tables.Built, ...],
    point: checkpoint.Checkpoint,
    journal: Journal,
) -> Outcome:
    """From the first byte on: everything holds, or everything goes back."""
    step = journal.step
    try:
        mark, known = server.log.mark(), server.log.recent_faults()
        with step("replace"):
            for table in built:
                table.install()
            for _, _, new in changes:
                if new is not None:
                    files.replace(new)
        with step(plan.action):
            take_effect(plan.action, server)
        with step("probe") as saw:
            saw(said := prove(server, mark, known))
        point.close("applied")
    except HostError as cause:
        return undo(point, server, str(cause), journal)
    except BaseException:
        undo(point, server, "interrupted", journal)
        raise
    return Applied(said)


def undo(
    point: checkpoint.Checkpoint, server: Instance, cause: str, journal: Journal
) -> RolledBack | Broken:
    """Put the checkpoint back and start Postfix with it."""
    try:
        with journal.step("restore"):
            point.restore()
        with journal.step("restart"):
            server.restart()
    except HostError as why:
        point.close(f"broken: {cause}; {why}")
        return Broken(cause, str(why))
    point.close(f"rolled_back: {cause}")
    return RolledBack(cause)


Change = tuple[Path, bytes | None, files.Saved | None]


def compare(plan: Plan, server: Instance) -> None:
    """Refuse unless Postfix runs on exactly the files the plan was made from."""
    live = Texts(server.main().text, server.master().text)
    for name in ("main", "master"):
        if getattr(live, name) != getattr(plan.before, name):
            raise Refusal(
                f"{server.config_dir}/{name}.cf was edited by hand since this change "
                "was reviewed. Nothing was changed. Adopt the edit, then review again."
            )
    if server.master_pid() is None:
        raise Refusal(
            "Postfix is not running, so nothing can be proven. Nothing was changed. "
            f"Start it (postfix -c {server.config_dir} start) and apply again."
        )


def writes(
    plan: Plan, server: Instance, built: tuple[tables.Built, ...]
) -> list[Change]:
    """Everything that will be written, in order: tables, master.cf, main.cf."""
    changes: list[Change] = [
        (target, None, None) for each in built for _, target in each.moves
    ]
    pairs = (
        (server.master(), plan.before.master, plan.after.master),
        (server.main(), plan.before.main, plan.after.main),
    )
    for old, before, after in pairs:
        if before != after:
            data = after.encode("utf-8", "surrogateescape")
            new = files.Saved(old.path, data, old.mode, old.uid, old.gid)
            changes.append((old.path, data, new))
    return changes


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


def recover(server: Instance, checkpoints: Path) -> list[Recovered]:
    """Undo every change that was cut off, from files alone.

    Raises Locked while an apply is at work, FileFailed.
    """
    recovered = []
    with files.locked(server.config_dir):
        files.sweep(server.config_dir)
        cause = "the worker was stopped in the middle of the change"
        for point in checkpoint.checkpoints(checkpoints):
            if point.outcome is None:
                outcome = undo(point, server, cause, Journal())
                recovered.append(Recovered(point.number, outcome))
    return recovered
