"""Bring the draft live, and wait until it is."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import services, waiting
from mailguard.servers import services as servers


class Command(command.Command):
    help = "Bring the draft live on the server, proven, or leave it as it was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        waiting.add_timeout(parser)
        parser.add_argument("--reason", required=True)
        parser.add_argument("--reload", action="store_true", help="keep open sessions")
        parser.add_argument(
            "--override-pins", default="", metavar="REASON", help="why a pin may break"
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server = servers.local()
        if services.plan_of(server).empty and not services.pending(server):
            return waiting.nothing("There is nothing to apply.")
        revision = services.request_apply(
            server=server,
            actor=actor_at_terminal(),
            reason=options["reason"],
            reload=options["reload"] or server.prefer_reload,
            override=options["override_pins"],
        )
        return waiting.ended(revision, options["timeout"])
