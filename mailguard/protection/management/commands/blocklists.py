"""Lists of one's own, keys, return codes; nothing is live before `apply`.

A key is read from the standard input: a word of a command stands in the shell's history
and in the list of processes.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.audit.services import Actor
from mailguard.protection import filters, own_lists, services
from mailguard.protection.list_forms import ASKS
from mailguard.servers import services as servers
from postfixconf.errors import BadValue
from postfixconf.policy.own_lists import read_zone

VERBS = ("add", "remove", "set-key", "remove-key", "filter")


class Command(command.Command):
    help = (
        "Lists of your own: add|remove ZONE; keys: set-key|remove-key NAME; return "
        "codes for a list that was found without: filter ZONE"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", metavar="|".join(VERBS))
        parser.add_argument("zone", help="the zone, or what a key is of")
        parser.add_argument("--codes", default="", help="the answers that list")
        parser.add_argument("--asks", default="dnsbl", metavar="|".join(ASKS))
        parser.add_argument("--name", default="")
        parser.add_argument("--keyed", action="store_true", help="needs a key")
        parser.add_argument("--reason", default="")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        if options["verb"] not in VERBS:
            raise BadValue(options["verb"], f"not one of {', '.join(VERBS)}")
        change(options, actor_at_terminal())
        lists = [each.zone for each in services.wanted().zones]
        filtered = list(services.wanted().filtered)
        keys = {each.name: each.number for each in own_lists.held()}
        told = [f"{name}: {f'key {n}' if n else 'no key'}" for name, n in keys.items()]
        told += [f"{key}: gets return codes" for key in filtered]
        text = "own lists: " + (", ".join(lists) or "none")
        return (
            command.Exit.DONE,
            {"lists": lists, "keys": keys, "filtered": filtered},
            "\n".join([text, *told]),
        )


def change(options: dict[str, Any], actor: Actor) -> None:
    """Do what the verb says."""
    zone, reason = options["zone"], options["reason"]
    match options["verb"]:
        case "add":
            if options["asks"] not in ASKS:
                raise BadValue(options["asks"], f"not one of {', '.join(ASKS)}")
            own_lists.add(
                zone=zone,
                asked=ASKS[options["asks"]][1],
                codes=options["codes"],
                name=options["name"],
                keyed=options["keyed"],
                actor=actor,
                reason=reason,
            )
        case "remove":
            own_lists.remove(zone=read_zone(zone), actor=actor, reason=reason)
        case "filter":
            zone, server = read_zone(zone), servers.local()
            filters.filter_zone(server=server, zone=zone, actor=actor, reason=reason)
        case "set-key":
            key = sys.stdin.readline()
            own_lists.set_key(name=zone, key=key, actor=actor, reason=reason)
        case _:
            own_lists.forget_key(name=zone, actor=actor, reason=reason)
