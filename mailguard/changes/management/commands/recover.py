"""Undo a change that was cut off, from files alone."""

from pathlib import Path
from typing import Any

from django.conf import settings

from mailguard import command
from mailguard.protection.sealing import seal
from mailguard.servers.services import config_dir
from postfixconf.host.apply import Broken
from postfixconf.host.instance import Instance
from postfixconf.host.recovery import recover


class Command(command.Command):
    alone = True
    help = "Undo a change that was cut off; needs no database and no broker."

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        room = Path(settings.HOME) / "checkpoints" / "local"
        recovered = recover(Instance(config_dir()), room, seal())
        broken = any(isinstance(each.outcome, Broken) for each in recovered)
        lines = [f"revision {each.number}: {each.outcome}" for each in recovered]
        told = {"recovered": [each.number for each in recovered], "broken": broken}
        code = command.Exit.BROKEN if broken else command.Exit.DONE
        return code, told, "\n".join(lines) or "Nothing was cut off."
