"""Own domains: add or remove one; nothing is live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.protection import naming, services
from mailguard.protection.differences import DOMAIN, Difference
from mailguard.protection.domains import own_domains
from postfixconf.errors import BadValue
from postfixconf.policy.entries import Kind, read_value


class Command(command.Command):
    help = "Own domains: add|remove DOMAIN"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", metavar="add|remove")
        parser.add_argument("domain")
        parser.add_argument("--reason", default="")

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        verb, actor, reason = options["verb"], actor_at_terminal(), options["reason"]
        if verb not in ("add", "remove"):
            raise BadValue(verb, "not one of add, remove")
        domain = read_value(Kind.SENDER_DOMAIN, options["domain"])
        if verb == "add":
            naming.add_domain(text=domain, actor=actor, reason=reason)
        else:
            if domain not in own_domains().domains:
                raise BadValue(options["domain"], "is not an own domain")
            change = Difference(f"{DOMAIN} {domain}", "own", "")
            services.put(change=change, actor=actor, reason=reason)
        domains = list(own_domains().domains)
        text = "own domains: " + (", ".join(domains) or "none")
        return command.Exit.DONE, {"domains": domains}, text
