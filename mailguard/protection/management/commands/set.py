"""Want controls in another mode; nothing is live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from django.db import transaction

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.protection import services
from mailguard.servers import services as servers
from postfixconf.errors import BadPolicy


class Command(command.Command):
    help = "Want controls in another mode: KEY=off|test|on …"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("pairs", nargs="+", metavar="KEY=MODE")
        parser.add_argument("--reason", default="")
        parser.add_argument(
            "--confirmed",
            action="store_true",
            help="although the log shows mail that would be lost (own_domains=on)",
        )

    @transaction.atomic
    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server, actor, changes = servers.local(), actor_at_terminal(), []
        for pair in options["pairs"]:
            key, equals, mode = pair.rpartition("=")
            if not equals:
                raise BadPolicy(pair, "write KEY=off, KEY=test or KEY=on")
            changes += services.set_mode(
                server=server,
                key=key,
                mode=mode,
                actor=actor,
                reason=options["reason"],
                confirmed=options["confirmed"],
            )
        told = [
            {"what": each.what, "before": each.before, "after": each.after}
            for each in changes
        ]
        lines = [f"{each.what}: {each.before} → {each.after}" for each in changes]
        return command.Exit.DONE, {"changes": told}, "\n".join(lines) or "no change"
