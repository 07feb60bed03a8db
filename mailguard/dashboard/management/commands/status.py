"""How the server and mailguard itself are."""

from typing import Any

from mailguard import command
from mailguard.changes import services as changes
from mailguard.dashboard import services
from mailguard.servers import services as servers


class Command(command.Command):
    help = "How the server and mailguard itself are."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server = servers.local()
        now = services.status(server)
        told = {
            "postfix": "running" if now.running else "stopped",
            "version": now.version,
            "pending": changes.pending(server),
            "drift": now.drift,
            "worker": now.worker,
            "broker": now.broker,
        }
        return command.Exit.DONE, told, now.sentence
