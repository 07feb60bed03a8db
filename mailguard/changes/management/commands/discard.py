"""Drop the draft."""

from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import services
from mailguard.servers import services as servers


class Command(command.Command):
    help = "Want again what is live."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        dropped = services.discard(server=servers.local(), actor=actor_at_terminal())
        text = f"{dropped} waiting changes were discarded."
        return command.Exit.DONE, {"discarded": dropped}, text
