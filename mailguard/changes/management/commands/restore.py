"""Bring an old revision back, live or as a draft."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import restore, services, waiting
from mailguard.changes.models import Revision
from mailguard.servers import services as servers
from postfixconf.errors import BadValue


class Command(command.Command):
    help = "Bring back what was live with a revision, proven, or as a draft."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        waiting.add_timeout(parser)
        parser.add_argument("number", help="the revision to bring back")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--draft", action="store_true", help="only as a draft")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server, revision = servers.local(), revision_of(options["number"])
        if restore.preview(server, revision).empty:
            return waiting.nothing(f"Revision {revision.number} is live already.")
        queued = restore.request_restore(
            server=server,
            actor=actor_at_terminal(),
            revision=revision,
            reason=options["reason"],
            as_draft=options["draft"],
        )
        if queued is not None:
            return waiting.ended(queued, options["timeout"])
        pending = services.pending(server)
        code, told, _ = waiting.nothing()
        return code, told | {"pending": pending}, f"{pending} changes wait as a draft."


def revision_of(text: str) -> Revision:
    """The revision with this number. Raises BadValue, which quotes it."""
    found = text.isdecimal() and Revision.objects.filter(number=text).first()
    if not found:
        raise BadValue(text, "no such revision")
    return found
