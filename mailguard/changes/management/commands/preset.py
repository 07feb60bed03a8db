"""Take a preset as a draft; nothing is live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import presets as taking
from mailguard.servers import services as servers
from postfixconf.errors import BadPolicy
from postfixconf.policy.presets import PRESETS, preset


class Command(command.Command):
    help = "Take a preset as a draft, in test mode unless --on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", metavar="|".join(x.name for x in PRESETS))
        parser.add_argument("--on", action="store_true", help="refuse, do not only log")
        parser.add_argument(
            "--tick",
            action="append",
            default=[],
            metavar="KEY",
            help="a control that would stay as it is otherwise",
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        server, name, on = servers.local(), options["name"], options["on"]
        chosen = preset(name)
        if chosen is None:
            names = ", ".join(each.name for each in PRESETS)
            raise BadPolicy(name, f"no such preset: there are {names}")
        found = taking.lines(server, chosen, on=on)
        offered = {each.key for each in found if each.offer}
        for key in options["tick"]:
            if key not in offered:
                raise BadPolicy(key, "there is nothing to tick in this preset")
        ticks = taking.defaults(found, chosen) | set(options["tick"])
        changes = taking.take(
            server=server,
            preset=chosen,
            on=on,
            ticks=ticks,
            actor=actor_at_terminal(),
            seen=taking.digest_of(found),
        )
        left = [x for x in found if x.why and x.key not in ticks]
        told = {
            "preset": name,
            "mode": "on" if on else "test",
            "changes": [
                {"what": x.what, "before": x.before, "after": x.after} for x in changes
            ],
            "left": [{"key": each.key, "why": each.why} for each in left],
        }
        text = [f"{x.what}: {x.before} → {x.after}" for x in changes] or ["no change"]
        text += [f"left as it is: {each.key}. {each.why}" for each in left]
        return command.Exit.DONE, told, "\n".join(text)
