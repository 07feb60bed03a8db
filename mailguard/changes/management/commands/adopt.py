"""Take the server's present files as the new starting point."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import services, waiting
from mailguard.servers import services as servers


class Command(command.Command):
    help = "Take over the server's files as they are, hand edits included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        waiting.add_timeout(parser)
        parser.add_argument("--reason", default="adopted at the command line")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        revision = services.request_adoption(
            server=servers.local(), actor=actor_at_terminal(), reason=options["reason"]
        )
        return waiting.ended(revision, options["timeout"])
