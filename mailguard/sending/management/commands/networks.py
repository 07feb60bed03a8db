"""Trusted networks: list, add or remove; nothing is live before `apply`."""

from argparse import ArgumentParser
from typing import Any

from mailguard import command
from mailguard.accounts.services import actor_at_terminal
from mailguard.lists.reading import read_note
from mailguard.sending import networks, trusting
from mailguard.sending.judging import Judge
from mailguard.servers import services as servers
from mailguard.servers.models import Server
from postfixconf.errors import BadValue


class Command(command.Command):
    help = "Trusted networks (mynetworks): list, add NETWORK, remove NETWORK"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("verb", metavar="list|add|remove")
        parser.add_argument("network", nargs="?", default="")
        parser.add_argument("--note", default="", help="why it is trusted")
        parser.add_argument("--reason", default="")
        parser.add_argument(
            "--confirmed", action="store_true", help="whatever speaks against it"
        )

    def act(self, **options: Any) -> tuple[command.Exit, dict[str, Any], str]:
        verb, server = options["verb"], servers.local()
        asked = {
            "server": server,
            "text": options["network"],
            "actor": actor_at_terminal(),
            "reason": options["reason"],
            "confirmed": options["confirmed"],
        }
        if verb == "add":
            trusting.add(**asked, note=read_note(options["note"]))
        elif verb == "remove":
            trusting.remove(**asked)
        elif verb != "list":
            raise BadValue(verb, "not one of list, add, remove")
        told = told_of(server)
        lines = [line(each) for each in told["networks"]]
        lines += [f"{each['text']}: {each['what']}" for each in told["foreign"]]
        return command.Exit.DONE, told, "\n".join(lines) or "no trusted network"


def told_of(server: Server) -> dict[str, Any]:
    """mynetworks as a script reads it."""
    judge = Judge.of(server)
    rows = [
        {
            "network": each.network,
            "wanted": each.wanted,
            "live": each.live,
            "note": each.note.note if each.note else "",
            "author": each.note.author_name if each.note else "",
            "sent": each.sent,
            "warnings": list(each.warnings),
        }
        for each in networks.listed(server, judge)
    ]
    foreign = [{"text": word, "what": what} for word, what in networks.foreign(judge)]
    return {"networks": rows, "foreign": foreign, "style": networks.style(server)}


def line(row: dict[str, Any]) -> str:
    """One entry for people."""
    state = "" if row["wanted"] == row["live"] else ", not applied yet"
    what = "trusted" if row["wanted"] else "not trusted"
    note = f" ({row['note']})" if row["note"] else ""
    return f"{row['network']}: {what}{state}{note}"
