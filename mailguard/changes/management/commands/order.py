"""The order of the rules: shown, or changed as a draft; nothing live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.changes import order
from mailguard.servers import services as servers
from postfixconf.errors import BadValue

VERBS = "show|recommended|manual|found|move"


class Command(command.Command):
    help = "Show the lists as they will stand, or put our rules in another order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", nargs="?", default="show", metavar=VERBS)
        parser.add_argument(
            "words", nargs="*", metavar="LIST KEY up|down", help="what `move` moves"
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        verb, words = options["verb"], options["words"]
        server, actor = servers.local(), actor_at_terminal()
        if verb == "move":
            if len(words) != 3 or words[2] not in ("up", "down"):
                raise BadValue(" ".join(words), "move wants LIST KEY up|down")
            name, key, way = words
            order.step(server=server, name=name, key=key, up=way == "up", actor=actor)
        elif verb in set(order.How):
            order.arrange(server=server, how=order.How(verb), actor=actor)
        elif verb != "show":
            raise BadValue(verb, f"not one of {VERBS.replace('|', ', ')}")
        lists = {
            name: [rule.text for rule in each.rules]
            for name, each in order.standing(server).then.items()
        }
        text = [f"{name}: {', '.join(rules) or '-'}" for name, rules in lists.items()]
        return command.Exit.DONE, {"lists": lists}, "\n".join(text)
