"""The way back: from a change that failed, or that a killed process left half done.

It is made of the checkpoint alone, without a database or a plan. A file that somebody
else has edited meanwhile keeps the edit: `give_way` takes back the rest, `undo` does
not guess and ends in Broken.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from postfixconf.errors import HostError
from postfixconf.host import checkpoint, files, observe, services
from postfixconf.host.apply_journal import Journal
from postfixconf.host.checkpoint import Checkpoint
from postfixconf.host.instance import Instance
from postfixconf.host.list_readers import ListReaders
from postfixconf.host.outcome import Broken, Outcome, Refused, RolledBack
from postfixconf.host.rehearsal import room
from postfixconf.host.seal import NO_SEAL, Seal

__all__ = ["Recovered", "give_way", "recover", "undo"]


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
