"""Read mail logs into the database: FILE…, also gzipped; what was read is skipped."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.command import Exit
from mailguard.servers import services as servers
from mailguard.traffic import offers, readings
from mailguard.traffic.models import Reading


class Command(command.Command):
    help = "Read mail logs (also .gz) into the database, each line once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("files", nargs="+", metavar="FILE")

    def act(self, **options: Any) -> tuple[Exit, dict[str, Any], str]:
        server, actor = servers.local(), actor_at_terminal()
        paths = [Path(name).resolve() for name in options["files"]]
        for path in paths:
            offers.offer(server, path)  # all of them can be read, or none is
        told = []
        for path in paths:
            offered = offers.offer(server, path)  # may be what was just read
            reading = offers.ask(server=server, offered=offered, actor=actor)
            before = reading.lines
            for done in readings.read_whole(reading):
                self.stderr.write(f"{done.path}: {done.lines:,} lines")
            told.append(told_of(reading, reading.lines - before))
        failed = any(each["state"] != Reading.State.DONE for each in told)
        text = "\n".join(sentence(each) for each in told)
        return Exit.REFUSED if failed else Exit.DONE, {"files": told}, text


def told_of(reading: Reading, new: int) -> dict[str, Any]:
    """One file as JSON tells it."""
    return {
        "path": reading.path,
        "state": reading.state,
        "lines": reading.lines,
        "new_lines": new,
        "attempts": reading.attempts,
        "cause": reading.cause,
    }


def sentence(told: dict[str, Any]) -> str:
    """One file in words."""
    words = f"{told['path']}: {told['state']}, {told['new_lines']:,} new lines"
    return f"{words}. {told['cause']}".rstrip(". ")
