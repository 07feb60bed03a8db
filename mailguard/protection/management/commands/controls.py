"""Every control with its wanted and its live mode."""

from typing import Any

from mailguard import command
from mailguard.protection import services
from mailguard.servers import services as servers


class Command(command.Command):
    help = "Every control with its wanted and its live mode."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        rows = services.rows(servers.local())
        told = [
            {
                "key": row.control.key,
                "mode": row.mode.value,
                "live_mode": row.live.value,
                "modes": [mode.value for mode in row.control.modes],
                "title": row.control.title,
                "risk": row.control.risk.value,
            }
            for row in rows
        ]
        lines = [
            f"{row.control.key:42} {row.mode:5} (live: {row.live})" for row in rows
        ]
        return command.Exit.DONE, {"controls": told}, "\n".join(lines)
