"""The presets, and what each would change here in test mode."""

from typing import Any

from mailguard import command
from mailguard.changes import presets as taking
from mailguard.servers import services as servers
from postfixconf.policy.presets import PRESETS


class Command(command.Command):
    help = "The presets, and how many changes each would make in test mode."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        told, text = [], []
        for each in PRESETS:
            found = taking.lines(servers.local(), each, on=False)
            changes = sum(line.ticked for line in found)
            told.append(
                {
                    "name": each.name,
                    "title": each.title,
                    "keys": sorted(each.keys),
                    "changes": changes,
                }
            )
            text.append(f"{each.name:10} {changes:2} changes. {each.whom}")
        return command.Exit.DONE, {"presets": told}, "\n".join(text)
