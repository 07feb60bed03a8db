"""Rehearse the draft, and wait for what it would do."""

from argparse import ArgumentParser
from time import monotonic, sleep
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes.waiting import add_timeout
from mailguard.rehearsals import services
from mailguard.rehearsals.groups import counts
from mailguard.rehearsals.models import Kind, Rehearsal, State
from mailguard.servers import services as servers

TOLD = (
    *("state", "safe", "cause", "faults", "notes", "flips", "left_out"),
    *("recorded", "partial", "tried", "lost", "gained", "warned"),
)


class Command(command.Command):
    help = "Try the draft on a Postfix of its own, with recorded mail."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add_timeout(parser)
        parser.add_argument(
            "--most",
            type=int,
            default=services.MOST,
            help=f"different recorded messages to try, at most {services.LARGEST:,}",
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        job = services.ask(
            server=servers.local(), actor=actor_at_terminal(), most=options["most"]
        )
        end = monotonic() + options["timeout"]
        while job.open and monotonic() < end:
            sleep(0.05)
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
    found = {name: getattr(job, name) for name in TOLD}
    return found | {"controls": list(counts(job))}


def text_of(job: Rehearsal) -> str:
    """The result for people."""
    state = job.get_state_display().capitalize()
    if job.open:
        alive = servers.worker_alive(job.server)
        why = "It goes on" if alive else "The worker does not answer"
        return f"{state}: not finished within the time. {why}."
    lines = [f"{state}. {job.cause}".rstrip(". ") + "."]
    lines += [*job.faults, *job.flips, *job.notes]
    lines.append(
        f"Of {job.tried:,} recorded messages {job.lost:,} would be lost, "
        f"{job.gained:,} would get through, {job.warned:,} would only be logged."
    )
    for each in counts(job):
        kind = Kind(each["kind"]).label
        lines.append(f"  {each['count']:,} {kind}: {each['control']}")
    return "\n".join(lines)
