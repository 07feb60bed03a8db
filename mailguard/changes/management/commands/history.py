"""Every revision, newest first."""

from typing import Any

from mailguard import command
from mailguard.changes.models import Revision


class Command(command.Command):
    help = "Every revision, newest first."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        revisions = list(Revision.objects.all())
        told = [
            {
                "number": each.number,
                "state": each.state,
                "kind": each.kind,
                "actor": each.actor_name,
                "reason": each.reason,
                "at": each.queued_at.isoformat(),
                "changes": each.changes,
            }
            for each in revisions
        ]
        lines = [
            f"{each.number:5} {each.queued_at:%Y-%m-%d %H:%M} {each.state:12} "
            f"{each.actor_name}: {each.reason}"
            for each in revisions
        ]
        return command.Exit.DONE, {"revisions": told}, "\n".join(lines)
