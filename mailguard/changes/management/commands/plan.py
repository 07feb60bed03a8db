"""What applying the draft would write, from what was last observed."""

from dataclasses import asdict
from typing import Any

from mailguard import command
from mailguard.changes import services
from mailguard.servers import services as servers


class Command(command.Command):
    help = "What applying the draft would write."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server = servers.local()
        wish = services.draft(server)
        plan = services.plan_of(server, wish)
        diffs = plan.diffs()
        told = {
            "empty": plan.empty,
            "changes": [asdict(each) for each in wish.changes],
            "files": [{"path": name, "diff": diff} for name, diff in diffs.items()],
            "tables": [table.path for table in plan.tables],
            "action": plan.action.value,
            "findings": [asdict(each) for each in plan.findings],
        }
        text = [f"{x.title}: {x.before} → {x.after}" for x in wish.changes]
        text += [diff.rstrip("\n") for diff in diffs.values()]
        text += [f"{each.level}: {each.sentence}" for each in plan.findings]
        text.append("Nothing would change." if plan.empty else f"Then: {plan.action}.")
        return command.Exit.DONE, told, "\n".join(text)
