"""Rehearse the draft, and wait for what it would do."""

import time
from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes.waiting import add_timeout
from mailguard.rehearsals import services
from mailguard.rehearsals.models import Rehearsal, State
from mailguard.servers import services as servers

TOLD = (
    *("state", "safe", "cause", "faults", "notes", "flips", "left_out"),
    *("tried", "lost", "gained", "warned"),
)


class Command(command.Command):
    help = "Try the draft on a Postfix of its own, with recorded mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_timeout(parser)
        parser.add_argument(
            "--most", type=int, default=services.MOST, help="envelopes to try"
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        job = services.ask(
            server=servers.local(), actor=actor_at_terminal(), most=options["most"]
        )
        end = time.monotonic() + options["timeout"]
        while job.open and time.monotonic() < end:
            time.sleep(0.05)
            job.refresh_from_db()
        return exit_of(job), told(job), text_of(job)


def exit_of(job: Rehearsal) -> command.Exit:
    """Done, refused, or not reached."""
    if job.open:
        return command.Exit.UNREACHABLE
    passed = job.state == State.DONE and job.safe
    return command.Exit.DONE if passed else command.Exit.REFUSED


def told(job: Rehearsal) -> dict[str, Any]:
    """The result as an object."""
    return {name: getattr(job, name) for name in TOLD}


def text_of(job: Rehearsal) -> str:
    """The result for people."""
    lines = [f"{job.get_state_display()}. {job.cause}".rstrip(". ") + "."]
    lines += [*job.faults, *job.flips, *job.notes]
    lines.append(
        f"Of {job.tried:,} recorded messages {job.lost:,} would be lost, "
        f"{job.gained:,} would get through, {job.warned:,} would only be logged."
    )
    return "\n".join(lines)
