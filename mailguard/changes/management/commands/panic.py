"""Every rule to test, at once, and wait until it is so."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import waiting
from mailguard.changes.panic import refusing, request_panic
from mailguard.servers import services as servers


class Command(command.Command):
    help = "Let every managed rule only log, at once; the draft stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        waiting.add_timeout(parser)
        parser.add_argument("--reason", default="Panic: all rules to test")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server = servers.local()
        if not refusing(server):
            return waiting.nothing("No rule refuses anything that could only log.")
        revision = request_panic(
            server=server, actor=actor_at_terminal(), reason=options["reason"]
        )
        return waiting.ended(revision, options["timeout"])
