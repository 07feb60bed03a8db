"""Relays in front: add or remove one; nothing is live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.protection import naming, services
from mailguard.protection.differences import IN_FRONT, RELAY, Difference
from mailguard.protection.fronts import relays
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, read_value


class Command(command.Command):
    help = "Relays in front (backup MX, filter service): add|remove ADDRESS"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", metavar="add|remove")
        parser.add_argument("address", help="an address or a network")
        parser.add_argument("--reason", default="")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        verb, actor, reason = options["verb"], actor_at_terminal(), options["reason"]
        if verb not in ("add", "remove"):
            raise BadValue(verb, "not one of add, remove")
        network = read_value(Kind.CLIENT, options["address"])
        if verb == "add":
            naming.add_relay(text=network, actor=actor, reason=reason)
        else:
            if network not in relays():
                raise BadValue(options["address"], "is not a relay in front")
            change = Difference(f"{RELAY} {network}", IN_FRONT, "")
            services.put(change=change, actor=actor, reason=reason)
        named = list(relays())
        text = "relays in front: " + (", ".join(named) or "none")
        return command.Exit.DONE, {"relays": named}, text
